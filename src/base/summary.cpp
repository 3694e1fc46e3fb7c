#include "base/summary.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace silverback {
namespace {

// A double's exponent and the first four bits of its fraction number the buckets.
constexpr int kShift = 52 - 4;
constexpr int kExponentBias = 1023;

}  // namespace

std::size_t Summary::bucket_of(double v) {
  if (!(v > std::ldexp(1.0, kLeast))) return 0;
  if (v >= std::ldexp(1.0, kMost)) return kBuckets - 1;
  constexpr std::uint64_t kFirst = static_cast<std::uint64_t>(kExponentBias + kLeast) * kParts;
  return static_cast<std::size_t>((std::bit_cast<std::uint64_t>(v) >> kShift) - kFirst);
}

double Summary::middle_of(std::size_t bucket) {
  const double part = static_cast<double>(bucket % kParts) + 0.5;
  return std::ldexp(1 + part / static_cast<double>(kParts), kLeast + static_cast<int>(bucket / kParts));
}

void Summary::turn(Time now) {
  const std::int64_t slice = now.time_since_epoch() / kSlice;
  if (slice <= newest_) return;
  const std::int64_t from = std::max(newest_ + 1, slice - static_cast<std::int64_t>(kSlices) + 1);
  for (std::int64_t gone = from; gone <= slice; ++gone)
    slices_[static_cast<std::size_t>(gone) % kSlices].fill(0);
  newest_ = slice;
}

void Summary::observe(double v, Time now) {
  if (std::isnan(v)) return;
  const MutexLock lock(mutex_);
  turn(now);
  ++slices_[static_cast<std::size_t>(newest_) % kSlices][bucket_of(v)];
  ++count_;
  sum_ += v;
}

Summary::Snapshot Summary::snapshot(Time now) {
  const MutexLock lock(mutex_);
  turn(now);
  std::array<std::uint64_t, kBuckets> upto{};
  std::uint64_t total = 0;
  for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
    for (const Buckets& slice : slices_) total += slice[bucket];
    upto[bucket] = total;
  }
  Snapshot out{{}, count_, sum_};
  for (const double quantile : quantiles_) {
    const double rank = std::ceil(quantile * static_cast<double>(total));  // 1 is the smallest
    const auto at = std::lower_bound(upto.begin(), upto.end(), static_cast<std::uint64_t>(rank));
    out.values.push_back(total == 0 ? std::numeric_limits<double>::quiet_NaN()
                                    : middle_of(static_cast<std::size_t>(at - upto.begin())));
  }
  return out;
}

}  // namespace silverback
