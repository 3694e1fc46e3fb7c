// The sections of the configuration file that are about rules and alerts, in Prometheus' own schema:
//
//   global: {evaluation_interval: 15s, external_labels: {region: eu}}
//   rule_files: [rules/*.yml]
//   alerting:
//     alertmanagers: [{static_configs: [{targets: ['127.0.0.1:9093']}]}]
//   notifications: {route: {receiver: ops}, receivers: [...]}     # notify/config.h
//
// Threads: values.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "alerting/alertmanagers.h"
#include "alerting/notify/config.h"
#include "alerting/relabel.h"
#include "alerting/rule_group.h"
#include "base/status.h"
#include "base/yaml.h"

namespace silverback::alerting {

struct AlertingConfig {
  RuleSettings rules;
  std::vector<std::string> rule_files;
  std::vector<RelabelRule> alert_relabel;  // before anybody is told
  std::vector<AlertmanagerTarget> alertmanagers;
  std::optional<notify::NotifyConfig> notifications;  // without it this server tells Alertmanagers alone
  friend bool operator==(const AlertingConfig&, const AlertingConfig&) = default;
};

/// The top-level keys that are read here; others are not looked at.
inline constexpr std::array<std::string_view, 4> kAlertingSections = {"global", "rule_files", "alerting",
                                                                      "notifications"};

/// @param folder  that of the file: relative paths in it begin there
/// @returns InvalidArgument with every problem on a line of its own
Result<AlertingConfig> parse_alerting_config(const yaml::Node& document, std::string_view name,
                                             std::string_view folder);

}  // namespace silverback::alerting
