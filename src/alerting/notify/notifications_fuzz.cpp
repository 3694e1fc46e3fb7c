// What is read as the section `notifications` is shown as YAML that is read again, with the same routes.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "alerting/notify/config.h"
#include "alerting/notify/route.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace silverback;
  const auto document = yaml::parse({reinterpret_cast<const char*>(bytes), size}, "n.yml");
  if (!document) return 0;
  yaml::Problems problems("n.yml");
  const notify::NotifyConfig config = notify::read_notifications(*document, "/etc", problems);
  if (!problems.empty()) return 0;
  const notify::RouteTree tree(config.route);
  if (tree.match(Labels{{"alertname", "Down"}}).empty()) std::abort();

  const auto shown = yaml::parse(config.shown, "s.yml");
  if (!shown) std::abort();
  const notify::NotifyConfig again = notify::read_notifications(*shown, "/etc", problems);
  if (again.route != config.route || again.time_intervals != config.time_intervals) std::abort();
  if (again.inhibit_rules != config.inhibit_rules) std::abort();
  return 0;
}
