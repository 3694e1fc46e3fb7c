// Bit packing: unsigned integers of one width, and blocks of them with exceptions ("patched frame of
// reference").
//
// packed := value i stands at bits [i * width, (i + 1) * width), least significant bit first, padded to a
// whole byte. So eight values fill `width` bytes, which one shuffle and one variable shift take apart, and
// a short block wastes less than a byte.
//
// Source of the block layout: Zukowski et al., "Super-Scalar RAM-CPU Cache Compression", ICDE 2006 (PFOR),
// with the exceptions' positions and high bits in front of the block.
//
// Threads: pure functions. Errors: decoders never read outside the bytes given to them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "storage/simd.h"

namespace silverback::storage {

inline constexpr std::size_t kBlockValues = 128;

constexpr std::size_t packed_bytes(std::size_t n, unsigned width) { return (n * width + 7) / 8; }

/// Appends n values of `width` bits (0 to 64); bits above the width must be 0.
void pack_bits(const std::uint64_t* values, std::size_t n, unsigned width, std::string& out);

/// @param readable  bytes that may be read from `bytes`; at least packed_bytes(n, width)
/// @param out       room for n rounded up to a multiple of 8
void unpack_bits(Simd simd, const char* bytes, std::size_t readable, std::size_t n, unsigned width,
                 std::uint64_t* out);

/// Appends n <= kBlockValues values as one block, choosing the width that makes it smallest.
void put_block(const std::uint64_t* values, std::size_t n, std::string& out);

/// Reads one block of n values. `out` has room for kBlockValues whatever n is.
/// @returns the first byte behind the block, or null when the block is damaged
const char* get_block(Simd simd, const char* p, const char* end, std::size_t n, std::uint64_t* out);

}  // namespace silverback::storage
