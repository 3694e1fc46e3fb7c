// Script: PromQL behaviour in a few lines, so that a case is easy to add.
//
//   load 5m
//     http_requests_total{job="api"} 0+10x10
//     up 1 _ stale NaN 2x3
//
//   eval instant at 50m sum(rate(http_requests_total[5m]))
//     expect no_warn
//     {} 0.03333333333333333
//
//   eval range from 0 to 10m step 5m up
//     up 1 _ NaN
//
//   eval instant at 0 foo bar
//     expect fail
//
//   clear
//
// `0+10x10` is 0 and then ten times 10 more; `2x3` is 2 and three repeats; `_` no sample; `stale` a stale
// marker. Expectations: fail (msg: text, regex: expression), warn, info (alone, msg: or regex:), no_warn,
// no_info, ordered, string "text", range vector from A to B step C. Values agree to 1e-6. Each instant
// query is also run as a range query around its time and must give the same there (but for start(), end(),
// range() and step(), which know the difference).
//
// The language is that of Prometheus' own test scripts (promql/promqltest), without native histograms:
// lines with {{ }} are left out, and queries that expect them are skipped.
#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>

#include "base/duration.h"
#include "base/number.h"
#include "query/engine.h"
#include "tests/query/memory_store.h"

namespace silverback::query {
namespace {

std::string_view trim(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t' || s.back() == '\r')) s.remove_suffix(1);
  return s;
}

/// Takes the next word off the front.
std::string_view take_word(std::string_view& s) {
  s = trim(s);
  const std::size_t n = std::min(s.find_first_of(" \t"), s.size());
  const std::string_view word = s.substr(0, n);
  s = trim(s.substr(n));
  return word;
}

bool take(std::string_view& s, std::string_view prefix) {
  if (!s.starts_with(prefix)) return false;
  s = trim(s.substr(prefix.size()));
  return true;
}

std::int64_t time_ms(std::string_view word) {
  if (const auto seconds = parse_float(word)) return std::llround(*seconds * 1000);
  if (take(word, "-")) return -time_ms(word);
  const auto ms = parse_duration_ms(word);
  EXPECT_TRUE(ms) << word;
  return ms ? *ms : 0;
}

/// "up{job=\"x\"}" and what follows it.
std::string_view take_metric(std::string_view& s) {
  s = trim(s);
  bool quoted = false;
  bool braces = false;
  std::size_t n = 0;
  for (; n < s.size(); ++n) {
    if (s[n] == '\\' && quoted) {
      ++n;
    } else if (s[n] == '"') {
      quoted = !quoted;
    } else if (!quoted && s[n] == '{') {
      braces = true;
    } else if (!quoted && s[n] == '}') {
      braces = false;
    } else if (!quoted && !braces && (s[n] == ' ' || s[n] == '\t')) {
      break;
    }
  }
  const std::string_view metric = s.substr(0, n);
  s = trim(s.substr(n));
  return metric;
}

Labels labels_of(std::string_view metric) {
  LabelsBuilder builder;
  if (metric == "{}") return {};
  const auto matchers = parse_selector(metric);
  EXPECT_TRUE(matchers) << metric;
  if (matchers) {
    for (const Matcher& m : *matchers) builder.set(m.name(), m.value());
  }
  return builder.build();
}

using Points = std::vector<std::optional<double>>;

/// "1 _ 2+3x2 stale" as values.
Points parse_points(std::string_view text) {
  Points points;
  while (!text.empty()) {
    std::string_view word = take_word(text);
    std::size_t repeats = 0;
    const bool repeated = word.rfind('x') != std::string_view::npos;
    if (repeated) {
      const std::string_view count = word.substr(word.rfind('x') + 1);
      std::from_chars(count.data(), count.data() + count.size(), repeats);
      word = word.substr(0, word.rfind('x'));
    }
    if (word == "_") {
      points.insert(points.end(), repeated ? repeats : 1, std::nullopt);
      continue;
    }
    double step = 0;
    // The sign that separates is not the first and not an exponent's.
    for (std::size_t i = 1; i < word.size(); ++i) {
      if ((word[i] != '+' && word[i] != '-') || word[i - 1] == 'e' || word[i - 1] == 'E') continue;
      step = parse_float(word.substr(word[i] == '+' ? i + 1 : i)).value_or(0);
      word = word.substr(0, i);
      break;
    }
    const double first = word == "stale" ? stale_nan() : parse_float(word).value_or(-12345);
    double value = first;
    for (std::size_t i = 0; i <= repeats; ++i, value += step) points.emplace_back(value);
  }
  return points;
}

bool almost_equal(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  if (a == b) return true;
  if (a == 0 || b == 0) return false;
  return std::abs(a - b) <= 1e-6 * std::min(std::abs(a) + std::abs(b), std::numeric_limits<double>::max());
}

struct Expected {
  struct Row {
    Labels labels;
    Points points;
  };
  std::vector<Row> rows;
  std::optional<double> scalar;
  std::optional<std::string> text;
  bool ordered = false;
  bool fail = false;
  bool no_warn = false, no_info = false;
  bool unsupported = false;  // native histograms
  std::vector<std::string> fail_messages, warnings, infos;
  std::optional<StepGrid> raw_grid;
};

struct Outcome {
  std::size_t passed = 0;
  std::size_t skipped = 0;
  std::vector<std::string> failures;
};

class Script {
 public:
  Script(std::string_view text, const EngineOptions& options) : engine_(store_, options) {
    std::istringstream stream{std::string(text)};
    for (std::string line; std::getline(stream, line);) lines_.push_back(std::move(line));
  }

  Outcome run() {
    while (at_ < lines_.size()) {
      std::string_view line = trim(lines_[at_]);
      const std::size_t number = ++at_;
      if (line.empty() || line.starts_with('#')) continue;
      if (line == "clear") {
        store_.clear();
        left_out_ = false;
      } else if (take(line, "load_with_nhcb") || take(line, "load")) {
        load(time_ms(take_word(line)));
      } else if (take(line, "eval_fail instant at") || take(line, "eval instant at")) {
        QueryRequest request;
        request.start_ms = time_ms(take_word(line));
        request.text = line;
        Expected expected = expectation();
        expected.fail = expected.fail || trim(lines_[number - 1]).starts_with("eval_fail");
        check(number, request, expected);
      } else if (take(line, "eval range from")) {
        QueryRequest request{.instant = false};
        request.start_ms = time_ms(take_word(line));
        take(line, "to");
        request.end_ms = time_ms(take_word(line));
        take(line, "step");
        request.step_ms = time_ms(take_word(line));
        request.text = line;
        check(number, request, expectation());
      } else {
        outcome_.failures.push_back("line " + std::to_string(number) +
                                    ": not understood: " + std::string(line));
      }
    }
    return std::move(outcome_);
  }

 private:
  /// The indented lines that follow.
  template <typename F>
  void each_indented(F f) {
    for (; at_ < lines_.size() && (lines_[at_].starts_with(' ') || lines_[at_].starts_with('\t')); ++at_) {
      const std::string_view line = trim(lines_[at_]);
      if (line.empty()) break;
      if (!line.starts_with('#')) f(line);
    }
  }

  void load(std::int64_t interval_ms) {
    each_indented([&](std::string_view line) {
      if (line.starts_with("@st")) return;
      if (line.find("{{") != std::string_view::npos) {
        left_out_ = true;
        return;
      }
      auto& series = store_.series(labels_of(take_metric(line)));
      const Points points = parse_points(line);
      for (std::size_t i = 0; i < points.size(); ++i) {
        if (!points[i]) continue;
        const std::int64_t time = static_cast<std::int64_t>(i) * interval_ms;
        const auto at = std::ranges::lower_bound(series.times_ms, time);
        const auto offset = at - series.times_ms.begin();
        if (at != series.times_ms.end() && *at == time) {
          series.values[static_cast<std::size_t>(offset)] = *points[i];
          continue;
        }
        series.times_ms.insert(at, time);
        series.values.insert(series.values.begin() + offset, *points[i]);
      }
    });
  }

  Expected expectation() {
    Expected expected;
    each_indented([&](std::string_view line) {
      if (line.find("{{") != std::string_view::npos) expected.unsupported = true;
      if (!take(line, "expect ")) {
        if (const auto number = parse_float(line)) {
          expected.scalar = number;
          return;
        }
        const std::string_view metric = take_metric(line);
        expected.rows.push_back({labels_of(metric), parse_points(line)});
      } else if (line == "ordered") {
        expected.ordered = true;
      } else if (line == "no_warn") {
        expected.no_warn = true;
      } else if (line == "no_info") {
        expected.no_info = true;
      } else if (take(line, "fail")) {
        expected.fail = true;
        expected.fail_messages.emplace_back(line);
      } else if (take(line, "warn")) {
        expected.warnings.emplace_back(line);
      } else if (take(line, "info")) {
        expected.infos.emplace_back(line);
      } else if (take(line, "string ")) {
        expected.text = std::string(line.substr(1, line.size() < 2 ? 0 : line.size() - 2));
      } else if (take(line, "range vector from")) {
        StepGrid grid;
        grid.start_ms = time_ms(take_word(line));
        take(line, "to");
        const std::int64_t end = time_ms(take_word(line));
        take(line, "step");
        grid.step_ms = time_ms(take_word(line));
        grid.steps = static_cast<std::size_t>((end - grid.start_ms) / grid.step_ms) + 1;
        expected.raw_grid = grid;
      }
    });
    return expected;
  }

  void check(std::size_t line, const QueryRequest& request, const Expected& expected) {
    if (expected.unsupported) {
      ++outcome_.skipped;
      return;
    }
    const auto result = engine_.run(request);
    std::string problem = compare(result, expected, request.instant ? 0 : npos);
    if (problem.empty() && request.instant && !expected.fail && !expected.ordered && !expected.text &&
        !expected.raw_grid && !asks_for_query_times(request.text) && result->type != ResultType::String &&
        !result->is_raw) {
      QueryRequest range = request;
      range.instant = false;
      range.step_ms = 60'000;
      range.start_ms = request.start_ms - 60'000;
      range.end_ms = request.start_ms + 60'000;
      problem = compare_step(engine_.run(range), *result);
      if (!problem.empty()) problem = "as a range query: " + problem;
    }
    if (problem.empty()) {
      ++outcome_.passed;
    } else if (left_out_) {
      ++outcome_.skipped;  // it may have needed what was left out
    } else {
      outcome_.failures.push_back("line " + std::to_string(line) + ": " + request.text + ": " + problem);
    }
  }

  static bool asks_for_query_times(std::string_view text) {
    for (const std::string_view name : {"start()", "end()", "range()", "step()"}) {
      if (text.find(name) != std::string_view::npos) return true;
    }
    return false;
  }

  static bool mentions(const std::vector<std::string>& annotations, std::string_view wanted) {
    const bool exact = take(wanted, "msg:");
    if (!exact) return !annotations.empty();
    return std::ranges::any_of(annotations,
                               [&](const std::string& a) { return a.find(wanted) != std::string::npos; });
  }

  static std::string join(const std::vector<std::string>& lines) {
    std::string all;
    for (const std::string& line : lines) all += "\n    " + line;
    return all;
  }

  static std::string compare(const Result<QueryResult>& result, const Expected& expected, std::size_t step) {
    if (expected.fail) {
      if (result) return "expected to fail";
      for (std::string_view wanted : expected.fail_messages) {
        if (take(wanted, "msg:") && result.status().message().find(wanted) == std::string_view::npos) {
          return "failed with: " + std::string(result.status().message());
        }
      }
      return {};
    }
    if (!result) return std::string(result.status().message());
    for (const std::string& wanted : expected.warnings) {
      if (!mentions(result->warnings, wanted)) return "no such warning: " + wanted + join(result->warnings);
    }
    for (const std::string& wanted : expected.infos) {
      if (!mentions(result->infos, wanted)) return "no such info: " + wanted + join(result->infos);
    }
    if (expected.no_warn && !result->warnings.empty()) return "unexpected warning: " + result->warnings[0];
    if (expected.no_info && !result->infos.empty()) return "unexpected info: " + result->infos[0];
    if (expected.text) return result->text == *expected.text ? "" : "is \"" + result->text + "\"";
    if (expected.raw_grid) return compare_raw(*result, expected);
    return compare_rows(result->matrix, expected, step);
  }

  static std::string compare_raw(const QueryResult& result, const Expected& expected) {
    std::size_t found = 0;
    for (const Expected::Row& row : expected.rows) {
      std::vector<std::int64_t> times;
      std::vector<double> values;
      for (std::size_t i = 0; i < row.points.size(); ++i) {
        if (!row.points[i]) continue;
        times.push_back(expected.raw_grid->time(i));
        values.push_back(*row.points[i]);
      }
      for (const RawSeries& raw : result.raw) {
        if (raw.labels == row.labels)
          found += raw.times_ms == times && std::ranges::equal(raw.values, values, almost_equal) ? 1 : 0;
      }
    }
    return found == expected.rows.size() && found == result.raw.size() ? "" : "the range differs";
  }

  static std::string compare_rows(const Matrix& matrix, const Expected& expected, std::size_t step) {
    if (expected.scalar) {
      if (matrix.rows() != 1 || !almost_equal(matrix.at(0, 0), *expected.scalar)) return "scalar differs";
      return {};
    }
    std::string got = "\n  got:";
    for (std::size_t row = 0; row < matrix.rows(); ++row) {
      got += "\n    " + matrix.labels(row).to_string();
      for (std::size_t s = 0; s < matrix.steps(); ++s)
        got += " " + (matrix.has(row, s) ? format_float(matrix.at(row, s)) : "_");
    }
    if (matrix.rows() != expected.rows.size())
      return "expected " + std::to_string(expected.rows.size()) + " rows" + got;
    for (std::size_t i = 0; i < expected.rows.size(); ++i) {
      const Expected::Row& wanted = expected.rows[i];
      std::size_t row = i;
      if (!expected.ordered) {
        for (row = 0; row < matrix.rows() && !(matrix.labels(row) == wanted.labels);) ++row;
      }
      if (row == matrix.rows() || !(matrix.labels(row) == wanted.labels))
        return "no row " + wanted.labels.to_string() + got;
      for (std::size_t s = 0; s < matrix.steps(); ++s) {
        const bool present = s < wanted.points.size() && wanted.points[s].has_value();
        if (present != matrix.has(row, s) ||
            (present && !almost_equal(*wanted.points[s], matrix.at(row, s)))) {
          return wanted.labels.to_string() + " differs at step " + std::to_string(step == npos ? s : step) +
                 got;
        }
      }
    }
    return {};
  }

  // The middle step of a range query is the instant query at that time.
  static std::string compare_step(const Result<QueryResult>& range, const QueryResult& instant) {
    if (!range) return std::string(range.status().message());
    std::map<std::string, double> at_step;
    for (std::size_t row = 0; row < range->matrix.rows(); ++row) {
      if (range->matrix.has(row, 1))
        at_step[range->matrix.labels(row).to_string()] = range->matrix.at(row, 1);
    }
    if (at_step.size() != instant.matrix.rows()) return std::to_string(at_step.size()) + " rows";
    for (std::size_t row = 0; row < instant.matrix.rows(); ++row) {
      const std::string labels = instant.matrix.labels(row).to_string();
      const auto found = at_step.find(labels);
      if (found == at_step.end()) return "no row " + labels;
      if (!almost_equal(found->second, instant.matrix.at(row, 0)))
        return labels + " is " + format_float(found->second);
    }
    return {};
  }

  static constexpr std::size_t npos = static_cast<std::size_t>(-1);

  MemoryStore store_;
  Engine engine_;
  std::vector<std::string> lines_;
  std::size_t at_ = 0;
  bool left_out_ = false;  // a series with native histograms: what is asked of it is skipped until `clear`
  Outcome outcome_;
};

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

// tests/query/scripts/*.test, or those that SILVERBACK_PROMQL_SCRIPTS (files, separated by colons) names.
TEST(PromqlScripts, Pass) {
  std::vector<std::filesystem::path> files;
  if (const char* named = std::getenv("SILVERBACK_PROMQL_SCRIPTS")) {
    std::istringstream list{std::string(named)};
    for (std::string file; std::getline(list, file, ':');) files.emplace_back(file);
  } else {
    for (const auto& entry :
         std::filesystem::directory_iterator(SILVERBACK_SOURCE_DIR "/tests/query/scripts")) {
      if (entry.path().extension() == ".test") files.push_back(entry.path());
    }
  }
  std::ranges::sort(files);
  ASSERT_FALSE(files.empty());

  for (const auto& file : files) {
    const Outcome outcome = Script(read_file(file), {}).run();

    for (const std::string& failure : outcome.failures)
      ADD_FAILURE() << file.filename().string() << ": " << failure;
    EXPECT_GT(outcome.passed + outcome.skipped, 0u) << file;
    std::printf("%-28s %4zu passed, %zu failed, %zu skipped\n", file.filename().c_str(), outcome.passed,
                outcome.failures.size(), outcome.skipped);
  }
}

}  // namespace
}  // namespace silverback::query
