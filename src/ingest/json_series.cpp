// JsonDecoder's answers: the labels of a new series, and what the store refused.
#include <algorithm>

#include "base/utf8.h"
#include "ingest/json_decoder.h"

namespace silverback::ingest {
namespace {

Status half_character(std::string_view where) {
  return {Code::InvalidArgument, std::string(where) + " has a \\u escape that is half a character"};
}

}  // namespace

void JsonDecoder::go_to(std::size_t run) {
  if (!parts_.go_to(run)) return;
  JsonScan scan(parts_.bytes());
  enter(scan);
}

Result<NewSeries> JsonDecoder::decode(std::size_t run, RefusedBecause& reason) {
  go_to(run);
  const Series& at = series_[run];
  labels_.clear();
  storage_.clear();
  storage_.reserve(std::size_t{at.name_size} + at.labels_size);  // views into it must stay good
  if (at.name_size > 0) {
    std::string_view name;
    if (!unescape_json({body_.substr(at.name_at, at.name_size), at.name_escaped}, storage_, name)) {
      return half_character("the name");
    }
    if (const Status added = labels_.add(kMetricName, name, reason); !added.ok()) return added;
  }
  if (at.labels_size > 0) {
    Status added = add_labels(body_.substr(at.labels_at, at.labels_size), reason);
    if (!added.ok()) return std::move(added).in("labels");
  }
  auto labels = labels_.finish(reason);
  if (!labels) return labels.status();
  NewSeries series;
  series.labels = std::move(*labels);
  return series;
}

// Of an object that has been walked over, so it is whole.
Status JsonDecoder::add_labels(std::string_view object, RefusedBecause& reason) {
  JsonScan scan(object);
  scan.take('{');
  for (bool more = !scan.take('}'); more;) {
    JsonText raw_name;
    std::string_view name;
    std::string_view value;
    if (!scan.member(raw_name)) return {Code::Internal, "labels that were read cannot be read again"};
    if (!unescape_json(raw_name, storage_, name)) {
      return half_character("label name " + quoted(raw_name.raw));
    }
    const char first = scan.peek();
    const char* const begin = scan.at();
    if (first == '"') {
      JsonText text;
      if (!scan.string(text) || !unescape_json(text, storage_, value)) {
        return half_character("the value of label " + quoted(name));
      }
    } else if (first == '{' || first == '[') {
      return {Code::InvalidArgument,
              to_valid_utf8(name) + ": a string is needed here, not " + std::string(json_type_at(first))};
    } else {  // a number, true or false: as it stands; null is no label
      if (!scan.value()) return {Code::Internal, "labels that were read cannot be read again"};
      if (first != 'n') value = {begin, static_cast<std::size_t>(scan.at() - begin)};
    }
    if (const Status added = labels_.add(name, value, reason); !added.ok()) return added;
    if (!scan.next('}', more)) return {Code::Internal, "labels that were read cannot be read again"};
  }
  return {};
}

void JsonDecoder::finish(const AppendOutcome& outcome, Tally& tally) {
  tally_ = &tally;
  WriteReport& report = tally.report();
  report.stored = outcome.stored;
  for (const Refusal& refusal : outcome.refused) {
    go_to(refusal.run);
    tally.go_to_part(parts_.number());
    refuse(reason_of(refusal), refusal.samples, series_[refusal.run].place, refusal.why.message());
  }
  if (report.complete()) return;
  tally.sort_problems();
  report.message = join_problems(report);
}

void JsonDecoder::refuse(RefusedBecause reason, std::uint64_t samples, std::uint32_t place,
                         std::string_view words) {
  std::uint32_t number = 0;
  std::string text;
  if (tally_->wants_text()) {
    number = is_list_ ? place : line_number(place);
    text = (is_list_ ? "sample " : "line ") + std::to_string(number) + ": " + std::string(words);
  }
  tally_->refuse(reason, samples, number, std::move(text));
}

std::uint32_t JsonDecoder::line_number(std::uint32_t at) {
  if (at < counted_to_) {
    counted_to_ = 0;
    counted_lines_ = 1;
  }
  const std::string_view between = body_.substr(counted_to_, at - counted_to_);
  counted_lines_ += static_cast<std::uint32_t>(std::ranges::count(between, '\n'));
  counted_to_ = at;
  return counted_lines_;
}

}  // namespace silverback::ingest
