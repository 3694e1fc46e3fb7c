// TimeInterval: recurring times, for `mute_time_intervals` and `active_time_intervals`.
// Source: https://prometheus.io/docs/alerting/latest/configuration/#time_interval-0
//
// A time is in it when each of its kinds of ranges that is given has it. Days and hours are those of the
// location, by the system's time zone database.
//
// Threads: a value.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/yaml.h"

namespace silverback::notify {

class TimeInterval {
 public:
  struct Range {
    std::int32_t begin = 0, end = 0;  // both ends inclusive; of times of day the end is exclusive
    friend bool operator==(const Range&, const Range&) = default;
  };

  /// Reads one entry of `time_intervals`; what is wrong with it goes to `problems`.
  static TimeInterval read(const yaml::Node& node, yaml::Problems& problems);

  bool contains(std::int64_t time_ns) const;
  /// As a YAML map on one line.
  std::string text() const;

  friend bool operator==(const TimeInterval&, const TimeInterval&) = default;

 private:
  std::vector<Range> minutes_;        // of the day
  std::vector<Range> weekdays_;       // Sunday is 0
  std::vector<Range> days_of_month_;  // negative ones count from the end
  std::vector<Range> months_;
  std::vector<Range> years_;
  std::string location_;  // IANA name; empty is UTC
};

}  // namespace silverback::notify
