#include "storage/time_codec.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <vector>

#include "storage/int_codec.h"
#include "storage/value_codec.h"

namespace silverback::storage {
namespace {

template <std::int64_t kUnit>
bool all_multiples(std::span<const std::int64_t> times_ns) {
  for (const std::int64_t time : times_ns) {
    if (time % kUnit != 0) return false;
  }
  return true;
}

template <std::int64_t kUnit>
void divide(std::span<const std::int64_t> times_ns, std::int64_t* out) {
  for (const std::int64_t time : times_ns) *out++ = time / kUnit;
}

template <std::int64_t kUnit>
std::int64_t floor_divide(std::int64_t v) {
  return v / kUnit - (v % kUnit < 0);
}

/// Ticks to the unit asked for, in place. @returns false when a tick is no int64 nanoseconds
bool to_unit(Tick tick, TimeUnit unit, std::int64_t* times, std::size_t n) {
  const std::int64_t ns = nanoseconds(tick);
  const std::int64_t limit = std::numeric_limits<std::int64_t>::max() / ns;
  bool sound = true;
  for (std::size_t i = 0; i < n; ++i) sound &= times[i] <= limit && times[i] >= -limit;
  // -2^63 is a multiple of no other tick, so the limits are the same on both sides but for nanoseconds.
  if (!sound && tick != Tick::Nanosecond) return false;
  if (unit == TimeUnit::Nanoseconds) {
    if (ns != 1) {
      for (std::size_t i = 0; i < n; ++i) times[i] *= ns;
    }
    return true;
  }
  switch (tick) {
    case Tick::Second:
      for (std::size_t i = 0; i < n; ++i) times[i] *= 1000;
      break;
    case Tick::Millisecond: break;
    case Tick::Microsecond:
      for (std::size_t i = 0; i < n; ++i) times[i] = floor_divide<1000>(times[i]);
      break;
    case Tick::Nanosecond:
      for (std::size_t i = 0; i < n; ++i) times[i] = floor_divide<1'000'000>(times[i]);
      break;
  }
  return true;
}

}  // namespace

Tick coarsest_tick(std::span<const std::int64_t> times_ns, Tick at_least) {
  if (at_least <= Tick::Second && all_multiples<1'000'000'000>(times_ns)) return Tick::Second;
  if (at_least <= Tick::Millisecond && all_multiples<1'000'000>(times_ns)) return Tick::Millisecond;
  if (at_least <= Tick::Microsecond && all_multiples<1'000>(times_ns)) return Tick::Microsecond;
  return Tick::Nanosecond;
}

void encode_times(std::span<const std::int64_t> times_ns, std::string& out) {
  assert(times_ns.size() <= kMaxChunkSamples);
  if (times_ns.empty()) return;
  thread_local std::vector<std::int64_t> ticks;
  const Tick tick = coarsest_tick(times_ns);
  ticks.resize(times_ns.size());
  switch (tick) {
    case Tick::Second: divide<1'000'000'000>(times_ns, ticks.data()); break;
    case Tick::Millisecond: divide<1'000'000>(times_ns, ticks.data()); break;
    case Tick::Microsecond: divide<1'000>(times_ns, ticks.data()); break;
    case Tick::Nanosecond: put_int_column(times_ns, static_cast<ColumnTag>(tick), out); return;
  }
  put_int_column(ticks, static_cast<ColumnTag>(tick), out);
}

Status decode_times(ByteReader& in, std::size_t n, TimeUnit unit, std::int64_t* out, Tick* stored_tick) {
  if (n == 0) return {};
  IntColumnReader reader;
  bool sound = reader.open(best_simd(), in.position(), in.position() + in.left(), n);
  const Tick tick = static_cast<Tick>(reader.tag());
  if (stored_tick != nullptr) *stored_tick = tick;
  std::int64_t block[IntColumnReader::kMaxRead];
  for (std::size_t at = 0; sound && at < n;) {
    const std::size_t got = reader.read(block);
    sound = got != 0 && to_unit(tick, unit, block, got);
    if (sound) std::copy_n(block, got, out + at);
    at += got;
  }
  if (!sound || !reader.done()) return {Code::DataLoss, "damaged block of " + std::to_string(n) + " times"};
  in.bytes(static_cast<std::size_t>(reader.position() - in.position()));
  return {};
}

}  // namespace silverback::storage
