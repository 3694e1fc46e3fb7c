// Value codec: a column of values of one type to bytes and back, bit for bit.
//
// Floats are stored as the smallest of: one repeated value, integers scaled by a power of ten, the same with
// a small correction in units of the last place, integers scaled by a power of two, the bit patterns as
// integers, and XOR with the value before. Values that do not fit (stale markers and other NaN, infinities,
// -0, an odd one out) stand beside it as exceptions. Integers are stored as the smallest of: constant,
// offsets from a centre, deltas and deltas of deltas, divided by their greatest common divisor, in packed
// blocks (storage/bitpack.h). The bytes are described in docs/format/chunk.md.
//
// Sources: decimal scaling as in VictoriaMetrics' and ALP's descriptions (Afroozeh et al., "ALP: Adaptive
// Lossless floating-Point Compression", SIGMOD 2023), but with deltas and always checked bit for bit; XOR
// from Pelkonen et al., "Gorilla", VLDB 2015.
//
// The number of values is not in the bytes: the caller keeps it and bounds it by kMaxChunkSamples.
//
// Threads: pure functions (the encoders keep thread-local scratch memory).
// Errors: decoders return DataLoss for damaged bytes; nothing outside the bytes and the n outputs is touched.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "storage/simd.h"

namespace silverback::storage {

/// No column is longer.
inline constexpr std::size_t kMaxChunkSamples = 65536;

/// What worked for a series' last chunk: one byte kept per series, 0 for a new one. It saves the encoder its
/// search; a wrong or lost hint costs time, and seldom a few bytes, never correctness.
using ScaleHint = std::uint8_t;

void encode_floats(std::span<const double> values, ScaleHint& hint, std::string& out);
/// Takes its bytes from `in` and leaves what follows.
Status decode_floats(ByteReader& in, std::size_t n, double* out);

void encode_ints(std::span<const std::int64_t> values, std::string& out);
Status decode_ints(ByteReader& in, std::size_t n, std::int64_t* out);

/// By bits, as int64: wraps around where it must.
void encode_uints(std::span<const std::uint64_t> values, std::string& out);
Status decode_uints(ByteReader& in, std::size_t n, std::uint64_t* out);

/// 0 and 1 in, 0 and 1 out; any other number in counts as 1.
void encode_bools(std::span<const std::uint64_t> values, std::string& out);
Status decode_bools(ByteReader& in, std::size_t n, std::uint64_t* out);

void encode_strings(std::span<const std::string_view> values, std::string& out);
/// Fills `out` with n views into the bytes of `in`, valid as long as those are.
Status decode_strings(ByteReader& in, std::size_t n, std::vector<std::string_view>& out);

/// The same with the instructions chosen by the caller: for tests and benchmarks that compare them.
void encode_floats_with(Simd simd, std::span<const double> values, ScaleHint& hint, std::string& out);
Status decode_floats_with(Simd simd, ByteReader& in, std::size_t n, double* out);

}  // namespace silverback::storage
