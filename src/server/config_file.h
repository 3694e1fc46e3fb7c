// The YAML file: sections and settings, "storage: / path: ..." for storage.path.
//
// Unknown keys, repeated keys and values in the wrong place are refused, each with its line; so are anchors
// and aliases, which a configuration this flat has no use for, and with them documents that unfold without
// end. Bounds: kMaxConfigBytes of text, kMaxConfigDepth sections in one another.
//
// Threads: any.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "server/assignment.h"

namespace silverback::server {

inline constexpr std::size_t kMaxConfigBytes = std::size_t{1} << 20;
inline constexpr std::size_t kMaxConfigDepth = 16;

struct ConfigFile {
  Assignments assignments;            // in the order of the file
  std::vector<std::string> problems;  // "silverback.yml:3: unknown setting ..."; none when the file is good
};

/// Reads settings; their values are not looked at here.
/// @param name  what the lines of `problems` begin with
ConfigFile parse_config(std::string_view text, std::string_view name);

/// @returns NotFound or Unavailable when the file cannot be read, InvalidArgument when it is over the limit
Result<std::string> read_config_file(const std::string& path);

}  // namespace silverback::server
