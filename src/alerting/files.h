// Files that the configuration names: by patterns, and of bounded size.
//
// Threads: any.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"

namespace silverback::alerting {

/// Those that the patterns (`rules/*.yml`) match, in order, none twice.
/// @returns NotFound when a name without a pattern is not there, Unavailable when a folder cannot be read
Result<std::vector<std::string>> matching_files(const std::vector<std::string>& patterns);

/// @returns NotFound, or InvalidArgument when it is larger than 16 MiB
Result<std::string> read_text_file(const std::string& path);

}  // namespace silverback::alerting
