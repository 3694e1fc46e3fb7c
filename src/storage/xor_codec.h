// XOR codec: a column of 64-bit patterns, each as the XOR with the one before, for values that have nothing
// else in common. Also the codes of one value, which the Gorilla stream shares.
//
// Source: Pelkonen et al., "Gorilla", VLDB 2015, section 4.1.2.
//
// Threads: pure functions.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "storage/bit_stream.h"

namespace silverback::storage {

/// The bits of the last XOR that were stored: `lead` zeros above them, `width` of them. Width 0: none yet.
struct XorWindow {
  unsigned lead = 0;   // 0 to 31
  unsigned width = 0;  // 0 to 64
};

/// A code and its length, to be put together with other codes before it is written.
struct BitCode {
  std::uint64_t bits = 0;
  unsigned length = 0;
};

inline constexpr unsigned kMaxXorLead = 31;

/// The code of a XOR that is not 0, up to its control bits; put `x >> trail` in `width` bits behind it.
///
///   10                       within the window
///   11 lead:5 width-1:6      a new window
inline BitCode xor_control(std::uint64_t x, XorWindow& window) {
  const auto lead = std::min(static_cast<unsigned>(std::countl_zero(x)), kMaxXorLead);
  const auto trail = static_cast<unsigned>(std::countr_zero(x));
  if (window.width != 0 && lead >= window.lead && trail >= 64 - window.lead - window.width) return {2, 2};
  window = {lead, 64 - lead - trail};
  return {3u << 11 | lead << 6 | (window.width - 1), 13};
}

/// @returns false when the stream names a window that cannot be
inline bool get_xor(BitReader& in, XorWindow& window, std::uint64_t& value) {
  const std::uint64_t next = in.peek();
  if (next >> 63 == 0) {
    in.skip(1);
    return true;
  }
  if ((next >> 62 & 1) == 0) {
    in.skip(2);
    if (window.width == 0) return false;
  } else {
    in.skip(13);
    window.lead = static_cast<unsigned>(next >> 57 & 31);
    window.width = static_cast<unsigned>(next >> 51 & 63) + 1;
    if (window.lead + window.width > 64) return false;
  }
  value ^= in.get(window.width) << (64 - window.lead - window.width);
  return true;
}

/// The first value raw, the others as codes, padded to a byte.
void put_xor_column(std::span<const double> values, std::string& out);
/// @returns the first byte behind the column, or null when it is damaged
const char* get_xor_column(const char* p, const char* end, std::size_t n, double* out);

}  // namespace silverback::storage
