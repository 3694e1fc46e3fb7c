// Settings from the environment: SILVERBACK_STORAGE_PATH=/var/lib/silverback.
#pragma once

#include <string>
#include <vector>

#include "server/assignment.h"

namespace silverback::server {

struct Environment {
  Assignments assignments;
  /// "SILVERBACK_STORAGE_PTH is not a setting (did you mean SILVERBACK_STORAGE_PATH?)". Only of names that
  /// are near one: cluster managers put variables such as SILVERBACK_SERVICE_HOST there that mean nothing to
  /// us.
  std::vector<std::string> warnings;
};

/// @param variables  as `environ`: NAME=value, ended by a null pointer
Environment read_environment(const char* const* variables);

}  // namespace silverback::server
