// Alert: one label set for which an alerting rule is pending, fires or fired until lately.
//
// Times are Unix milliseconds; 0 is "never". Source: the states and their changes are those of
// https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/ and of Prometheus 3's API.
//
// Threads: a value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "alerting/rule_file.h"
#include "base/status.h"
#include "model/labels.h"

namespace silverback::alerting {

enum class AlertState : std::uint8_t { Inactive, Pending, Firing };
/// "inactive", "pending", "firing"
std::string_view to_string(AlertState state);

struct Alert {
  Labels labels;          // alertname and the rule's included
  TextPairs annotations;  // expanded; sorted by name
  AlertState state = AlertState::Pending;
  double value = 0;
  std::int64_t active_ms = 0;       // since when the expression holds
  std::int64_t fired_ms = 0;        // since when it fires
  std::int64_t resolved_ms = 0;     // Inactive: when it ended
  std::int64_t keep_firing_ms = 0;  // since when keep_firing_for alone keeps it
  std::int64_t last_sent_ms = 0;    // to the Alertmanagers
  std::int64_t valid_until_ms = 0;  // as told to them

  friend bool operator==(const Alert&, const Alert&) = default;
};

/// As kept in the state store: docs/format/alert.md.
std::string encode(const Alert& alert);
/// @returns DataLoss when the bytes are not an alert's, InvalidArgument when their version is newer
Result<Alert> decode_alert(std::string_view bytes);

}  // namespace silverback::alerting
