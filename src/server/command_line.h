// The command line: which command, and the settings that its flags give.
//
//   silverback [serve] [--flag=value | --flag value | --switch | --no-switch]...
//   silverback check config FILE
//   silverback check rules FILE...
//   silverback rules test FILE...
//   silverback rules replay --from=T [--to=T] [--url=URL] [--write] [--format=text|json] FILE...
//   silverback version | --version | --help
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "server/assignment.h"

namespace silverback::server {

enum class Command : std::uint8_t { Serve, CheckConfig, CheckRules, TestRules, ReplayRules, Version, Help };

struct CommandLine {
  Command command = Command::Serve;
  std::vector<std::string> files;  // of check config (one), check rules, rules test and rules replay
  std::map<std::string, std::string> options;  // of rules replay, which no other command has: "from", "write"
  Assignments flags;                           // the same list setting given twice becomes one, joined
};

/// @param arguments  without the program's name
/// @returns InvalidArgument that names the argument and the nearest one that is understood
Result<CommandLine> parse_command_line(std::span<const char* const> arguments);

}  // namespace silverback::server
