// Base64: bytes as text. Source: RFC 4648, section 4, with padding.
//
// Threads: any.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace silverback {

inline std::string to_base64(std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t n = bytes.size() - i < 3 ? bytes.size() - i : 3;
    std::array<unsigned char, 3> three{};
    for (std::size_t k = 0; k < n; ++k) three[k] = static_cast<unsigned char>(bytes[i + k]);
    text += kDigits[three[0] >> 2];
    text += kDigits[(three[0] & 3) << 4 | three[1] >> 4];
    text += n > 1 ? kDigits[(three[1] & 15) << 2 | three[2] >> 6] : '=';
    text += n > 2 ? kDigits[three[2] & 63] : '=';
  }
  return text;
}

}  // namespace silverback
