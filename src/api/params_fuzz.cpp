// Any text splits into parameters or is refused; what was decoded, encoded again, decodes to the same;
// a time that is read lies within its bounds, and times and names never fail in any other way.
#include <cstdlib>
#include <string>

#include "api/json.h"
#include "api/params.h"

namespace {

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    out += '%';
    out += kHex[static_cast<unsigned char>(c) >> 4];
    out += kHex[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

void check(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace silverback::api;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto params = Params::of(text)) {
    check(params->size() <= size);
    static_cast<void>(params->all("match[]"));
    static_cast<void>(limit_param(*params));
  }
  if (const auto decoded = percent_decode(text, true)) {
    const auto again = percent_decode(percent_encode(*decoded), true);
    check(again && *again == *decoded);
  }
  if (const auto time = parse_time_ms(text)) check(*time >= -kMaxTimeMs && *time <= kMaxTimeMs);
  static_cast<void>(parse_duration_ns(text));
  static_cast<void>(unescape_label_name(text));
  std::string json;
  silverback::append_json_string(json, text);
  check(json.size() >= 2 && json.find('\n') == std::string::npos);
  return 0;
}
