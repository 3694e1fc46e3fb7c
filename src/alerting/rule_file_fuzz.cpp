// Any text is either a rule file or refused with a place; what is a rule file has rules that can be made.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "alerting/alerting_config.h"
#include "alerting/alerting_rule.h"
#include "alerting/rule_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace silverback;
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  const auto file = alerting::parse_rule_file(text, "r.yml");
  if (!file && !file.status().message().starts_with("r.yml:")) std::abort();
  if (file) {
    for (const alerting::GroupSpec& group : file->groups) {
      for (const alerting::RuleSpec& rule : group.rules) {
        if (rule.alerting) const alerting::AlertingRule made(rule);
      }
    }
  }
  if (const auto document = yaml::parse(text, "c.yml")) {
    const auto config = alerting::parse_alerting_config(*document, "c.yml", "/etc");
    if (!config && !config.status().message().starts_with("c.yml:")) std::abort();
  }
  return 0;
}
