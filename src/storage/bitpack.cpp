#include "storage/bitpack.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "base/bytes.h"

namespace silverback::storage {
namespace {

constexpr std::uint8_t kHasExceptions = 0x80;

constexpr std::uint64_t low_bits(unsigned width) { return width == 64 ? ~0ull : (1ull << width) - 1; }

std::uint64_t load64(const char* p) {
  std::uint64_t v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

/// The value at bit `at`; reads 9 bytes.
std::uint64_t value_at(const char* bytes, std::size_t at, unsigned width) {
  const char* p = bytes + (at >> 3);
  const unsigned shift = at & 7;
  std::uint64_t v = load64(p) >> shift;
  if (shift + width > 64) v |= static_cast<std::uint64_t>(static_cast<std::uint8_t>(p[8])) << (64 - shift);
  return v & low_bits(width);
}

void unpack_plain(const char* bytes, std::size_t readable, std::size_t n, unsigned width,
                  std::uint64_t* out) {
  constexpr std::size_t kReads = 9;
  std::size_t i = 0;
  if (readable >= kReads) {
    const std::size_t whole = std::min(n, ((readable - kReads) * 8) / width + 1);
    if (width <= 57) {
      const std::uint64_t mask = low_bits(width);
      std::size_t at = i * width;
      for (; i < whole; ++i, at += width) out[i] = (load64(bytes + (at >> 3)) >> (at & 7)) & mask;
    } else {
      for (; i < whole; ++i) out[i] = value_at(bytes, i * width, width);
    }
  }
  if (i >= n) return;
  // The last few bytes, where a whole read would pass the end: from a padded copy.
  const std::size_t from = (i * width) >> 3;
  const std::size_t size = packed_bytes(n, width) - from;
  char padded[32] = {};
  assert(size + kReads <= sizeof padded);
  std::memcpy(padded, bytes + from, size);
  for (; i < n; ++i) out[i] = value_at(padded, i * width - from * 8, width);
}

#if defined(__x86_64__)

// Eight values of up to 25 bits from `width` bytes: each 128-bit lane holds the bytes of four values, one
// shuffle brings a value's four bytes into its 32-bit place, one variable shift drops the bits before it.
struct Narrow {
  alignas(32) std::array<std::uint8_t, 32> shuffle{};
  alignas(32) std::array<std::uint32_t, 8> shift{};
};
// Four values of up to 57 bits in 64-bit places; [1] for the second four, which start at bit 4 * width.
struct Wide {
  alignas(32) std::array<std::uint8_t, 32> shuffle{};
  alignas(32) std::array<std::uint64_t, 4> shift{};
};
constexpr unsigned kMaxNarrow = 25;
constexpr unsigned kMaxWide = 57;

constexpr auto kNarrow = [] {
  std::array<Narrow, kMaxNarrow + 1> table{};
  for (unsigned width = 0; width <= kMaxNarrow; ++width) {
    for (unsigned i = 0; i < 8; ++i) {
      const unsigned base = i < 4 ? 0 : (4 * width) / 8;
      const unsigned bit = i * width - base * 8;
      for (unsigned b = 0; b < 4; ++b)
        table[width].shuffle[4 * i + b] = static_cast<std::uint8_t>(bit / 8 + b);
      table[width].shift[i] = bit % 8;
    }
  }
  return table;
}();

constexpr auto kWide = [] {
  std::array<std::array<Wide, 2>, kMaxWide + 1> table{};
  for (unsigned width = 0; width <= kMaxWide; ++width) {
    for (unsigned half = 0; half < 2; ++half) {
      const unsigned start = half * 4 * width;
      for (unsigned i = 0; i < 4; ++i) {
        const unsigned base = i < 2 ? start / 8 : (start + 2 * width) / 8;
        const unsigned bit = start + i * width - base * 8;
        for (unsigned b = 0; b < 8; ++b) {
          table[width][half].shuffle[8 * i + b] = static_cast<std::uint8_t>(bit / 8 + b);
        }
        table[width][half].shift[i] = bit % 8;
      }
    }
  }
  return table;
}();

__attribute__((target("avx2"))) inline __m256i load_lanes(const char* low, const char* high) {
  const __m128i a = _mm_loadu_si128(reinterpret_cast<const __m128i*>(low));
  const __m128i b = _mm_loadu_si128(reinterpret_cast<const __m128i*>(high));
  return _mm256_inserti128_si256(_mm256_castsi128_si256(a), b, 1);
}
template <typename T>
__attribute__((target("avx2"))) inline __m256i load_table(const T& table) {
  return _mm256_load_si256(reinterpret_cast<const __m256i*>(table.data()));
}
__attribute__((target("avx2"))) inline void store(std::uint64_t* out, __m256i v) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), v);
}

/// Both return how many values they did: as many groups of eight as can be read without passing the end.
__attribute__((target("avx2"))) std::size_t unpack_narrow(const char* bytes, std::size_t readable,
                                                          std::size_t n, unsigned width, std::uint64_t* out) {
  const std::size_t reads = width / 2 + 16;
  const __m256i shuffle = load_table(kNarrow[width].shuffle);
  const __m256i shift = load_table(kNarrow[width].shift);
  const __m256i mask = _mm256_set1_epi32(static_cast<int>(low_bits(width)));
  std::size_t i = 0;
  for (std::size_t at = 0; i < n && at + reads <= readable; i += 8, at += width) {
    const __m256i lanes = load_lanes(bytes + at, bytes + at + width / 2);
    const __m256i v = _mm256_and_si256(_mm256_srlv_epi32(_mm256_shuffle_epi8(lanes, shuffle), shift), mask);
    store(out + i, _mm256_cvtepu32_epi64(_mm256_castsi256_si128(v)));
    store(out + i + 4, _mm256_cvtepu32_epi64(_mm256_extracti128_si256(v, 1)));
  }
  return i;
}

__attribute__((target("avx2"))) std::size_t unpack_wide(const char* bytes, std::size_t readable,
                                                        std::size_t n, unsigned width, std::uint64_t* out) {
  const std::size_t reads = (6 * width) / 8 + 16;
  const __m256i shuffle[2] = {load_table(kWide[width][0].shuffle), load_table(kWide[width][1].shuffle)};
  const __m256i shift[2] = {load_table(kWide[width][0].shift), load_table(kWide[width][1].shift)};
  const __m256i mask = _mm256_set1_epi64x(static_cast<long long>(low_bits(width)));
  std::size_t i = 0;
  for (std::size_t at = 0; i < n && at + reads <= readable; i += 8, at += width) {
    const char* p = bytes + at;
    const __m256i first = load_lanes(p, p + (2 * width) / 8);
    const __m256i second = load_lanes(p + (4 * width) / 8, p + (6 * width) / 8);
    store(out + i,
          _mm256_and_si256(_mm256_srlv_epi64(_mm256_shuffle_epi8(first, shuffle[0]), shift[0]), mask));
    store(out + i + 4,
          _mm256_and_si256(_mm256_srlv_epi64(_mm256_shuffle_epi8(second, shuffle[1]), shift[1]), mask));
  }
  return i;
}

/// All n values, n rounded up to eights: the last groups from a padded copy, where a whole read would pass
/// the end.
void unpack_avx2(const char* bytes, std::size_t readable, std::size_t n, unsigned width, std::uint64_t* out) {
  const auto unpack = width <= kMaxNarrow ? unpack_narrow : unpack_wide;
  const std::size_t done = unpack(bytes, readable, n, width, out);
  if (done >= n) return;
  char padded[192] = {};
  const std::size_t from = done / 8 * width;
  const std::size_t size = packed_bytes(n, width) - from;
  assert(size + (6 * width) / 8 + 16 <= sizeof padded);
  std::memcpy(padded, bytes + from, size);
  unpack(padded, sizeof padded, n - done, width, out + done);
}

#endif  // __x86_64__

/// A varint within [p, end); null when there is none.
const char* get_varint(const char* p, const char* end, std::uint64_t& v) {
  v = 0;
  for (unsigned shift = 0; shift < 64 && p != end; shift += 7) {
    const auto byte = static_cast<std::uint8_t>(*p++);
    if (shift == 63 && byte > 1) return nullptr;
    v |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return p;
  }
  return nullptr;
}

struct Exceptions {
  std::size_t count = 0;
  const char* positions = nullptr;
  std::array<std::uint64_t, kBlockValues> high;
};

/// Positions and high bits in front of a block's packed part.
const char* get_exceptions(const char* p, const char* end, std::size_t n, unsigned width, Exceptions& out) {
  if (p == end || width == 64) return nullptr;
  out.count = static_cast<std::uint8_t>(*p++);
  if (out.count == 0 || out.count > n || static_cast<std::size_t>(end - p) < out.count) return nullptr;
  out.positions = p;
  p += out.count;
  for (std::size_t i = 0; i < out.count; ++i) {
    if (static_cast<std::uint8_t>(out.positions[i]) >= n) return nullptr;
    p = get_varint(p, end, out.high[i]);
    if (p == nullptr || static_cast<unsigned>(std::bit_width(out.high[i])) + width > 64) return nullptr;
  }
  return p;
}

/// The width that makes the block smallest: wider values are exceptions of a byte for the position and a
/// varint for the bits above.
unsigned best_width(const std::uint64_t* values, std::size_t n) {
  std::array<std::uint8_t, 65> lengths{};
  std::uint64_t any = 0;
  for (std::size_t i = 0; i < n; ++i) {
    any |= values[i];
    ++lengths[static_cast<std::size_t>(std::bit_width(values[i]))];
  }
  const auto longest = static_cast<unsigned>(std::bit_width(any));
  unsigned best = longest;
  std::size_t best_bits = n * longest;
  std::size_t exceptions = 0;
  for (unsigned width = longest; width-- > 0;) {
    exceptions += lengths[width + 1];
    std::size_t bits = n * width + 8 + 8 * exceptions;
    if (bits >= best_bits) {
      if (exceptions > n / 4) break;
      continue;
    }
    for (unsigned length = width + 1; length <= longest; ++length) {
      bits += lengths[length] * 8u * ((length - width + 6) / 7);
    }
    if (bits < best_bits) {
      best_bits = bits;
      best = width;
    }
  }
  return best;
}

}  // namespace

void pack_bits(const std::uint64_t* values, std::size_t n, unsigned width, std::string& out) {
  if (width == 0) return;
  char buffer[kBlockValues * 8 + 8];
  while (n > 0) {
    const std::size_t part = std::min(n, kBlockValues);
    char* p = buffer;
    std::uint64_t word = 0;
    unsigned fill = 0;
    for (std::size_t i = 0; i < part; ++i) {
      word |= values[i] << fill;
      fill += width;
      if (fill >= 64) {
        std::memcpy(p, &word, 8);
        p += 8;
        fill -= 64;
        word = fill == 0 ? 0 : values[i] >> (width - fill);
      }
    }
    std::memcpy(p, &word, 8);
    out.append(buffer, packed_bytes(part, width));
    values += part;
    n -= part;
  }
}

void unpack_bits(Simd simd, const char* bytes, std::size_t readable, std::size_t n, unsigned width,
                 std::uint64_t* out) {
  if (width == 0) {
    std::fill_n(out, n, 0);
    return;
  }
#if defined(__x86_64__)
  if (simd == Simd::Avx2 && width <= kMaxWide) return unpack_avx2(bytes, readable, n, width, out);
#else
  (void)simd;
#endif
  unpack_plain(bytes, readable, n, width, out);
}

void put_block(const std::uint64_t* values, std::size_t n, std::string& out) {
  assert(n <= kBlockValues);
  const unsigned width = best_width(values, n);
  const std::uint64_t mask = low_bits(width);
  char positions[kBlockValues];
  std::uint64_t low[kBlockValues];
  std::size_t exceptions = 0;
  for (std::size_t i = 0; i < n; ++i) {
    low[i] = values[i] & mask;
    positions[exceptions] = static_cast<char>(i);
    exceptions += low[i] != values[i];
  }
  out.push_back(static_cast<char>(width | (exceptions != 0 ? kHasExceptions : 0u)));
  if (exceptions != 0) {
    out.push_back(static_cast<char>(exceptions));
    out.append(positions, exceptions);
    for (std::size_t i = 0; i < exceptions; ++i) {
      put_varint(out, values[static_cast<std::uint8_t>(positions[i])] >> width);
    }
  }
  pack_bits(low, n, width, out);
}

const char* get_block(Simd simd, const char* p, const char* end, std::size_t n, std::uint64_t* out) {
  if (p == end) return nullptr;
  const auto head = static_cast<std::uint8_t>(*p++);
  const unsigned width = head & 0x7fu;
  if (width > 64) return nullptr;
  Exceptions exceptions;
  if ((head & kHasExceptions) != 0) {
    p = get_exceptions(p, end, n, width, exceptions);
    if (p == nullptr) return nullptr;
  }
  const std::size_t size = packed_bytes(n, width);
  const auto left = static_cast<std::size_t>(end - p);
  if (left < size) return nullptr;
  unpack_bits(simd, p, left, n, width, out);
  for (std::size_t i = 0; i < exceptions.count; ++i) {
    out[static_cast<std::uint8_t>(exceptions.positions[i])] |= exceptions.high[i] << width;
  }
  return p + size;
}

}  // namespace silverback::storage
