// The inner loops of line protocol: finding the end of a key, and short decimal numbers, by whole words.
//
// Nothing reads past the end it is given.
#pragma once

#include <emmintrin.h>

#include <bit>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace silverback::ingest::line {

/// The first `a` or `b` in [p, end), or end.
inline const char* find_either(const char* p, const char* end, char a, char b) {
  const __m128i want_a = _mm_set1_epi8(a);
  const __m128i want_b = _mm_set1_epi8(b);
  for (; end - p >= 16; p += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i hit = _mm_or_si128(_mm_cmpeq_epi8(bytes, want_a), _mm_cmpeq_epi8(bytes, want_b));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(hit));
    if (mask != 0) return p + std::countr_zero(mask);
  }
  while (p != end && *p != a && *p != b) ++p;
  return p;
}

/// True when [p, ...) begins with `text`, which is short and not empty.
inline bool begins_with(const char* p, const char* end, std::string_view text) {
  const std::size_t size = text.size();
  if (static_cast<std::size_t>(end - p) < size || size == 0) return false;
  const char* q = text.data();
  if (size < 8) {
    if (size < 4) return *p == *q && p[size / 2] == q[size / 2] && p[size - 1] == q[size - 1];
    std::uint32_t a = 0;
    std::uint32_t b = 0;
    std::memcpy(&a, p, 4);
    std::memcpy(&b, q, 4);
    if (a != b) return false;
    std::memcpy(&a, p + size - 4, 4);
    std::memcpy(&b, q + size - 4, 4);
    return a == b;
  }
  // Overlapping words: no loop for up to 16 bytes.
  std::uint64_t a = 0;
  std::uint64_t b = 0;
  for (std::size_t i = 0; i + 8 < size; i += 8) {
    std::memcpy(&a, p + i, 8);
    std::memcpy(&b, q + i, 8);
    if (a != b) return false;
  }
  std::memcpy(&a, p + size - 8, 8);
  std::memcpy(&b, q + size - 8, 8);
  return a == b;
}

/// Number of decimal digits at the beginning of eight bytes, 0 to 8.
inline unsigned count_digits(std::uint64_t eight) {
  // A byte is a digit when its high nibble is 3 and stays 3 after adding 6.
  const std::uint64_t not_digit = ((eight & 0xf0f0f0f0f0f0f0f0) ^ 0x3030303030303030) |
                                  (((eight + 0x0606060606060606) & 0xf0f0f0f0f0f0f0f0) ^ 0x3030303030303030);
  return static_cast<unsigned>(std::countr_zero(not_digit)) / 8;
}

/// The number that the first `count` (1 to 8) of eight bytes write, all of them digits.
inline std::uint64_t digits_value(std::uint64_t eight, unsigned count) {
  eight <<= 64 - 8 * count;  // leading zeros in place of what follows
  eight = (eight & 0x0f0f0f0f0f0f0f0f) * 2561 >> 8;
  eight = (eight & 0x00ff00ff00ff00ff) * 6553601 >> 16;
  return (eight & 0x0000ffff0000ffff) * 42949672960001 >> 32;
}

/// The number that sixteen digits write.
inline std::uint64_t sixteen_digits(const char* p) {
  std::uint64_t first = 0;
  std::uint64_t second = 0;
  std::memcpy(&first, p, 8);
  std::memcpy(&second, p + 8, 8);
  return digits_value(first, 8) * 100'000'000 + digits_value(second, 8);
}

inline constexpr std::uint64_t kPowersOf10[] = {1,
                                                10,
                                                100,
                                                1'000,
                                                10'000,
                                                100'000,
                                                1'000'000,
                                                10'000'000,
                                                100'000'000,
                                                1'000'000'000,
                                                10'000'000'000,
                                                100'000'000'000,
                                                1'000'000'000'000,
                                                10'000'000'000'000,
                                                100'000'000'000'000,
                                                1'000'000'000'000'000,
                                                10'000'000'000'000'000};

/// Up to 16 digits at `p`; `count` tells how many. 17 and more count as 17, and `value` is then of no use.
inline std::uint64_t read_digits(const char* p, const char* end, unsigned& count) {
  if (end - p >= 24) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, p, 8);
    const unsigned first = count_digits(eight);
    if (first < 8) {
      count = first;
      return first == 0 ? 0 : digits_value(eight, first);
    }
    std::uint64_t value = digits_value(eight, 8);
    std::memcpy(&eight, p + 8, 8);
    const unsigned second = count_digits(eight);
    if (second > 0) value = value * kPowersOf10[second] + digits_value(eight, second);
    count = 8 + second;
    if (second == 8 && static_cast<unsigned char>(p[16] - '0') < 10) count = 17;
    return value;
  }
  std::uint64_t value = 0;
  for (count = 0; p != end && static_cast<unsigned char>(*p - '0') < 10 && count < 17; ++p, ++count) {
    value = value * 10 + static_cast<unsigned char>(*p - '0');
  }
  return value;
}

/// A whole number of any length that fits; `p` moves past its digits. False when there is none or it does not
/// fit.
inline bool read_uint64(const char*& p, const char* end, std::uint64_t& value) {
  unsigned count = 0;
  const char* const begin = p;
  value = read_digits(p, end, count);
  if (count == 0) return false;
  if (count == 17) {  // a time in nanoseconds has 19
    value = sixteen_digits(p);
    for (p += 16, count = 16; count < 19 && p != end && static_cast<unsigned char>(*p - '0') < 10;
         ++p, ++count) {
      value = value * 10 + static_cast<unsigned char>(*p - '0');
    }
    if (p == end || static_cast<unsigned char>(*p - '0') >= 10) return true;
    const auto [after, error] = std::from_chars(begin, end, value);
    p = after;
    return error == std::errc();
  }
  p += count;
  return true;
}

inline constexpr double kExactPowersOf10[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                              1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                              1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

}  // namespace silverback::ingest::line
