// Rule files: Prometheus' own format, and the short form `alerts:`.
//
//   groups:
//     - name: web
//       interval: 30s
//       rules:
//         - record: job:requests:rate5m
//           expr: sum by (job) (rate(requests_total[5m]))
//         - alert: ManyErrors
//           expr: errors:ratio5m > 0.05
//           for: 10m
//           labels: {severity: page}
//           annotations: {summary: '{{ $labels.job }} fails'}
//
// Beyond Prometheus, on alerting rules: `on_missing: resolve | keep | fire` and `resolve: <expression>`
// (docs/alerting.md); on recording rules, or on a group for all of its recording rules, `kafka_topic:
// <name>`: what is recorded is sent there, too. The short form is a list of {name, condition, severity,
// notification}: an alerting rule in the group "alerts", with the labels severity and notification.
//
// Source: https://prometheus.io/docs/prometheus/latest/configuration/recording_rules/
//
// Threads: values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "query/promql/parser.h"

namespace silverback::alerting {

using TextPairs = std::vector<std::pair<std::string, std::string>>;

/// What becomes of an alert when the selectors of its expression find no series at all.
enum class OnMissing : std::uint8_t { Resolve, Keep, Fire };

struct RuleSpec {
  bool alerting = false;
  std::string name;  // of the recorded series, or of the alert
  std::string expr;
  std::int64_t for_ms = 0;
  std::int64_t keep_firing_for_ms = 0;
  TextPairs labels;
  TextPairs annotations;
  OnMissing on_missing = OnMissing::Resolve;
  std::string resolve;      // empty: none
  std::string kafka_topic;  // of a recording rule; empty: none
  std::uint32_t line = 0;
  friend bool operator==(const RuleSpec&, const RuleSpec&) = default;
};

struct GroupSpec {
  std::string name;
  std::optional<std::int64_t> interval_ms;  // none: the global evaluation interval
  std::optional<std::int64_t> query_offset_ms;
  std::uint64_t limit = 0;  // series or alerts of a rule; 0 is no limit
  TextPairs labels;         // added to each rule's where it has none of that name
  std::string kafka_topic;  // of its recording rules that do not say otherwise
  std::vector<RuleSpec> rules;
  friend bool operator==(const GroupSpec&, const GroupSpec&) = default;
};

struct RuleFile {
  std::vector<GroupSpec> groups;
};

/// Checks everything that can be checked without data: fields, names, expressions, templates.
/// @param name  what messages begin with
/// @param expressions  what those may use
/// @returns InvalidArgument with every problem on a line of its own: "rules.yml:12: rule 2, \"ManyErrors\":
/// ..."
Result<RuleFile> parse_rule_file(std::string_view text, std::string_view name,
                                 const query::promql::ParserOptions& expressions = {});

/// A template of a rule, with the variables that rules have before it: $labels, $externalLabels,
/// $externalURL, $value.
std::string with_rule_variables(std::string_view text);

}  // namespace silverback::alerting
