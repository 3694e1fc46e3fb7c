#include "ingest/text_decoder.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/clock.h"
#include "base/utf8.h"
#include "ingest/line_scan.h"
#include "ingest/read_float.h"

namespace silverback::ingest {
namespace {

Status invalid(std::string words) { return {Code::InvalidArgument, std::move(words)}; }

bool is_blank(char c) { return c == ' ' || c == '\t'; }

std::string_view trim_front(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  return text;
}

// The next word; `rest` goes on behind it, blanks taken away.
std::string_view take_word(std::string_view& rest) {
  std::size_t end = 0;
  while (end < rest.size() && !is_blank(rest[end])) ++end;
  const std::string_view word = rest.substr(0, end);
  rest = trim_front(rest.substr(end));
  return word;
}

bool find_char(std::string_view text, char c) { return std::memchr(text.data(), c, text.size()) != nullptr; }

// Where the labels end, quotes considered: behind the closing brace. npos when there is none.
std::size_t labels_end(std::string_view line, std::size_t at) {
  for (bool in_quotes = false; at < line.size(); ++at) {
    const char c = line[at];
    if (in_quotes && c == '\\') {
      ++at;
    } else if (c == '"') {
      in_quotes = !in_quotes;
    } else if (!in_quotes && c == '}') {
      return at + 1;
    }
  }
  return std::string_view::npos;
}

// The end of the series at the beginning of `line`: name and labels.
std::size_t series_end(std::string_view line) {
  std::size_t name = 0;
  while (name < line.size() && line[name] != '{' && !is_blank(line[name])) ++name;
  std::size_t brace = name;
  while (brace < line.size() && is_blank(line[brace])) ++brace;
  if (brace == line.size() || line[brace] != '{') return name;
  if (find_char(line, '#')) return labels_end(line, brace);
  const void* const last = memrchr(line.data(), '}', line.size());
  if (last == nullptr) return std::string_view::npos;
  return static_cast<std::size_t>(static_cast<const char*>(last) - line.data()) + 1;
}

std::string_view take_line(std::string_view& rest) {
  const auto* const newline = static_cast<const char*>(std::memchr(rest.data(), '\n', rest.size()));
  const std::size_t size = newline == nullptr ? rest.size() : static_cast<std::size_t>(newline - rest.data());
  std::string_view line = rest.substr(0, size);
  rest.remove_prefix(std::min(size + 1, rest.size()));
  while (!line.empty() && (is_blank(line.back()) || line.back() == '\r')) line.remove_suffix(1);
  return trim_front(line);
}

}  // namespace

TextFormat text_format(std::string_view content_type) {
  return content_type.starts_with("application/openmetrics-text") ? TextFormat::OpenMetrics
                                                                  : TextFormat::Prometheus;
}

Status TextDecoder::parse(const Body& body, const TextOptions& options, std::int64_t now_ns, Batch& batch,
                          Tally& tally, std::vector<Metadata>& metadata) {
  if (body.bytes.size() > std::numeric_limits<std::uint32_t>::max()) {
    return invalid("the body is larger than 4 GiB; send smaller batches");
  }
  options_ = options;
  labels_.set_extra(options.extra_labels);
  if (limits_.max_future_ns <= 0 || __builtin_add_overflow(now_ns, limits_.max_future_ns, &latest_ns_)) {
    latest_ns_ = std::numeric_limits<std::int64_t>::max();
  }
  batch_ = &batch;
  tally_ = &tally;
  metadata_ = &metadata;
  batch.clear();
  metadata.clear();
  series_.clear();
  clear_refused();

  const std::int64_t default_ns = options.default_time_ns == 0 ? now_ns : options.default_time_ns;
  return parts_.read(body, default_ns, batch, tally, [this](std::int64_t time_ns) -> Status {
    default_time_ns_ = time_ns;
    parse_lines();
    return {};
  });
}

void TextDecoder::parse_lines() {
  body_ = parts_.bytes();
  family_ = Metadata();
  line_ = 0;
  ended_ = false;
  for (std::string_view rest = body_; !rest.empty();) {
    const std::string_view line = take_line(rest);
    ++line_;
    if (line.empty()) continue;
    if (const Status parsed = parse_line(line); !parsed.ok()) {
      const RefusedBecause reason =
          parsed.code() == Code::OutOfBounds ? RefusedBecause::TimeRange : RefusedBecause::Malformed;
      std::string text;
      if (tally_->wants_text()) text = "line " + std::to_string(line_) + ": " + std::string(parsed.message());
      tally_->refuse(reason, 1, line_, std::move(text));
    }
  }
  end_family();
}

Status TextDecoder::parse_line(std::string_view line) {
  if (ended_) return invalid("text after # EOF");
  return line.front() == '#' ? parse_comment(line) : parse_sample(line);
}

Status TextDecoder::parse_sample(std::string_view line) {
  const std::size_t size = series_end(line);
  if (size == std::string_view::npos) return invalid("the labels have no closing brace: " + quoted(line));
  if (size == 0) return invalid("the line does not begin with a metric name: " + quoted(line));
  std::string_view rest = trim_front(line.substr(size));
  const std::string_view value_text = take_word(rest);
  double value = 0;
  if (value_text.empty()) return invalid("there is no value after " + quoted(line));
  if (!read_float(value_text, value)) return invalid("value " + quoted(value_text) + " is not a number");
  std::int64_t time_ns = default_time_ns_;
  if (!rest.empty() && rest.front() != '#') {
    const std::string_view time_text = take_word(rest);
    if (const Status read = parse_time(time_text, time_ns); !read.ok()) return read;
  }
  if (!rest.empty()) {
    if (rest.front() != '#') return invalid("unexpected text " + quoted(rest) + " after the timestamp");
    ++tally_->report().exemplars_ignored;
  }
  if (time_ns > latest_ns_) {
    return {Code::OutOfBounds, "the timestamp is too far in the future; check the sender's clock"};
  }
  batch_->add_series(hash_(line.substr(0, size)));
  batch_->add_sample(time_ns, value);
  series_.push_back(
      {static_cast<std::uint32_t>(line.data() - body_.data()), static_cast<std::uint32_t>(size), line_});
  return {};
}

// Milliseconds as a whole number; seconds with decimals in OpenMetrics, exact to the nanosecond.
Status TextDecoder::parse_time(std::string_view text, std::int64_t& time_ns) const {
  const char* p = text.data();
  const char* const end = p + text.size();
  const bool negative = p != end && *p == '-';
  if (negative) ++p;
  const bool seconds = options_.format == TextFormat::OpenMetrics;
  std::uint64_t whole = 0;
  const bool fits = line::read_uint64(p, end, whole) && whole <= std::numeric_limits<std::int64_t>::max();
  std::int64_t nanos = 0;
  if (seconds && p != end && *p == '.') {
    std::int64_t unit = kNsPerSecond;
    for (++p; p != end && static_cast<unsigned char>(*p - '0') < 10; ++p) {
      unit /= 10;
      nanos += unit * (*p - '0');
    }
  }
  if (p != end || text.empty() || end[-1] == '-') {
    double number = 0;
    if (!seconds || !read_float(text, number) || std::isnan(number)) {
      return invalid("timestamp " + quoted(text) + " is not " + (seconds ? "seconds" : "whole milliseconds"));
    }
    if (std::abs(number) >= 9.2e9)
      return {Code::OutOfBounds, "timestamp " + quoted(text) + " is out of range"};
    time_ns = std::llround(number * static_cast<double>(kNsPerSecond));
    return {};
  }
  std::int64_t scaled = 0;
  if (!fits ||
      __builtin_mul_overflow(static_cast<std::int64_t>(whole), seconds ? kNsPerSecond : kNsPerMs, &scaled) ||
      __builtin_add_overflow(scaled, nanos, &scaled)) {
    return {Code::OutOfBounds, "timestamp " + quoted(text) + " is outside the years 1677 to 2262"};
  }
  time_ns = negative ? -scaled : scaled;
  return {};
}

// ---- comments -----------------------------------------------------------------------------------

Status TextDecoder::parse_comment(std::string_view line) {
  std::string_view rest = trim_front(line.substr(1));
  const std::string_view keyword = take_word(rest);
  if (keyword == "EOF" && options_.format == TextFormat::OpenMetrics) {
    ended_ = true;
    return {};
  }
  if (keyword != "HELP" && keyword != "TYPE" && keyword != "UNIT") return {};
  std::string_view metric = take_word(rest);
  if (metric.size() >= 2 && metric.front() == '"' && metric.back() == '"')
    metric = metric.substr(1, metric.size() - 2);
  if (metric.empty()) return invalid("there is no metric name after # " + std::string(keyword));
  if (!valid_utf8(line)) return invalid("metadata of metric " + quoted(metric) + " is not valid UTF-8");
  if (line.size() > limits_.max_label_value_bytes) {
    return invalid("metadata of metric " + quoted(metric) + " is longer than " +
                   std::to_string(limits_.max_label_value_bytes) + " bytes");
  }
  if (metric != family_.metric) {
    end_family();
    family_.metric = metric;
  }
  if (keyword == "TYPE") {
    family_.type = rest == "untyped" ? "unknown" : rest;
  } else if (keyword == "UNIT") {
    family_.unit = rest;
  } else {
    family_.help.clear();
    for (std::size_t i = 0; i < rest.size(); ++i) {
      if (rest[i] == '\\' && i + 1 < rest.size()) {
        ++i;
        if (rest[i] != 'n' && rest[i] != '\\' && rest[i] != '"') family_.help += '\\';
        family_.help += rest[i] == 'n' ? '\n' : rest[i];
      } else {
        family_.help += rest[i];
      }
    }
  }
  return {};
}

void TextDecoder::end_family() {
  if (!family_.metric.empty()) {
    std::uint64_t hash = process_hash_seed();
    for (const std::string* text : {&family_.metric, &family_.type, &family_.help, &family_.unit}) {
      hash = hash64(*text, hash);
    }
    if (family_.type.empty()) family_.type = "unknown";
    if (filter_.is_new(hash)) metadata_->push_back(std::move(family_));
  }
  family_ = Metadata();
}

}  // namespace silverback::ingest
