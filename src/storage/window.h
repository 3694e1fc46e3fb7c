// Windows: data time cut into spans of two hours, counted from 1970 in both directions.
#pragma once

#include <cstdint>
#include <limits>

#include "base/clock.h"
#include "model/time_range.h"

namespace silverback::storage {

inline constexpr std::int64_t kWindowNs = 7'200 * kNsPerSecond;

constexpr std::int32_t window_of(std::int64_t time_ns) {
  return static_cast<std::int32_t>(floor_div(time_ns, kWindowNs));
}

/// Both ends inclusive, cut off at the ends of time.
constexpr TimeRange window_range(std::int32_t window) {
  constexpr std::int64_t kFirst = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t kLast = std::numeric_limits<std::int64_t>::max();
  const bool is_first = window <= window_of(kFirst);
  const bool is_last = window >= window_of(kLast);
  return {is_first ? kFirst : window * kWindowNs, is_last ? kLast : (window + 1) * kWindowNs - 1};
}

}  // namespace silverback::storage
