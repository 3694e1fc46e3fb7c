// What the configuration file says about rules and alerts, for `alerting`.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <string>

#include "alerting/alerting_config.h"
#include "base/status.h"
#include "server/settings.h"

namespace silverback::server {

/// Reads the sections of the file that `settings` names; without a file there are no rules.
/// @param port  for the address under which others find this server, unless web.external-url says it
/// @returns InvalidArgument with every problem on a line of its own
Result<alerting::AlertingConfig> load_alerting(const Settings& settings, std::uint16_t port);

/// What a configuration file names.
struct AlertingSummary {
  std::size_t rules = 0;
  std::size_t receivers = 0;
};
/// The sections alone, the templates and the rule files that they name.
/// @param has_producer  for receivers and rules that name topics
/// @returns InvalidArgument likewise
Result<AlertingSummary> check_alerting(const std::string& path, bool has_producer);

/// One rule file. @returns how many rules it holds, or InvalidArgument likewise
Result<std::size_t> check_rule_file(const std::string& path);

}  // namespace silverback::server
