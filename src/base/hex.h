// Hex: bytes as digits.
//
// Threads: any.
#pragma once

#include <string>
#include <string_view>

namespace silverback {

/// Two lower-case digits for each byte, in order.
inline std::string to_hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const char c : bytes) {
    text += kDigits[static_cast<unsigned char>(c) >> 4];
    text += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return text;
}

}  // namespace silverback
