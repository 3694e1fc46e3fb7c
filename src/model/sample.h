// The values a series can hold, and the words around them.
#pragma once

#include <bit>
#include <cstdint>

namespace silverback {

/// Names a series. Handed out by the store in first-seen order, never reused; 0 is no series.
enum class SeriesRef : std::uint32_t {};
inline constexpr SeriesRef kNoSeries{0};

/// Owner of series. 0 is the default tenant.
enum class Tenant : std::uint32_t {};
inline constexpr Tenant kDefaultTenant{0};

/// What a series holds. A series has one type for life; the numbers stand in files, so they never change.
/// A metric that changes its type is two series with the same labels, merged at read.
enum class ValueType : std::uint8_t {
  Float64 = 0,
  Int64 = 1,
  Uint64 = 2,
  Bool = 3,
  String = 4,
  Histogram = 5,  // native histograms: the number is reserved
};

/// A NaN of its own that says "this series has ended". Compared by bits, kept by bits.
/// Source: Prometheus, model/value/value.go
inline constexpr std::uint64_t kStaleNanBits = 0x7ff0000000000002;
inline double stale_nan() { return std::bit_cast<double>(kStaleNanBits); }
inline bool is_stale(double v) { return std::bit_cast<std::uint64_t>(v) == kStaleNanBits; }

}  // namespace silverback
