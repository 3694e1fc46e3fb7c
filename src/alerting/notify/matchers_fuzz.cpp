// What is read as matchers can be written, and what was written is read as the same matchers.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "alerting/notify/matcher_text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace silverback::notify;
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  const auto matchers = parse_matchers(text);
  if (!matchers) {
    if (!matchers.status().message().starts_with("bad matcher format: ")) std::abort();
    return 0;
  }
  const std::string written = matchers_text(*matchers);
  const auto again = parse_matchers(written);
  if (!again || *again != *matchers || matchers_text(*again) != written) std::abort();
  return 0;
}
