// Any template either parses or fails in words; executing it ends, within its bounds, and gives the same
// twice.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "alerting/gotemplate/template.h"
#include "alerting/rule_file.h"
#include "alerting/text_functions.h"

namespace {

using namespace silverback;

gotemplate::Value data() {
  gotemplate::Struct made;
  made.fields = {{"Labels", alerting::to_value(Labels{{"instance", "a:1"}, {"job", "x"}})},
                 {"ExternalLabels", alerting::to_value(Labels{})},
                 {"ExternalURL", "http://x"},
                 {"Value", 1.5}};
  return made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  const auto parsed =
      gotemplate::Template::parse("t", alerting::with_rule_variables(text), alerting::rule_functions());
  if (!parsed) return parsed.status().message().starts_with("template: t") ? 0 : (std::abort(), 0);
  alerting::RuleEnvironment environment;
  environment.query = [](std::string_view) -> Result<std::vector<alerting::VectorSample>> {
    return std::vector<alerting::VectorSample>{{{{"job", "y"}}, 2}};
  };
  const auto first = parsed->execute(data(), environment);
  const auto second = parsed->execute(data(), environment);
  if (static_cast<bool>(first) != static_cast<bool>(second) || (first && *first != *second)) std::abort();
  return 0;
}
