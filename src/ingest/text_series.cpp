// TextDecoder's answers: the labels of a new series, and what the store refused.
#include "ingest/text_decoder.h"

namespace silverback::ingest {
namespace {

Status invalid(std::string words) { return {Code::InvalidArgument, std::move(words)}; }

void skip_blanks(std::string_view& text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
}

bool is_name(std::string_view name, bool metric) {
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (metric && c == ':');
    if (!letter && (i == 0 || c < '0' || c > '9')) return false;
  }
  return !name.empty();
}

std::string_view take_plain_name(std::string_view& text) {
  std::size_t end = 0;
  while (end < text.size() && std::string_view(" \t{}=,\"").find(text[end]) == std::string_view::npos) ++end;
  const std::string_view name = text.substr(0, end);
  text.remove_prefix(end);
  return name;
}

// A text in quotes, \\ \" and \n unescaped. `storage` has the room already. Null data when it does not end.
std::string_view take_quoted(std::string_view& text, std::string& storage) {
  std::size_t end = 1;
  bool escaped = false;
  while (end < text.size() && text[end] != '"') {
    escaped |= text[end] == '\\';
    end += text[end] == '\\' ? 2 : 1;
  }
  if (end >= text.size()) return {};
  const std::string_view raw = text.substr(1, end - 1);
  text.remove_prefix(end + 1);
  if (!escaped) return raw;
  const std::size_t begin = storage.size();
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '\\') {
      storage += raw[i];
      continue;
    }
    ++i;
    if (raw[i] != 'n' && raw[i] != '\\' && raw[i] != '"') storage += '\\';
    storage += raw[i] == 'n' ? '\n' : raw[i];
  }
  return std::string_view(storage).substr(begin);
}

}  // namespace

Status TextDecoder::read_labels(std::string_view text, RefusedBecause& reason) {
  const std::string_view metric = take_plain_name(text);
  if (!metric.empty()) {
    if (!is_name(metric, true)) {
      return invalid("metric name " + quoted(metric) +
                     " has other characters than letters, digits, _ and :; write {" + quoted(metric) + "}");
    }
    if (const Status added = labels_.add(kMetricName, metric, reason); !added.ok()) return added;
  }
  skip_blanks(text);
  if (text.empty()) return {};
  text.remove_prefix(1);  // the brace
  for (;;) {
    skip_blanks(text);
    if (text.empty()) return invalid("the labels have no closing brace");
    if (text.front() == '}') break;
    const bool in_quotes = text.front() == '"';
    const std::string_view name = in_quotes ? take_quoted(text, storage_) : take_plain_name(text);
    if (in_quotes && name.data() == nullptr) return invalid("a label name has no closing quote");
    if (!in_quotes && !is_name(name, false)) return invalid("label name " + quoted(name) + " is not one");
    skip_blanks(text);
    if (in_quotes && (text.starts_with(',') || text.starts_with('}'))) {  // {"metric name", ...}
      if (const Status added = labels_.add(kMetricName, name, reason); !added.ok()) return added;
    } else {
      if (!text.starts_with('=')) return invalid("there is no = after label name " + quoted(name));
      text.remove_prefix(1);
      skip_blanks(text);
      if (!text.starts_with('"')) return invalid("the value of label " + quoted(name) + " is not in quotes");
      const std::string_view value = take_quoted(text, storage_);
      if (value.data() == nullptr)
        return invalid("the value of label " + quoted(name) + " has no closing quote");
      if (const Status added = labels_.add(name, value, reason); !added.ok()) return added;
      skip_blanks(text);
    }
    if (text.starts_with(',')) {
      text.remove_prefix(1);
    } else if (!text.starts_with('}')) {
      return invalid("there is neither a comma nor a closing brace after label " + quoted(name));
    }
  }
  if (text.size() != 1) return invalid("unexpected text " + quoted(text.substr(1)) + " after the labels");
  return {};
}

Result<NewSeries> TextDecoder::decode(std::size_t run, RefusedBecause& reason) {
  if (parts_.go_to(run)) body_ = parts_.bytes();
  const Series& at = series_[run];
  labels_.clear();
  storage_.clear();
  storage_.reserve(at.size);  // views into it must stay good
  if (const Status read = read_labels(body_.substr(at.at, at.size), reason); !read.ok()) return read;
  auto labels = labels_.finish(reason);
  if (!labels) return labels.status();
  NewSeries series;
  series.labels = std::move(*labels);
  return series;
}

void TextDecoder::finish(const AppendOutcome& outcome, Tally& tally) {
  WriteReport& report = tally.report();
  report.stored = outcome.stored;
  for (const Refusal& refusal : outcome.refused) {
    tally.go_to_part(parts_.part_of(refusal.run));
    const std::uint32_t line = series_[refusal.run].line;
    std::string text;
    if (tally.wants_text()) text = "line " + std::to_string(line) + ": " + std::string(refusal.why.message());
    tally.refuse(reason_of(refusal), refusal.samples, line, std::move(text));
  }
  if (report.complete()) return;
  tally.sort_problems();
  report.message = join_problems(report);
}

}  // namespace silverback::ingest
