// Unit test files: what rules are to make of given series, in promtool's own format.
//
//   rule_files: [rules.yml]
//   evaluation_interval: 1m
//   tests:
//     - interval: 1m
//       input_series: [{series: 'up{job="a"}', values: '1 1 0x10'}]
//       alert_rule_test: [{alertname: Down, eval_time: 5m, exp_alerts: [{exp_labels: {job: a}}]}]
//       promql_expr_test: [{expr: 'up', eval_time: 2m, exp_samples: [{labels: 'up{job="a"}', value: 0}]}]
//
// Source: https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/
//
// Threads: values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "alerting/rule_file.h"
#include "base/status.h"
#include "model/labels.h"

namespace silverback::alerting {

struct UnitTest {
  struct Series {
    Labels labels;
    std::vector<std::optional<double>> values;  // one per step
  };
  struct ExpectedAlert {
    Labels labels;          // alertname included
    TextPairs annotations;  // sorted
    friend auto operator<=>(const ExpectedAlert&, const ExpectedAlert&) = default;
  };
  struct AlertCase {
    std::string alertname;
    std::int64_t eval_ms = 0;  // since the start
    std::vector<ExpectedAlert> expected;
  };
  struct ExpectedSample {
    std::string labels;  // parsed when the case runs: what is wrong with it belongs to the case
    double value = 0;
  };
  struct ExpressionCase {
    std::string expr;
    std::int64_t eval_ms = 0;
    std::vector<ExpectedSample> expected;
  };

  std::string name;
  std::int64_t interval_ms = 0;  // of the input
  std::int64_t start_ms = 0;     // Unix time of the first sample
  std::vector<Series> input;
  std::vector<AlertCase> alert_cases;
  std::vector<ExpressionCase> expression_cases;
  TextPairs external_labels;
  std::string external_url;
};

struct UnitTestFile {
  std::vector<std::string> rule_files;  // patterns, from the test file's folder
  std::int64_t evaluation_interval_ms = 60'000;
  std::map<std::string, std::size_t> group_order;  // those not named come with the first
  bool fuzzy_compare = false;                      // the last bit of a number does not count
  std::vector<UnitTest> tests;
};

/// @param name    what messages begin with
/// @param folder  that of the file
/// @returns InvalidArgument with every problem on a line of its own
Result<UnitTestFile> parse_unit_test_file(std::string_view text, std::string_view name,
                                          std::string_view folder);

}  // namespace silverback::alerting
