// Assignment: one value for one setting, and where it was written.
#pragma once

#include <string>
#include <vector>

namespace silverback::server {

struct Setting;

struct Assignment {
  const Setting* setting = nullptr;
  std::string value;
  std::string where;  // "--storage.path", "SILVERBACK_STORAGE_PATH", "silverback.yml:3: storage.path"
};

using Assignments = std::vector<Assignment>;

}  // namespace silverback::server
