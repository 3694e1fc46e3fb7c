// Base64: bytes as text. Source: RFC 4648, section 4, with padding.
//
// Threads: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace silverback {

inline std::string to_base64(std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t n = bytes.size() - i < 3 ? bytes.size() - i : 3;
    std::uint32_t bits = 0;  // 24 of them, the first byte's on top
    for (std::size_t k = 0; k < 3; ++k)
      bits = bits << 8 | (k < n ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    text += kDigits[bits >> 18];
    text += kDigits[bits >> 12 & 63];
    text += n > 1 ? kDigits[bits >> 6 & 63] : '=';
    text += n > 2 ? kDigits[bits & 63] : '=';
  }
  return text;
}

}  // namespace silverback
