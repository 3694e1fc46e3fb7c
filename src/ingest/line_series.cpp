// LineDecoder's answers: the labels of a new series, and what the store refused.
#include <algorithm>

#include "base/utf8.h"
#include "ingest/line_decoder.h"

namespace silverback::ingest {
namespace {

constexpr std::string_view kParseError = "unable to parse '";

bool needs_prefix(std::string_view tag) {
  return tag == kDatabaseLabel || tag == kMetricName || is_hidden_label(tag) || tag.starts_with(kTagPrefix);
}

}  // namespace

void LineDecoder::go_to(std::size_t run) {
  if (parts_.go_to(run)) enter(parts_.bytes());
}

std::size_t LineDecoder::line_of(std::size_t run) const {
  const auto after = std::upper_bound(lines_.begin(), lines_.end(), run,
                                      [](std::size_t r, const Line& line) { return r < line.first_run; });
  return static_cast<std::size_t>(after - lines_.begin()) - 1;
}

std::string_view LineDecoder::whole_line(const Line& line) const {
  std::string_view whole = body_.substr(line.at, line::line_end(body_, line.at) - line.at);
  if (whole.ends_with('\r')) whole.remove_suffix(1);
  return whole;
}

// Measurement and tags of a line, unescaped and checked; kept for the line's other fields.
Status LineDecoder::split_line(std::size_t index) {
  split_index_ = std::numeric_limits<std::size_t>::max();
  const Line& line = lines_[index];
  const std::string_view key = body_.substr(line.at, line.key_size);
  if (const Status split = line::split_key(key, measurement_, tags_); !split.ok()) return split;
  if (!valid_utf8(key)) return {Code::InvalidArgument, "measurement or tags are not valid UTF-8"};
  std::size_t storage = 2 * key.size() + (tags_.size() + extra_tags_.size()) * kTagPrefix.size();
  for (const auto& [name, value] : extra_tags_) storage += name.size();
  key_storage_.clear();
  key_storage_.reserve(storage);  // views into it must stay good
  measurement_ = line::unescape(measurement_, line::kMeasurementEscapes, key_storage_);
  for (LabelView& tag : tags_) {
    tag.name = line::unescape(tag.name, line::kTagEscapes, key_storage_);
    tag.value = line::unescape(tag.value, line::kTagEscapes, key_storage_);
    if (Status renamed = rename_tag(tag); !renamed.ok()) return renamed;
  }
  std::sort(tags_.begin(), tags_.end());
  const auto same_name = [](const LabelView& a, const LabelView& b) { return a.name == b.name; };
  if (std::adjacent_find(tags_.begin(), tags_.end(), same_name) != tags_.end()) {
    return {Code::InvalidArgument, "duplicate tags"};
  }
  if (Status added = add_extra_tags(); !added.ok()) return added;
  split_index_ = index;
  return {};
}

// A tag's name as a label. key_storage_ has the room.
Status LineDecoder::rename_tag(LabelView& tag) {
  if (tag.name == "time") {
    return {Code::InvalidArgument,
            "invalid tag key: input tag \"time\" on measurement " + quoted(measurement_) + " is invalid"};
  }
  if (!needs_prefix(tag.name)) return {};
  const std::size_t begin = key_storage_.size();
  key_storage_.append(kTagPrefix).append(tag.name);
  tag.name = std::string_view(key_storage_).substr(begin);
  return {};
}

// Labels from outside, which no escapes are taken out of.
Status LineDecoder::add_extra_tags() {
  const auto own = static_cast<std::ptrdiff_t>(tags_.size());
  for (const auto& [name, value] : extra_tags_) {
    LabelView tag{name, value};
    if (Status renamed = rename_tag(tag); !renamed.ok()) return renamed;
    tags_.push_back(tag);
  }
  const auto extra = tags_.begin() + own;
  const auto replaced = [&](const LabelView& tag) {
    return std::any_of(extra, tags_.end(), [&](const LabelView& other) { return other.name == tag.name; });
  };
  tags_.erase(std::remove_if(tags_.begin(), extra, replaced), extra);
  return {};
}

Result<NewSeries> LineDecoder::decode(std::size_t run, RefusedBecause& reason) {
  go_to(run);
  const std::size_t index = line_of(run);
  if (index != split_index_) {
    if (const Status split = split_line(index); !split.ok()) return split;
  }
  const char* const field_at = body_.data() + fields_at_[run];
  const char* words = nullptr;
  const char* const field_end = line::find_key_end(field_at, end_, words);
  line::Value value;
  std::string error;
  if (field_end == nullptr || line::read_value(field_end + 1, end_, value, error) == nullptr) {
    return Status(Code::Internal, "a field that was read before cannot be read again");
  }
  const std::string_view raw_field(field_at, static_cast<std::size_t>(field_end - field_at));
  if (!valid_utf8(raw_field)) return Status(Code::InvalidArgument, "a field key is not valid UTF-8");
  field_storage_.clear();
  field_storage_.reserve(raw_field.size());
  const std::string_view field = line::unescape(raw_field, line::kFieldEscapes, field_storage_);

  metric_.assign(measurement_).append(1, '_').append(field);
  labels_.clear();
  for (const LabelView& tag : tags_) {
    if (const Status added = labels_.add(tag.name, tag.value, reason); !added.ok()) return added;
  }
  labels_.set(kMetricName, metric_);
  labels_.set(kDatabaseLabel, database_);
  labels_.set(kFieldLabel, field);
  labels_.set(kRetentionPolicyLabel, retention_policy_);  // the default one is empty, and so left out
  auto labels = labels_.finish(reason);
  if (!labels) return labels.status();
  return NewSeries{std::move(*labels), value.type, database_, std::string(measurement_), std::string(field)};
}

void LineDecoder::finish(const AppendOutcome& outcome, Tally& tally) {
  tally_ = &tally;
  WriteReport& report = tally.report();
  report.stored = outcome.stored;
  std::uint64_t bad_lines = 0;
  std::size_t last_line = std::numeric_limits<std::size_t>::max();
  for (const Refusal& refusal : outcome.refused) {
    go_to(refusal.run);
    tally.go_to_part(parts_.number());
    const std::size_t index = line_of(refusal.run);
    const RefusedBecause reason = reason_of(refusal);
    if (index == last_line) {  // several fields of one point are one problem
      report.refused[static_cast<std::size_t>(reason)] += refusal.samples;
      continue;
    }
    last_line = index;
    const std::string words(refusal.why.message());
    const Line& line = lines_[index];
    if (!refused_by_us(refusal.run) || words.starts_with("invalid tag key")) {
      drop_line(reason, words, line.at);
      continue;
    }
    ++bad_lines;
    const bool wanted = tally.wants_text();
    tally.refuse(reason, refusal.samples, wanted ? line_number(line.at) : 0,
                 wanted ? unable_to_parse(whole_line(line), words) : std::string());
  }
  if (report.complete()) return;
  tally.sort_problems();
  report.message = message(report, lines_.size() - bad_lines);
}

// InfluxDB's answer: points that were dropped are counted and their first reason is given; every line that
// does not parse is quoted. Without a single point there was no write that could be partial.
std::string LineDecoder::message(const WriteReport& report, std::uint64_t good_lines) const {
  constexpr std::size_t kMost = 20;
  std::string text = dropped_.words;
  std::uint64_t shown = dropped_.points;
  std::size_t quoted_lines = 0;
  for (const WriteProblem& problem : report.problems) {
    if (!problem.text.starts_with(kParseError)) continue;
    if (++quoted_lines > kMost) break;
    if (!text.empty()) text += '\n';
    text += problem.text;
    ++shown;
  }
  if (report.problem_count > shown) {
    text += "\nand " + std::to_string(report.problem_count - shown) + " more lines that cannot be parsed";
  }
  if (good_lines == 0 && dropped_.points == 0) return text;
  return "partial write: " + text + " dropped=" + std::to_string(dropped_.points);
}

}  // namespace silverback::ingest
