#include "alerting/series_notation.h"

#include <gtest/gtest.h>

#include <string>

#include "base/number.h"
#include "model/sample.h"

namespace silverback::alerting {
namespace {

std::string shown(std::string_view text) {
  const auto values = parse_series_values(text);
  if (!values) return std::string(values.status().message());
  std::string out;
  for (const auto& value : *values) {
    if (!out.empty()) out += ' ';
    out += !value ? "_" : is_stale(*value) ? "stale" : format_float(*value);
  }
  return out;
}

TEST(SeriesNotation, GivesTheValuesThatPrometheusGives) {
  struct Case {
    const char* text;
    const char* expected;
  };
  constexpr Case kCases[] = {
      {"", ""},
      {"  1 2.5\t-3 +4 ", "1 2.5 -3 4"},
      {"1x3", "1 1 1 1"},
      {"1+2x3", "1 3 5 7"},
      {"1-2x3 9", "1 -1 -3 -5 9"},
      {"-1+0.5x2", "-1 -0.5 0"},
      {"0.1+0.1x2", "0.1 0.2 0.30000000000000004"},
      {"_ _x2 1", "_ _ _ 1"},
      {"_x0", ""},
      {"5x0", "5"},
      {"0x3", "0 0 0 0"},
      {"1e2 .5 5. 1E-1", "100 0.5 5 0.1"},
      {"stale Inf -inf NaN", "stale +Inf -Inf NaN"},
      {"1+2", "values: character 4: expected x and how often, found the end"},
      {"1 2,3", "values: character 4: expected a space, found \",\""},
      {"1x", "values: character 3: expected how often, a whole number, found the end"},
      {"1x-2", "values: character 3: expected how often, a whole number, found \"-\""},
      {"stalex3", "values: character 6: expected a space, found \"x\""},
      {"1+-2x3", "values: character 3: expected a number, _ or stale, found \"-\""},
      {"one", "values: character 1: expected a number, _ or stale, found \"o\""},
      {"1 {{schema:1}}", "values: character 3: native histograms ({{...}}) are not supported yet"},
      {"0x1000000", "values: a series of more than 1000000 steps"},
      {"0x99999999999999999999999", "values: a series of more than 1000000 steps"},
  };
  for (const auto& [text, expected] : kCases) {
    SCOPED_TRACE(text);
    EXPECT_EQ(shown(text), expected);
  }
}

TEST(SeriesNotation, MetricsAreLabelsWithoutConditions) {
  EXPECT_EQ(*parse_metric(R"(up{job="a", x=""})"), (Labels{{"__name__", "up"}, {"job", "a"}}));
  EXPECT_EQ(*parse_metric("  "), Labels());
  EXPECT_EQ(*parse_metric("{}"), Labels());
  EXPECT_EQ(parse_metric(R"(up{job=~"a"})").status().message(),
            R"(a metric has labels with =, not job=~"a")");
  EXPECT_FALSE(parse_metric("up{"));
}

}  // namespace
}  // namespace silverback::alerting
