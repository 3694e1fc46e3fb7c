#include "ingest/json_decoder.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/number.h"
#include "base/utf8.h"
#include "ingest/json_time.h"
#include "ingest/read_float.h"

namespace silverback::ingest {
namespace {

constexpr std::uint64_t kNameSeed = 4;  // more than the process's, which tell the kinds of keys apart
constexpr std::uint64_t kLabelsSeed = 5;

// Nothing but blanks up to the end of the line.
bool ends_line(JsonScan& scan) {
  const char* p = scan.at();
  while (p != scan.end() && (*p == ' ' || *p == '\t' || *p == '\r')) ++p;
  scan.go_to(p);
  return p == scan.end() || *p == '\n' || scan.fail("something follows the object on its line");
}

// Where reading goes on behind an object that begins at `start` and is not JSON at `bad`.
const char* behind_bad(const char* start, const char* bad, const char* end) {
  const std::string_view rest(start, static_cast<std::size_t>(end - start));
  const auto newline = rest.find('\n');
  if (newline == std::string_view::npos) return end;
  if (start + newline >= bad) return start + newline;
  const auto next = rest.find("\n{");
  return next == std::string_view::npos ? end : start + next + 1;
}

bool has_digit(std::string_view text) { return text.find_first_of("0123456789") != std::string_view::npos; }

}  // namespace

JsonDecoder::JsonDecoder(const WriteLimits& limits)
    : limits_(limits),
      name_hash_(process_hash_seed() + kNameSeed),
      labels_hash_(process_hash_seed() + kLabelsSeed),
      labels_(limits) {}

Status JsonDecoder::parse(const Body& body, const JsonOptions& options, std::int64_t now_ns, Batch& batch,
                          Tally& tally) {
  if (body.bytes.size() > std::numeric_limits<std::uint32_t>::max()) {
    return {Code::InvalidArgument, "the body is larger than 4 GiB; send smaller batches"};
  }
  time_unit_ = options.time_unit;
  if (limits_.max_future_ns <= 0 || __builtin_add_overflow(now_ns, limits_.max_future_ns, &latest_ns_)) {
    latest_ns_ = std::numeric_limits<std::int64_t>::max();
  }
  labels_.set_extra(options.extra_labels);
  batch_ = &batch;
  tally_ = &tally;
  batch.clear();
  if (series_.capacity() > (std::size_t{1} << 18)) std::vector<Series>().swap(series_);
  series_.clear();
  clear_refused();
  if (Status named = name_fields(options.fields); !named.ok()) return named;

  const std::int64_t default_ns = options.default_time_ns == 0 ? now_ns : options.default_time_ns;
  return parts_.read(body, default_ns, batch, tally, [this](std::int64_t time_ns) {
    default_time_ns_ = time_ns;
    return parse_part();
  });
}

Status JsonDecoder::name_fields(const JsonFields& fields) {
  const bool usual =
      fields.name.empty() && fields.labels.empty() && fields.value.empty() && fields.timestamp.empty();
  if (usual && usual_fields_) return {};
  usual_fields_ = usual;
  usual_members_ = {};
  fields_.clear();
  const auto add = [this](Field field, std::string_view own, std::initializer_list<std::string_view> names) {
    if (!own.empty()) return fields_.push_back({own, field});
    for (const std::string_view name : names) fields_.push_back({name, field});
  };
  add(Field::Name, fields.name, {"name", "metric"});
  add(Field::Labels, fields.labels, {"labels", "tags"});
  add(Field::Value, fields.value, {"value", "values"});
  add(Field::Time, fields.timestamp, {"timestamp", "time", "timestamps"});
  for (std::size_t i = 0; i < fields_.size() && !usual; ++i) {
    for (std::size_t k = 0; k < i; ++k) {
      if (fields_[i].text != fields_[k].text) continue;
      return {Code::InvalidArgument, "two fields of a sample are called " + quoted(fields_[i].text) +
                                         "; give each a name of its own"};
    }
  }
  return {};
}

// ---- one part -----------------------------------------------------------------------------------

void JsonDecoder::enter(JsonScan& scan) {
  body_ = parts_.bytes();
  is_list_ = scan.take('[');
  counted_to_ = 0;
  counted_lines_ = 1;
}

Status JsonDecoder::parse_part() {
  JsonScan scan(parts_.bytes());
  enter(scan);
  if (is_list_) {
    const std::size_t before = series_.size();
    Status parsed = parse_list(scan);
    if (!parsed.ok()) series_.resize(before);
    return parsed;
  }
  parse_lines(scan);
  return {};
}

Status JsonDecoder::parse_list(JsonScan& scan) {
  std::uint32_t number = 0;
  bool good = true;
  for (bool more = !scan.take(']'); more && good;) {
    sample_.place = ++number;
    good = parse_sample(scan) && scan.next(']', more);
    if (good) keep();
  }
  if (!good) {
    return Status(Code::InvalidArgument, not_json(scan.at(), scan.words()))
        .in("sample " + std::to_string(number));
  }
  if (scan.peek(); scan.at_end()) return {};
  return {Code::InvalidArgument, not_json(scan.at(), "something follows the list")};
}

void JsonDecoder::parse_lines(JsonScan& scan) {
  for (scan.skip_blanks(); !scan.at_end(); scan.skip_blanks()) {
    const char* const start = scan.at();
    sample_.place = static_cast<std::uint32_t>(start - body_.data());
    if (parse_sample(scan) && ends_line(scan)) {
      keep();
      continue;
    }
    const std::string words = tally_->wants_text() ? not_json(scan.at(), scan.words()) : std::string();
    refuse(RefusedBecause::Malformed, 1, sample_.place, words);
    scan.go_to(behind_bad(start, scan.at(), scan.end()));
  }
}

std::string JsonDecoder::not_json(const char* at, std::string_view words) const {
  const std::string_view before(body_.data(), static_cast<std::size_t>(at - body_.data()));
  const auto lines = std::ranges::count(before, '\n');
  const std::size_t column = before.size() - (lines == 0 ? 0 : before.rfind('\n') + 1);
  return "not JSON at line " + std::to_string(lines + 1) + ", column " + std::to_string(column + 1) + ": " +
         std::string(words);
}

// ---- one sample ---------------------------------------------------------------------------------

// False when it is not JSON. What is wrong otherwise is kept for keep().
bool JsonDecoder::parse_sample(JsonScan& scan) {
  sample_ = Series{.place = sample_.place};
  has_name_ = has_labels_ = bad_ = false;
  key_ = Hash128();
  values_.clear();
  times_.clear();
  if (scan.peek() != '{') {
    const char first = scan.peek();
    if (!scan.value()) return false;
    problem({}, "an object is needed here, not " + std::string(json_type_at(first)));
    return true;
  }
  scan.take('{');
  std::size_t number = 0;
  for (bool more = !scan.take('}'); more;) {
    UsualMember& usual = usual_members_[number++ % usual_members_.size()];
    JsonText name;
    Field field{};
    if (!parse_member(scan, usual, name, field) || !parse_field(scan, field, name) || !scan.next('}', more))
      return false;
  }
  check_columns();
  return true;
}

// The name and the colon.
bool JsonDecoder::parse_member(JsonScan& scan, UsualMember& usual, JsonText& name, Field& field) {
  constexpr std::size_t kLongest = 64;  // that is remembered
  scan.skip_blanks();
  const char* const begin = scan.at();
  if (!usual.text.empty() &&
      std::string_view(begin, static_cast<std::size_t>(scan.end() - begin)).starts_with(usual.text)) {
    name.raw = {begin + 1, usual.name_size};
    field = usual.field;
    scan.go_to(begin + usual.text.size());
    return true;
  }
  if (!scan.member(name)) return false;
  field = field_of(name);
  const auto size = static_cast<std::size_t>(scan.at() - begin);
  if (size <= kLongest) usual = {std::string(begin, size), name.raw.size(), field};
  return true;
}

JsonDecoder::Field JsonDecoder::field_of(const JsonText& name) const {
  std::string storage;
  std::string_view text;
  if (!unescape_json(name, storage, text)) return Field::Other;
  for (const FieldName& field : fields_) {
    if (field.text == text) return field.field;
  }
  return Field::Other;
}

bool JsonDecoder::parse_field(JsonScan& scan, Field field, const JsonText& name) {
  switch (field) {
    case Field::Name: return parse_name(scan, name);
    case Field::Labels: return parse_labels(scan, name);
    case Field::Value: return parse_column<&JsonDecoder::parse_value>(scan, name, values_);
    case Field::Time: return parse_column<&JsonDecoder::parse_time>(scan, name, times_);
    case Field::Other: break;
  }
  return scan.value();
}

bool JsonDecoder::parse_name(JsonScan& scan, const JsonText& name) {
  const char first = scan.peek();
  if (first == '{') return parse_labels(scan, name);
  if (first == 'n') return scan.literal("null");
  if (first != '"') return parse_other_type(scan, name, "a string");
  if (has_name_) problem(name, "the name stands twice");
  has_name_ = true;
  JsonText text;
  if (!scan.string(text)) return false;
  sample_.name_at = static_cast<std::uint32_t>(text.raw.data() - body_.data());
  sample_.name_size = static_cast<std::uint32_t>(text.raw.size());
  sample_.name_escaped = text.escaped;
  if (text.raw.empty()) return true;  // is no name
  const Hash128 hash = name_hash_(text.raw);
  key_ = {key_.lo + hash.lo, key_.hi + hash.hi};
  return true;
}

bool JsonDecoder::parse_labels(JsonScan& scan, const JsonText& name) {
  const char first = scan.peek();
  if (first == 'n') return scan.literal("null");
  if (first != '{') return parse_other_type(scan, name, "an object");
  if (has_labels_) problem(name, "the labels stand twice");
  has_labels_ = true;
  const char* const begin = scan.at();
  Hash128 hash;
  // Where the same bytes stand, from brace to brace, the labels end at the same place.
  if (const auto* known = keys_.expect(begin, scan.end(), /*seed=*/0, [](const char*) { return true; })) {
    scan.go_to(begin + known->size);
    hash = known->hash;
  } else {
    if (!scan.value()) return false;
    const std::string_view object(begin, static_cast<std::size_t>(scan.at() - begin));
    hash = labels_hash_(object);
    keys_.learn(object, /*seed=*/0, hash);
  }
  sample_.labels_at = static_cast<std::uint32_t>(begin - body_.data());
  sample_.labels_size = static_cast<std::uint32_t>(scan.at() - begin);
  key_ = {key_.lo + hash.lo, key_.hi + hash.hi};
  return true;
}

// One cell, or a list of them.
template <auto Read, typename T>
bool JsonDecoder::parse_column(JsonScan& scan, const JsonText& name, Column<T>& column) {
  if (column.given) {
    problem(name, "it is given twice");
    column.clear();
  }
  column.given = true;
  column.listed = scan.peek() == '[';
  if (!column.listed) return (this->*Read)(scan, name);
  scan.take('[');
  for (bool more = !scan.take(']'); more;) {
    if (!(this->*Read)(scan, name) || !scan.next(']', more)) return false;
  }
  return true;
}

bool JsonDecoder::parse_value(JsonScan& scan, const JsonText& name) {
  double& value = values_.cells.emplace_back();
  const char first = scan.peek();
  std::string_view text;
  if (first == 't' || first == 'f') {
    value = first == 't' ? 1 : 0;
    return scan.literal(first == 't' ? "true" : "false");
  }
  if (first == 'n' && values_.listed) {  // so they are exported
    value = std::numeric_limits<double>::quiet_NaN();
    return scan.literal("null");
  }
  if (first == '{' || first == '[' || first == 'n') return parse_other_type(scan, name, "a number");
  if (first == '"') {
    JsonText quoted_text;
    if (!scan.string(quoted_text)) return false;
    text = quoted_text.raw;
  } else if (!scan.number(text)) {
    return false;
  }
  if (!read_float(text, value)) {
    problem(name, quoted(text) + " is not a number");
  } else if (std::isinf(value) && has_digit(text)) {
    problem(name, quoted(text) + " is beyond the range of a double");
  }
  return true;
}

bool JsonDecoder::parse_time(JsonScan& scan, const JsonText& name) {
  const char first = scan.peek();
  if (first == 'n' && !times_.listed) {
    times_.given = false;
    return scan.literal("null");
  }
  std::int64_t& time_ns = times_.cells.emplace_back();
  std::string_view text;
  if (first == '"') {
    JsonText quoted_text;
    if (!scan.string(quoted_text)) return false;
    text = quoted_text.raw;
    if (const auto time = parse_rfc3339_ns(text)) {
      time_ns = *time;
      return true;
    }
  } else if (first == '-' || (first >= '0' && first <= '9')) {
    if (!scan.number(text)) return false;
  } else {
    return parse_other_type(scan, name, "a time");
  }
  if (const Status read = read_json_time(text, time_unit_, time_ns); !read.ok()) {
    const bool range = read.code() == Code::OutOfBounds;
    problem(name, read.message(), range ? RefusedBecause::TimeRange : RefusedBecause::Malformed);
  }
  return true;
}

bool JsonDecoder::parse_other_type(JsonScan& scan, const JsonText& name, std::string_view wanted) {
  const char first = scan.peek();
  if (!scan.value()) return false;
  problem(name, std::string(wanted) + " is needed here, not " + std::string(json_type_at(first)));
  return true;
}

void JsonDecoder::check_columns() {
  const std::size_t values = values_.cells.size();
  if (!values_.given) return problem({}, "there is no value");
  if (!has_name_ && !has_labels_) return problem({}, "there is no name");
  if (!times_.given) {
    if (values == 1) return times_.cells.push_back(default_time_ns_);
    if (values == 0) return;
  }
  if (times_.cells.size() == values) return;
  problem({}, "there are " + std::to_string(values) + " values and " + std::to_string(times_.cells.size()) +
                  " times");
}

void JsonDecoder::keep() {
  const std::size_t values = values_.cells.size();
  if (bad_) return refuse(bad_because_, std::max<std::size_t>(values, 1), sample_.place, bad_words_);
  if (values == 0) return;
  batch_->add_series(key_);
  for (std::size_t i = 0; i < values; ++i) {
    if (times_.cells[i] > latest_ns_) [[unlikely]] {
      refuse(RefusedBecause::TimeRange, 1, sample_.place,
             "the timestamp is too far in the future; check the sender's clock");
    } else {
      batch_->add_sample(times_.cells[i], values_.cells[i]);
    }
  }
  if (batch_->runs.back().count == 0) return batch_->runs.pop_back();
  series_.push_back(sample_);
}

// ---- what is left out ---------------------------------------------------------------------------

// The first one of a sample is told.
void JsonDecoder::problem(const JsonText& name, std::string_view words, RefusedBecause reason) {
  constexpr std::size_t kMostShown = 100;
  if (bad_) return;
  bad_ = true;
  bad_because_ = reason;
  bad_words_.clear();
  if (!tally_->wants_text()) return;
  if (name.raw.data() != nullptr) bad_words_ = to_valid_utf8(name.raw.substr(0, kMostShown)) + ": ";
  bad_words_ += words;
}

}  // namespace silverback::ingest
