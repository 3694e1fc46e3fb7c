// Unit tests of rules: `silverback rules test`, with promtool's verdicts and nearly its words.
//
// Each test has a store of its own in memory; the rule groups and the engine are the server's. All groups
// are evaluated every evaluation_interval from the start to the last eval_time, whatever their own interval
// says; input is stored up to the time of each evaluation before it. Alerts are compared with what fires at
// the last evaluation at or before eval_time, without pending ones; expressions run after all evaluations.
//
// Source: https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/
//
// Threads: any.
#pragma once

#include <string>
#include <vector>

#include "alerting/unit_test_file.h"

namespace silverback::alerting {

struct UnitTestReport {
  std::vector<std::string> warnings;
  std::vector<std::string> failures;  // none: it passed
};

/// Reads and runs a test file; what is wrong with it or with the rules is a failure, too.
UnitTestReport run_unit_test_file(const std::string& path);

/// The tests alone. @returns what failed
std::vector<std::string> run_unit_tests(const UnitTestFile& tests,
                                        const std::vector<std::pair<std::string, RuleFile>>& rules);

}  // namespace silverback::alerting
