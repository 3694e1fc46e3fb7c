#include "alerting/series_notation.h"

#include <charconv>
#include <cstdint>
#include <limits>
#include <string>

#include "base/number.h"
#include "model/matcher.h"
#include "model/sample.h"
#include "query/promql/parser.h"
#include "query/promql/text.h"

namespace silverback::alerting {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

// Reads item after item; each ends at a space or at the end.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Result<std::vector<std::optional<double>>> run() {
    for (;;) {
      while (at_ < text_.size() && is_space(text_[at_])) ++at_;
      if (at_ == text_.size()) return std::move(values_);
      if (Status read = read_item(); !read.ok()) return read;
      if (at_ < text_.size() && !is_space(text_[at_])) return wrong("expected a space");
    }
  }

 private:
  static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

  Status wrong(const std::string& what) const {
    const std::string found = at_ == text_.size() ? "the end" : query::promql::quote(text_.substr(at_, 1));
    return {Code::InvalidArgument,
            "values: character " + std::to_string(at_ + 1) + ": " + what + ", found " + found};
  }

  bool take(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  Status read_item() {
    if (text_.substr(at_).starts_with("{{"))
      return {Code::InvalidArgument, "values: character " + std::to_string(at_ + 1) +
                                         ": native histograms ({{...}}) are not supported yet"};
    std::uint64_t times = 0;
    if (take('_')) {
      bool repeated = false;
      if (Status read = read_times(times, repeated); !read.ok()) return read;
      return add(repeated ? times : 1, std::nullopt, 0);
    }
    double value = 0;
    if (Status read = read_value(value); !read.ok()) return read;
    double step = 0;
    bool stepped = false;
    if (at_ < text_.size() && (text_[at_] == '+' || text_[at_] == '-')) {
      stepped = true;
      const bool minus = text_[at_++] == '-';
      if (Status read = read_number(step); !read.ok()) return read;
      if (minus) step = -step;
    }
    bool repeated = false;
    if (Status read = read_times(times, repeated); !read.ok()) return read;
    if (stepped && !repeated) return wrong("expected x and how often");
    return add(times + 1, value, step);
  }

  Status read_value(double& value) {
    constexpr std::string_view kStale = "stale";
    if (text_.substr(at_).starts_with(kStale)) {
      at_ += kStale.size();
      if (at_ < text_.size() && !is_space(text_[at_])) return wrong("expected a space");
      value = stale_nan();
      return {};
    }
    const bool minus = take('-');
    if (!minus) take('+');
    if (Status read = read_number(value); !read.ok()) return read;
    if (minus) value = -value;
    return {};
  }

  // Decimal only: 0x3 is three times more of 0.
  Status read_number(double& value) {
    std::size_t end = at_;
    if (end < text_.size() && is_letter(text_[end])) {  // Inf, NaN
      while (end < text_.size() && (is_letter(text_[end]) || is_digit(text_[end]))) ++end;
    } else {
      const auto digits = [&] {
        while (end < text_.size() && is_digit(text_[end])) ++end;
      };
      digits();
      if (end < text_.size() && text_[end] == '.') ++end;
      digits();
      if (end > at_ && end < text_.size() && (text_[end] == 'e' || text_[end] == 'E')) {
        ++end;
        if (end < text_.size() && (text_[end] == '+' || text_[end] == '-')) ++end;
        digits();
      }
    }
    const auto number = parse_float(text_.substr(at_, end - at_));
    if (!number) return wrong("expected a number, _ or stale");
    value = *number;
    at_ = end;
    return {};
  }

  Status read_times(std::uint64_t& times, bool& repeated) {
    if (!take('x')) return {};
    repeated = true;
    const char* const begin = text_.data() + at_;
    const char* const last = text_.data() + text_.size();
    const auto [end, error] = std::from_chars(begin, last, times);
    if (error == std::errc::result_out_of_range || times > kMostValues) return too_many();
    if (error != std::errc()) return wrong("expected how often, a whole number");
    at_ += static_cast<std::size_t>(end - begin);
    return {};
  }

  static Status too_many() {
    return {Code::InvalidArgument, "values: a series of more than " + std::to_string(kMostValues) + " steps"};
  }

  Status add(std::uint64_t count, std::optional<double> value, double step) {
    if (values_.size() + count > kMostValues) return too_many();
    for (std::uint64_t i = 0; i < count; ++i) {
      values_.push_back(value);
      // Added up, as Prometheus does it: the last bit depends on it.
      if (value && step != 0) *value += step;
    }
    return {};
  }

  const std::string_view text_;
  std::size_t at_ = 0;
  std::vector<std::optional<double>> values_;
};

}  // namespace

Result<std::vector<std::optional<double>>> parse_series_values(std::string_view text) {
  return Reader(text).run();
}

Result<Labels> parse_metric(std::string_view text) {
  if (text.find_first_not_of(" \t") == text.npos) return Labels();
  const auto matchers = query::promql::parse_selector(text);
  if (!matchers) return matchers.status();
  LabelsBuilder labels;
  for (const Matcher& matcher : *matchers) {
    if (matcher.op() != MatchOp::Equal)
      return Status(Code::InvalidArgument, "a metric has labels with =, not " + matcher.to_string());
    labels.set(matcher.name(), matcher.value());
  }
  return labels.build();
}

}  // namespace silverback::alerting
