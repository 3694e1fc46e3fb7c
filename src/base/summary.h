// Summary: quantiles of what was observed in the last ten minutes, and the count and sum of a lifetime.
//
// Observations are counted in buckets that split each power of two into 16 equal parts, so a quantile is the
// middle of the bucket that holds it and at most 1/32 (3.2 %) away from an observation of exactly that rank.
// What is below 2^-30 (about a nanosecond, were it seconds) counts as that, what is above 2^10 as 2^10; NaN
// is left out. Five slices of two minutes each make the window: the oldest goes as a whole, so a quantile
// looks back between eight and ten minutes. The names, the window and the shape in /metrics are those of
// Prometheus' client library; its summaries bound the error of the rank instead (5 % at the median).
//
// Threads: any.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/mutex.h"

namespace silverback {

class Summary {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit Summary(std::vector<double> quantiles = {0.5, 0.9, 0.99}) : quantiles_(std::move(quantiles)) {}

  const std::vector<double>& quantiles() const { return quantiles_; }
  void observe(double v, Time now = std::chrono::steady_clock::now()) EXCLUDES(mutex_);

  struct Snapshot {
    std::vector<double> values;  // of quantiles(); NaN when nothing was observed lately
    std::uint64_t count = 0;     // of all times
    double sum = 0;
  };
  Snapshot snapshot(Time now = std::chrono::steady_clock::now()) EXCLUDES(mutex_);

 private:
  static constexpr std::size_t kSlices = 5;
  static constexpr std::chrono::minutes kSlice{2};
  static constexpr int kLeast = -30;  // powers of two
  static constexpr int kMost = 10;
  static constexpr std::size_t kParts = 16;  // of each
  static constexpr std::size_t kBuckets = static_cast<std::size_t>(kMost - kLeast) * kParts;
  using Buckets = std::array<std::uint32_t, kBuckets>;

  static std::size_t bucket_of(double v);
  static double middle_of(std::size_t bucket);
  /// Empties the slices whose time is over.
  void turn(Time now) REQUIRES(mutex_);

  const std::vector<double> quantiles_;

  Mutex mutex_;
  std::array<Buckets, kSlices> slices_ GUARDED_BY(mutex_){};
  std::int64_t newest_ GUARDED_BY(mutex_) = 0;  // number of the slice being filled, since the clock's zero
  std::uint64_t count_ GUARDED_BY(mutex_) = 0;
  double sum_ GUARDED_BY(mutex_) = 0;
};

}  // namespace silverback
