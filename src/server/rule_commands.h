// The commands about rules: `silverback rules ...`.
//
// Threads: of main() alone.
#pragma once

#include <string>
#include <vector>

#include "server/command_line.h"

namespace silverback::server {

/// Runs unit test files; says on stdout and stderr what promtool says there. @returns the exit code: 0 when
/// all passed, else 1
int test_rules(const std::vector<std::string>& paths);

/// Replays rule files, each by itself, over the store in storage.path or at the server that --url names.
/// @returns the exit code: 0, 1 when a file could not be replayed or rules failed in it, 2 when flags are
///          not right
int replay_rules(const CommandLine& line);

}  // namespace silverback::server
