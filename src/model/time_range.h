// TimeRange: a closed span of time in Unix nanoseconds.
#pragma once

#include <cstdint>
#include <limits>

namespace silverback {

struct TimeRange {
  std::int64_t min_ns = std::numeric_limits<std::int64_t>::min();
  std::int64_t max_ns = std::numeric_limits<std::int64_t>::max();  // inclusive, as min_ns is

  bool contains(std::int64_t time_ns) const { return min_ns <= time_ns && time_ns <= max_ns; }
  bool overlaps(const TimeRange& other) const { return min_ns <= other.max_ns && other.min_ns <= max_ns; }
  friend bool operator==(const TimeRange&, const TimeRange&) = default;
};

}  // namespace silverback
