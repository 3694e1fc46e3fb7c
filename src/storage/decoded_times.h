// DecodedTimes: a times block once decoded; DecodedTimesCache: the recent ones of all queries.
//
// Series of one target share a times block, and the queries of a dashboard share the targets: a block is read
// and decoded once for many of them. A block's place (window, generation, number) is never used for another.
//
// Threads: DecodedTimes is immutable once shared; the cache any.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/mutex.h"
#include "base/status.h"
#include "model/querier.h"
#include "model/time_range.h"

namespace silverback::storage {

class DecodedTimes {
 public:
  /// Of `count` times as encode_times() wrote them. @returns DataLoss
  static Result<DecodedTimes> decode(ByteReader& in, std::size_t count, TimeUnit unit);
  static DecodedTimes of(std::vector<std::int64_t> ns, TimeUnit unit);

  std::size_t size() const { return whole_ms_ ? ms_.size() : ns_.size(); }
  std::int64_t ns_at(std::size_t i) const { return whole_ms_ ? ms_[i] * 1'000'000 : ns_[i]; }
  /// In the unit asked for, milliseconds floored.
  const std::vector<std::int64_t>& shown() const { return unit_ == TimeUnit::Milliseconds ? ms_ : ns_; }
  /// No two are shown alike.
  bool distinct() const { return distinct_; }
  /// Indices [from, to) of the times within the range.
  std::pair<std::size_t, std::size_t> within(const TimeRange& range) const;

 private:
  TimeUnit unit_ = TimeUnit::Nanoseconds;
  bool whole_ms_ = false;  // milliseconds are exact, and ns_ is empty
  bool distinct_ = true;
  std::vector<std::int64_t> ns_;
  std::vector<std::int64_t> ms_;  // only for TimeUnit::Milliseconds
};

using DecodedTimesPtr = std::shared_ptr<const DecodedTimes>;

class DecodedTimesCache {
 public:
  struct Key {
    std::int32_t window = 0;
    std::uint32_t generation = 0;
    std::uint64_t number = 0;
    TimeUnit unit = TimeUnit::Milliseconds;
    friend bool operator==(const Key&, const Key&) = default;
  };

  /// @param max_samples  kept at most, 8 to 16 bytes each
  explicit DecodedTimesCache(std::size_t max_samples) : max_samples_(max_samples) {}

  /// Null when not there.
  DecodedTimesPtr find(const Key& key) EXCLUDES(mutex_);
  void insert(const Key& key, DecodedTimesPtr times) EXCLUDES(mutex_);

 private:
  struct Hash {
    std::size_t operator()(const Key& key) const {
      return (static_cast<std::uint64_t>(static_cast<std::uint32_t>(key.window)) << 32 ^ key.generation) *
                 0x9e37'79b9'7f4a'7c15 ^
             (key.number * 2 + static_cast<std::uint64_t>(key.unit)) * 0xc2b2'ae3d'27d4'eb4f;
    }
  };

  const std::size_t max_samples_;

  // Two generations: what is found in the old one moves to the new; when the new one is half the bound, the
  // old one goes. So what is used stays, without a list to keep in order.
  Mutex mutex_;
  std::unordered_map<Key, DecodedTimesPtr, Hash> recent_ GUARDED_BY(mutex_);
  std::unordered_map<Key, DecodedTimesPtr, Hash> old_ GUARDED_BY(mutex_);
  std::size_t recent_samples_ GUARDED_BY(mutex_) = 0;
};

}  // namespace silverback::storage
