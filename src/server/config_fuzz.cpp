// What parses without a problem gives settings that can be written as YAML and read back as the same; what
// does not says why, and neither takes long.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "server/config_file.h"
#include "server/configuration.h"

namespace {

using namespace silverback;
using namespace silverback::server;

bool assign_all(Settings& settings, const ConfigFile& file) {
  for (const Assignment& assignment : file.assignments) {
    if (!assign(settings, *assignment.setting, assignment.value).ok()) return false;
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ConfigFile file = parse_config({reinterpret_cast<const char*>(data), size}, "fuzz.yml");
  for (const std::string& problem : file.problems) {
    if (!problem.starts_with("fuzz.yml")) std::abort();
  }
  Settings settings = default_settings();
  if (!file.problems.empty() || !assign_all(settings, file)) return 0;

  const ConfigFile again = parse_config(to_yaml(settings), "again.yml");
  Settings same = default_settings();
  if (!again.problems.empty() || !assign_all(same, again)) std::abort();
  if (!changed_settings(settings, same).empty()) std::abort();
  return 0;
}
