#include "server/environment.h"

#include <string_view>

#include "server/settings.h"

namespace silverback::server {

Environment read_environment(const char* const* variables) {
  constexpr std::string_view kPrefix = "SILVERBACK_";
  std::vector<std::string> names;
  for (const Setting& setting : all_settings()) names.push_back(environment_name(setting));
  const std::vector<std::string_view> views(names.begin(), names.end());

  Environment out;
  for (; variables != nullptr && *variables != nullptr; ++variables) {
    const std::string_view variable = *variables;
    const std::size_t equals = variable.find('=');
    if (!variable.starts_with(kPrefix) || equals == variable.npos) continue;
    const std::string_view name = variable.substr(0, equals);
    const std::string_view value = variable.substr(equals + 1);
    bool known = false;
    for (std::size_t i = 0; i < views.size() && !known; ++i) {
      known = views[i] == name;
      if (known) out.assignments.push_back({&all_settings()[i], std::string(value), names[i]});
    }
    if (known) continue;
    // The prefix is the same for all, so only the rest says how near a name is.
    std::vector<std::string_view> rests;
    for (const std::string_view view : views) rests.push_back(view.substr(kPrefix.size()));
    const std::string near = suggest(name.substr(kPrefix.size()), rests);
    if (!near.empty()) out.warnings.push_back(std::string(name) + " is not a setting" + near);
  }
  return out;
}

}  // namespace silverback::server
