#include "storage/decoded_times.h"

#include <algorithm>

#include "base/clock.h"
#include "storage/time_codec.h"

namespace silverback::storage {

Result<DecodedTimes> DecodedTimes::decode(ByteReader& in, std::size_t count, TimeUnit unit) {
  DecodedTimes times;
  times.unit_ = unit;
  if (unit == TimeUnit::Milliseconds) {
    ByteReader again = in;
    times.ms_.resize(count);
    Tick tick = Tick::Nanosecond;
    if (Status bad = decode_times(in, count, TimeUnit::Milliseconds, times.ms_.data(), &tick); !bad.ok())
      return bad;
    if (tick <= Tick::Millisecond) {  // as times of one block differ, so do their milliseconds
      times.whole_ms_ = true;
      return times;
    }
    in = again;
  }
  std::vector<std::int64_t> ns(count);
  if (Status bad = decode_times(in, count, TimeUnit::Nanoseconds, ns.data()); !bad.ok()) return bad;
  return of(std::move(ns), unit);
}

DecodedTimes DecodedTimes::of(std::vector<std::int64_t> ns, TimeUnit unit) {
  DecodedTimes times;
  times.unit_ = unit;
  times.ns_ = std::move(ns);
  if (unit == TimeUnit::Nanoseconds) return times;
  times.ms_.resize(times.ns_.size());
  for (std::size_t i = 0; i < times.ns_.size(); ++i) times.ms_[i] = floor_div(times.ns_[i], kNsPerMs);
  for (std::size_t i = 1; i < times.ms_.size(); ++i)
    times.distinct_ = times.distinct_ && times.ms_[i - 1] < times.ms_[i];
  return times;
}

std::pair<std::size_t, std::size_t> DecodedTimes::within(const TimeRange& range) const {
  std::int64_t min = range.min_ns;
  std::int64_t max = range.max_ns;
  if (whole_ms_) {
    min = floor_div(range.min_ns, kNsPerMs) + static_cast<std::int64_t>(range.min_ns % kNsPerMs != 0);
    max = floor_div(range.max_ns, kNsPerMs);
  }
  const std::vector<std::int64_t>& times = whole_ms_ ? ms_ : ns_;
  const auto from = times.empty() || times.front() >= min ? times.begin()
                                                          : std::lower_bound(times.begin(), times.end(), min);
  const auto to =
      times.empty() || times.back() <= max ? times.end() : std::upper_bound(from, times.end(), max);
  return {static_cast<std::size_t>(from - times.begin()),
          static_cast<std::size_t>(std::max(from, to) - times.begin())};
}

}  // namespace silverback::storage
