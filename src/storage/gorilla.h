// Gorilla: samples appended one by one to a bit stream, for the open end of a series in the head.
//
// Source: Pelkonen et al., "Gorilla: A Fast, Scalable, In-Memory Time Series Database", VLDB 2015, section
// 4.1. Departures: one bit says "same step, same value", finer steps for jitter of milliseconds, times in
// ticks of a unit that the stream chooses and may change, integers as deltas, every 64-bit pattern and any
// int64 time in any order. The bits are described in docs/format/chunk.md.
//
// Invariant: bits once written never change, but for the unused low bits of the last byte. So a copy of the
// first (bit_count + 7) / 8 bytes taken under the owner's lock decodes while samples go on being appended.
//
// Threads: a value; its owner locks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/status.h"
#include "model/sample.h"

namespace silverback::storage {

/// What the appender must remember between samples; all zeros (but `delta`) is an empty stream.
struct GorillaState {
  std::int64_t last_ns = 0;     // of the last sample, when count > 0
  std::uint64_t last_bits = 0;  // of the last sample
  std::int64_t step = 0;        // last delta of times in ticks
  std::uint32_t bit_count = 0;
  std::uint16_t count = 0;      // samples in the stream
  std::uint16_t lead : 6 = 0;   // window of meaningful bits of the last XOR
  std::uint16_t width : 7 = 0;  // 0: none yet
  std::uint16_t tick : 2 = 0;   // enum Tick
  std::uint16_t delta : 1 =
      0;  // values are integers, stored as deltas; else as XOR. Set it before the first sample

  std::size_t byte_count() const { return (bit_count + 7u) / 8u; }
};
static_assert(sizeof(GorillaState) == 32);

/// No sample takes more, the first of a stream included; the appender writes whole words within this room.
inline constexpr std::size_t kGorillaMaxSampleBytes = 32;
/// The count is 16 bits wide.
inline constexpr std::size_t kGorillaMaxSamples = 65535;

/// Integers and bools are best as deltas, floats as XOR.
constexpr bool gorilla_uses_delta(ValueType type) { return type != ValueType::Float64; }

/// Appends samples to a stream of state.byte_count() bytes at `stream`.
///
/// @param stream  has room for times_ns.size() * kGorillaMaxSampleBytes bytes behind the present ones
/// @param bits    as long as times_ns; any bits
void gorilla_append(GorillaState& state, char* stream, std::span<const std::int64_t> times_ns,
                    std::span<const std::uint64_t> bits);
/// The same for a stream that is a string of state.byte_count() bytes.
void gorilla_append(GorillaState& state, std::string& stream, std::span<const std::int64_t> times_ns,
                    std::span<const std::uint64_t> bits);

/// Decodes the first n samples of a stream or of a copy of its first bytes.
///
/// @param delta  as in the state that wrote it
/// @returns DataLoss when the bytes end too early or are damaged
Status gorilla_decode(std::string_view stream, bool delta, std::size_t n, std::int64_t* times_ns,
                      std::uint64_t* bits);

}  // namespace silverback::storage
