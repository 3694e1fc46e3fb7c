// Configuration: the settings in force, put together from flags, environment, file and defaults.
//
// A flag wins over the environment, the environment over the file, the file over the default. Everything is
// checked before anything is used, and all that is wrong is said at once, a line each.
//
// Threads: functions any; Settings is a value.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "server/assignment.h"
#include "server/settings.h"

namespace silverback::server {

/// Where settings come from besides the file, which they name (config.file) and which is read again at a
/// reload.
struct Sources {
  Assignments flags;
  Assignments environment;
};

/// @returns InvalidArgument; its message has one line per problem
Result<Settings> load_settings(const Sources& sources);

/// The same for one file alone, as `silverback check config` does. @returns what it holds: "3 settings, 2
/// rules"
Result<std::string> check_config_file(const std::string& path);

/// Names of the settings that differ.
std::vector<std::string> changed_settings(const Settings& before, const Settings& after);

/// All of them as a YAML document that parse_config() reads back; `config.file` is left out.
std::string to_yaml(const Settings& settings);

}  // namespace silverback::server
