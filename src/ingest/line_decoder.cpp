#include "ingest/line_decoder.h"

#include <algorithm>
#include <limits>

#include "base/clock.h"
#include "base/utf8.h"
#include "ingest/line_scan.h"

namespace silverback::ingest {
namespace {

constexpr std::size_t kShapes = 512;
constexpr std::size_t kMaxFieldsOfShape = 1024;
constexpr std::size_t kSearchedFields = 32;  // of a shape, when one is not at its place
constexpr std::size_t kQuotedLine = 256;     // of a bad line, in an error

std::int64_t unit_of(Precision precision) {
  switch (precision) {
    case Precision::Nanoseconds: return 1;
    case Precision::Microseconds: return 1'000;
    case Precision::Milliseconds: return kNsPerMs;
    case Precision::Seconds: return kNsPerSecond;
    case Precision::Minutes: return 60 * kNsPerSecond;
    case Precision::Hours: return 3600 * kNsPerSecond;
  }
  return 1;
}

using line::begins_with;

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\0'; }

}  // namespace

LineDecoder::LineDecoder(const Catalog& catalog, const WriteLimits& limits)
    : catalog_(catalog),
      limits_(limits),
      seed_(process_hash_seed()),
      hash_(seed_),
      find_key_blank_(line::blank_finder()),
      labels_(limits),
      shapes_(kShapes) {
  for (std::size_t type = 0; type < kTypes; ++type) {
    type_hashes_[type] = hash128(line::type_name(static_cast<ValueType>(type)), seed_ + 1);
  }
}

void LineDecoder::forget() {
  for (Shape& shape : shapes_) shape = Shape();
  ++shapes_version_;
  known_fields_ = 0;
  last_shape_ = nullptr;
}

Status LineDecoder::parse(const Body& body, Tenant tenant, const LineOptions& options, std::int64_t now_ns,
                          Batch& batch, Tally& tally) {
  if (!valid_utf8(options.database) || !valid_utf8(options.retention_policy)) {
    return {Code::InvalidArgument, "the name of the database or of the retention policy is not valid UTF-8"};
  }
  if (body.bytes.size() > std::numeric_limits<std::uint32_t>::max()) {
    return {Code::InvalidArgument, "the body is larger than 4 GiB; send smaller batches"};
  }
  tenant_ = tenant;
  database_ = options.database;
  retention_policy_ = options.retention_policy == "autogen" ? std::string_view() : options.retention_policy;
  context_ = hash64(database_, seed_ + static_cast<std::uint64_t>(tenant));
  line_seed_ = hash64(retention_policy_, context_);
  unit_ns_ = unit_of(options.precision);
  extra_tags_ = options.extra_labels;
  if (limits_.max_future_ns <= 0 || __builtin_add_overflow(now_ns, limits_.max_future_ns, &latest_ns_)) {
    latest_ns_ = std::numeric_limits<std::int64_t>::max();
  }
  batch_ = &batch;
  tally_ = &tally;
  batch.clear();
  clear_refused();
  lines_.clear();
  fields_at_.clear();
  claims_.clear();
  dropped_ = Dropped();
  split_index_ = std::numeric_limits<std::size_t>::max();
  time_text_ = {};

  const std::int64_t default_ns = options.default_time_ns == 0 ? now_ns : options.default_time_ns;
  return parts_.read(body, default_ns, batch, tally, [this](std::int64_t time_ns) -> Status {
    enter(parts_.bytes());
    // No hour, the largest unit, begins before the earliest time.
    time_ns = std::max(time_ns, line::kMinTimeNs + unit_of(Precision::Hours));
    default_time_ns_ = floor_div(time_ns, unit_ns_) * unit_ns_;
    parse_lines();
    return {};
  });
}

// ---- one part -----------------------------------------------------------------------------------

void LineDecoder::enter(std::string_view part) {
  body_ = part;
  end_ = part.data() + part.size();
  counted_to_ = 0;
  counted_lines_ = 1;
}

void LineDecoder::parse_lines() {
  for (const char* p = body_.data(); p != end_;) {
    while (p != end_ && (is_blank(*p) || *p == '\n' || *p == '\r')) ++p;
    if (p == end_) break;
    if (*p == '#') {
      p = std::find(p, end_, '\n');
      continue;
    }
    const auto at = static_cast<std::size_t>(p - body_.data());
    if (parse_line(p)) continue;
    roll_back();
    p = body_.data() + line::line_end(body_, at);
    if (!error_.empty()) {
      reject_line(at);
    } else {
      drop_line(drop_reason_, drop_words_, at);
    }
  }
}

// ---- one line -----------------------------------------------------------------------------------

bool LineDecoder::parse_line(const char*& p) {
  error_.clear();
  drop_words_.clear();
  partial_words_.clear();
  const char* const begin = p;
  line_strings_ = batch_->strings.size();
  const auto first_run = static_cast<std::uint32_t>(batch_->runs.size());
  lines_.push_back({static_cast<std::uint32_t>(begin - body_.data()), 0, first_run});
  SeenKeys::Known* known =
      keys_.expect(begin, end_, line_seed_, [this](const char* at) { return at != end_ && *at == ' '; });
  if (known != nullptr) {
    p = begin + known->size;
    line_hash_ = known->hash;
  } else {
    for (p = find_key_blank_(p, end_); p != end_ && p[-1] == '\\' && p != begin;)
      p = find_key_blank_(p + 1, end_);
    if (p == end_ || *p == '\n') return fail("missing fields");
    const std::string_view key(begin, static_cast<std::size_t>(p - begin));
    if (key.size() > limits_.max_line_key_bytes) return fail(key_too_long(key.size()));
    line_hash_ = hash_(key, line_seed_);
    // Behind a backslash a blank ends nothing; the next time it would be taken to.
    if (!key.empty() && key.back() != '\\') known = keys_.learn(key, line_seed_, line_hash_);
  }
  const std::string_view key(begin, static_cast<std::size_t>(p - begin));
  lines_.back().key_size = static_cast<std::uint32_t>(key.size());
  while (p != end_ && is_blank(*p)) ++p;
  if (p == end_ || *p == '\n' || (*p == '\r' && line::at_value_end(p, end_))) {
    return fail("missing fields");
  }
  if (!parse_fields(p, shape_of(key, known))) return false;

  std::int64_t time_ns = default_time_ns_;
  if (!parse_time(p, time_ns) || !drop_words_.empty()) return false;
  if (!partial_words_.empty()) {
    const bool nothing_left = batch_->runs.size() == first_run;
    drop_reason_ = RefusedBecause::Malformed;
    drop_words_ = partial_words_;
    if (nothing_left) return false;
    drop_line(drop_reason_, partial_words_, static_cast<std::size_t>(begin - body_.data()));
  }
  while (batch_->times_ns.size() < batch_->bits.size()) batch_->times_ns.push_back(time_ns);
  if (!line_claims_.empty()) [[unlikely]]
    check_claims();
  return true;
}

bool LineDecoder::parse_fields(const char*& p, Shape& shape) {
  for (std::size_t position = 0;; ++position) {
    bool known = position < shape.fields.size() && begins_with(p, end_, shape.fields[position].key);
    if (!known) known = find_field(p, shape, position);
    if (!(known ? parse_field(p, shape, shape.fields[position]) : parse_new_field(p, shape, position)))
      return false;
    if (p == end_ || *p != ',') return true;
    ++p;
  }
}

// Lines of one measurement may carry different fields, such as a histogram's buckets and its sum and count:
// then the field stands at another place of the shape, where those that follow it stand too.
bool LineDecoder::find_field(const char* p, const Shape& shape, std::size_t& position) const {
  const std::size_t count = std::min(shape.fields.size(), kSearchedFields);
  for (std::size_t i = 0; i < count; ++i) {
    if (!begins_with(p, end_, shape.fields[i].key)) continue;
    position = i;
    return true;
  }
  if (shape.fields.size() < kSearchedFields) position = shape.fields.size();
  return false;
}

// A field whose key stands at `p`.
inline bool LineDecoder::parse_field(const char*& p, Shape& shape, KnownField& field) {
  const auto at = static_cast<std::uint32_t>(p - body_.data());
  line::Value value;
  p = line::read_value(p + field.key.size(), end_, value, error_);
  if (p == nullptr) return false;
  if (field.type != static_cast<std::uint8_t>(value.type)) [[unlikely]] {
    if (field.key == "time=") {
      partial_words_ = "invalid field name: input field \"time\" on measurement " +
                       quoted(shape.measurement) + " is invalid";
      return true;
    }
    if (!type_agrees(shape, field, value.type)) return true;  // the rest of the line must still parse
  }
  const Hash128& type_hash = type_hashes_[static_cast<std::size_t>(value.type)];
  batch_->runs.push_back(
      {{line_hash_.lo + field.hash.lo + type_hash.lo, line_hash_.hi + field.hash.hi + type_hash.hi},
       static_cast<std::uint32_t>(batch_->bits.size()),
       1});
  fields_at_.push_back(at);
  if (value.type == ValueType::String) return add_string(value, shape, field);
  batch_->bits.push_back(value.bits);
  return true;
}

bool LineDecoder::parse_new_field(const char*& p, Shape& shape, std::size_t position) {
  const char* words = nullptr;
  const char* const key_end = line::find_key_end(p, end_, words);
  if (key_end == nullptr) return fail(words);
  const std::string_view key(p, static_cast<std::size_t>(key_end - p));
  if (key.size() > limits_.max_line_key_bytes) return fail(key_too_long(key.size()));
  KnownField field;
  field.key.assign(p, key_end + 1);
  field.hash = hash_(key, seed_);
  if (!parse_field(p, shape, field)) return false;
  if (field.type != kUnknownType && position < kMaxFieldsOfShape) remember(shape, position, std::move(field));
  return true;
}

std::string LineDecoder::key_too_long(std::size_t size) const {
  return "max key length exceeded: " + std::to_string(size) + " > " +
         std::to_string(limits_.max_line_key_bytes);
}

bool LineDecoder::add_string(const line::Value& value, const Shape& shape, const KnownField& field) {
  std::string& strings = batch_->strings;
  const std::size_t begin = strings.size();
  if (!value.escaped) {
    strings.append(value.text);
  } else {
    for (std::size_t i = 0; i < value.text.size(); ++i) {
      const bool drops = value.text[i] == '\\' && i + 1 < value.text.size() &&
                         line::kStringEscapes.find(value.text[i + 1]) != std::string_view::npos;
      strings += value.text[drops ? ++i : i];
    }
  }
  const std::size_t size = strings.size() - begin;
  if (size > limits_.max_string_bytes && drop_words_.empty()) {
    drop_reason_ = RefusedBecause::TooLong;
    drop_words_ = "input field " + quoted(std::string_view(field.key).substr(0, field.key.size() - 1)) +
                  " on measurement " + quoted(shape.measurement) + " is too long, " + std::to_string(size) +
                  " > " + std::to_string(limits_.max_string_bytes);
  }
  if (!valid_utf8(std::string_view(strings).substr(begin))) return fail("a string that is not valid UTF-8");
  batch_->bits.push_back(std::uint64_t{begin} << 32 | size);
  return true;
}

bool LineDecoder::parse_time(const char*& p, std::int64_t& time_ns) {
  while (p != end_ && is_blank(*p)) ++p;
  const bool at_end = p == end_ || *p == '\n' || (*p == '\r' && line::at_value_end(p, end_));
  if (!at_end) {
    if (begins_with(p, end_, time_text_)) {  // the lines of a batch mostly have the same time
      time_ns = time_ns_;
      p += time_text_.size() - 1;
      return true;
    }
    const char* const begin = p;
    const bool negative = *p == '-';
    if (negative) ++p;
    std::uint64_t magnitude = 0;
    const bool digits = p != end_ && static_cast<unsigned char>(*p - '0') < 10;
    const bool fits = digits && line::read_uint64(p, end_, magnitude);
    const bool clean = p == end_ || *p == ' ' || *p == '\n' || (*p == '\r' && line::at_value_end(p, end_));
    if (!digits || !clean) return fail("bad timestamp");
    std::int64_t given = 0;
    if (!fits || magnitude > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) ||
        __builtin_mul_overflow(
            negative ? -static_cast<std::int64_t>(magnitude) : static_cast<std::int64_t>(magnitude), unit_ns_,
            &given) ||
        given < line::kMinTimeNs || given > line::kMaxTimeNs) {
      return fail("time outside range " + std::to_string(line::kMinTimeNs) + " - " +
                  std::to_string(line::kMaxTimeNs));
    }
    time_ns = given;
    if (p != end_ && *p == '\n' && time_ns <= latest_ns_) {
      time_ns_ = time_ns;
      time_text_ = {begin, static_cast<std::size_t>(p + 1 - begin)};
    }
    while (p != end_ && *p == ' ') ++p;
    if (p != end_ && *p == '\r') ++p;
    if (p != end_ && *p != '\n') return fail("point is invalid");
  }
  if (time_ns > latest_ns_ && drop_words_.empty()) {
    drop_reason_ = RefusedBecause::TimeRange;
    drop_words_ = "time is too far in the future; check the sender's clock";
  }
  return true;
}

// ---- lines that are left out --------------------------------------------------------------------

bool LineDecoder::fail(std::string words) {
  error_ = std::move(words);
  return false;
}

void LineDecoder::roll_back() {
  const Line& line = lines_.back();
  if (!line_claims_.empty()) take_back_claims();  // a line that is not stored sets no types
  batch_->runs.resize(line.first_run);
  batch_->bits.resize(batch_->times_ns.size());
  batch_->strings.resize(line_strings_);
  fields_at_.resize(line.first_run);
  lines_.pop_back();
}

std::uint32_t LineDecoder::line_number(std::size_t at) {
  if (at < counted_to_) {
    counted_to_ = 0;
    counted_lines_ = 1;
  }
  counted_lines_ +=
      static_cast<std::uint32_t>(std::count(body_.begin() + static_cast<std::ptrdiff_t>(counted_to_),
                                            body_.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
  counted_to_ = at;
  return counted_lines_;
}

// A mistake in measurement or tags comes first, as it stands first in the line.
void LineDecoder::reject_line(std::size_t at) {
  std::string_view whole = body_.substr(at, line::line_end(body_, at) - at);
  if (whole.ends_with('\r')) whole.remove_suffix(1);
  const RefusedBecause reason = error_.starts_with("time outside") ? RefusedBecause::TimeRange
                                : error_.starts_with("max key")    ? RefusedBecause::TooLong
                                                                   : RefusedBecause::Malformed;
  if (!tally_->wants_text()) {
    tally_->refuse(reason, 1, 0, {});
    return;
  }
  const std::size_t key_end = line::key_end(whole);
  std::string_view measurement;
  if (const Status split = line::split_key(whole.substr(0, key_end), measurement, tags_); !split.ok()) {
    error_ = split.message();
  }
  tally_->refuse(reason, 1, line_number(at), unable_to_parse(whole, error_));
}

std::string LineDecoder::unable_to_parse(std::string_view whole, std::string_view words) {
  std::string text = "unable to parse '" + to_valid_utf8(whole.substr(0, kQuotedLine));
  if (whole.size() > kQuotedLine) text += "...";
  return text.append("': ").append(words);
}

void LineDecoder::drop_line(RefusedBecause reason, std::string words, std::size_t at) {
  ++dropped_.points;
  if (dropped_.words.empty()) dropped_.words = words;
  tally_->refuse(reason, 1, tally_->wants_text() ? line_number(at) : 0, std::move(words));
}

}  // namespace silverback::ingest
