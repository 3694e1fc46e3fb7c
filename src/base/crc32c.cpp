#include "base/crc32c.h"

#include <array>
#include <cstring>

#if defined(__SSE4_2__)
#include <nmmintrin.h>
#endif

namespace silverback {
namespace {

#if !defined(__SSE4_2__)
constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t c = i;
    for (int k = 0; k < 8; ++k) c = (c & 1) != 0 ? (c >> 1) ^ 0x82f63b78u : c >> 1;
    table[i] = c;
  }
  return table;
}
constexpr auto kTable = make_table();
#endif

}  // namespace

std::uint32_t crc32c(std::string_view bytes, std::uint32_t seed) {
  const char* p = bytes.data();
  std::size_t n = bytes.size();
#if defined(__SSE4_2__)
  std::uint64_t crc = ~seed & 0xffffffffu;
  for (; n >= 8; n -= 8, p += 8) {
    std::uint64_t word;
    std::memcpy(&word, p, 8);
    crc = _mm_crc32_u64(crc, word);
  }
  auto short_crc = static_cast<std::uint32_t>(crc);
  for (; n > 0; --n) short_crc = _mm_crc32_u8(short_crc, static_cast<std::uint8_t>(*p++));
  return ~short_crc;
#else
  std::uint32_t crc = ~seed;
  for (; n > 0; --n) crc = kTable[(crc ^ static_cast<std::uint8_t>(*p++)) & 0xff] ^ (crc >> 8);
  return ~crc;
#endif
}

}  // namespace silverback
