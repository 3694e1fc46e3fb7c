// Time codec: the times of a chunk to bytes and back, exactly.
//
// Times are stored in ticks of the coarsest unit that loses nothing (s, ms, us, ns), then as integers are
// (int_codec.h): a regular series costs a few bytes in all, jitter its own bits. Any int64 is a valid time
// and any order is kept; deltas wrap around. The bytes are described in docs/format/chunk.md.
//
// Threads: pure functions. Errors: as in value_codec.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/status.h"
#include "model/querier.h"

namespace silverback::storage {

/// The length of a stored tick; the numbers stand in files.
enum class Tick : std::uint8_t { Second = 0, Millisecond = 1, Microsecond = 2, Nanosecond = 3 };

constexpr std::int64_t nanoseconds(Tick tick) {
  constexpr std::int64_t kNanoseconds[] = {1'000'000'000, 1'000'000, 1'000, 1};
  return kNanoseconds[static_cast<std::size_t>(tick)];
}

/// The coarsest tick, no coarser than `at_least`, of which every time is a multiple.
Tick coarsest_tick(std::span<const std::int64_t> times_ns, Tick at_least = Tick::Second);

void encode_times(std::span<const std::int64_t> times_ns, std::string& out);

/// In the unit asked for, milliseconds floored: two times within one millisecond come out equal, and the
/// caller drops one of them. n as in value_codec.h.
/// @param tick  if not null, set to the tick that was stored: up to Millisecond, milliseconds are exact
/// @returns DataLoss also for ticks that are no int64 nanoseconds
Status decode_times(ByteReader& in, std::size_t n, TimeUnit unit, std::int64_t* out, Tick* tick = nullptr);

}  // namespace silverback::storage
