#include "storage/aggregates.h"

#include <bit>
#include <cmath>
#include <limits>

namespace silverback::storage {
namespace {

constexpr double kMaxExactSum = 9007199254740992.0;  // 2^53
constexpr std::uint64_t kNegativeZero = 1ull << 63;

/// What one pass over the values that are not stale markers finds.
struct Pass {
  std::size_t count = 0;
  double first = 0;
  double last = 0;
  double min = std::numeric_limits<double>::infinity();
  double max = -std::numeric_limits<double>::infinity();
  double sum = 0;
  double magnitude = 0;
  bool whole = true;  // every value is an integer
  std::uint32_t resets = 0;
  double correction = 0;
  bool odd = false;   // NaN, which has no order, or -0, which equals 0
};

template <bool kStale>
Pass pass_over(std::span<const std::uint64_t> bits) {
  Pass p;
  for (const std::uint64_t b : bits) {
    if (kStale && b == kStaleNanBits) continue;
    const double value = std::bit_cast<double>(b);
    if (p.count == 0) p.first = p.last = value;
    ++p.count;
    p.odd |= value != value || b == kNegativeZero;
    p.min = value < p.min ? value : p.min;
    p.max = value > p.max ? value : p.max;
    p.sum += value;
    p.magnitude += std::fabs(value);
    // Beyond 2^53 every double is an integer, but then the sum is not exact anyway.
    p.whole &= static_cast<double>(static_cast<std::int64_t>(std::fabs(value) < kMaxExactSum ? value : 0.5)) == value;
    const bool reset = value < p.last;
    p.resets += reset;
    p.correction += reset ? p.last : 0;
    p.last = value;
  }
  return p;
}

void aggregate_floats(std::span<const std::uint64_t> bits, ChunkHeader& header) {
  std::uint32_t stale = 0;
  for (const std::uint64_t b : bits) stale += b == kStaleNanBits;
  const Pass p = stale != 0 ? pass_over<true>(bits) : pass_over<false>(bits);
  header.stale = stale;
  header.has_nan = std::isnan(p.sum) && [&] {  // or infinities of both signs
    for (const std::uint64_t b : bits) {
      const double value = std::bit_cast<double>(b);
      if (value != value && b != kStaleNanBits) return true;
    }
    return false;
  }();
  ChunkAggregates& a = header.aggregates;
  if (p.count == 0 || p.odd) return;
  a.has_range = true;
  a.first = std::bit_cast<std::uint64_t>(p.first);
  a.last = std::bit_cast<std::uint64_t>(p.last);
  a.min = std::bit_cast<std::uint64_t>(p.min);
  a.max = std::bit_cast<std::uint64_t>(p.max);
  a.has_sum = p.whole && p.magnitude <= kMaxExactSum;
  if (a.has_sum) a.sum = static_cast<std::int64_t>(p.sum);
  a.has_counter = p.resets <= kMaxResets && (p.resets <= 1 || a.has_sum);
  if (!a.has_counter) return;
  a.resets = p.resets;
  a.correction = p.correction;
}

/// T is int64 or uint64; the sums are of the floats that PromQL sees.
template <typename T>
void aggregate_integers(std::span<const std::uint64_t> bits, ChunkAggregates& a) {
  T min = static_cast<T>(bits[0]);
  T max = min;
  T last = min;
  double magnitude = 0;
  std::uint64_t sum = 0;
  std::uint32_t resets = 0;
  double correction = 0;
  for (const std::uint64_t b : bits) {
    const T value = static_cast<T>(b);
    min = value < min ? value : min;
    max = value > max ? value : max;
    sum += b;
    magnitude += std::fabs(static_cast<double>(value));
    if (static_cast<double>(value) < static_cast<double>(last)) {
      ++resets;
      correction += static_cast<double>(last);
    }
    last = value;
  }
  a.has_range = true;
  a.first = bits.front();
  a.last = bits.back();
  a.min = static_cast<std::uint64_t>(min);
  a.max = static_cast<std::uint64_t>(max);
  a.has_sum = magnitude <= kMaxExactSum;
  if (a.has_sum) a.sum = static_cast<std::int64_t>(sum);
  a.has_counter = resets <= kMaxResets && a.has_sum;
  if (!a.has_counter) return;
  a.resets = resets;
  a.correction = correction;
}

}  // namespace

void aggregate(std::span<const std::uint64_t> bits, ChunkHeader& header) {
  header.stale = 0;
  header.has_nan = false;
  header.aggregates = {};
  if (bits.empty()) return;
  switch (header.type) {
    case ValueType::Float64: aggregate_floats(bits, header); break;
    case ValueType::Int64: aggregate_integers<std::int64_t>(bits, header.aggregates); break;
    case ValueType::Uint64:
    case ValueType::Bool: aggregate_integers<std::uint64_t>(bits, header.aggregates); break;
    case ValueType::String:
    case ValueType::Histogram: break;
  }
}

}  // namespace silverback::storage
