// The commands about rules: `silverback rules ...`.
//
// Threads: of main() alone.
#pragma once

#include <string>
#include <vector>

namespace silverback::server {

/// Runs unit test files; says on stdout and stderr what promtool says there. @returns the exit code: 0 when
/// all passed, else 1
int test_rules(const std::vector<std::string>& paths);

}  // namespace silverback::server
