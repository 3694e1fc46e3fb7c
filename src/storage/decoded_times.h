// DecodedTimes: a times block once decoded; DecodedTimesCache: the recent ones of all queries.
//
// Series of one target share a times block, and the queries of a dashboard share the targets: a block is read
// and decoded once for many of them. A stored block's place (window, generation, number) is never used for
// another, and of the head's blocks equal hashes mean equal times (head_chunk.h).
//
// Threads: DecodedTimes is immutable once shared; the cache any.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/status.h"
#include "model/querier.h"
#include "model/time_range.h"
#include "storage/recent_cache.h"

namespace silverback::storage {

class DecodedTimes {
 public:
  /// Of `count` times as encode_times() wrote them. @returns DataLoss
  static Result<DecodedTimes> decode(ByteReader& in, std::size_t count, TimeUnit unit);
  static DecodedTimes of(std::vector<std::int64_t> ns, TimeUnit unit);

  std::size_t size() const { return whole_ms_ ? ms_.size() : ns_.size(); }
  std::int64_t ns_at(std::size_t i) const { return whole_ms_ ? ms_[i] * 1'000'000 : ns_[i]; }
  std::size_t weight() const { return size(); }
  std::size_t memory_bytes() const {
    return sizeof(DecodedTimes) + (ns_.capacity() + ms_.capacity()) * sizeof(std::int64_t);
  }
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

/// Names a times block: one of the store by its place, one of the head by the hash of its times.
struct DecodedTimesKey {
  std::uint64_t a = 0;
  std::uint64_t b = 0;
  bool in_head = false;
  TimeUnit unit = TimeUnit::Milliseconds;

  static DecodedTimesKey stored(std::int32_t window, std::uint32_t generation, std::uint64_t number,
                                TimeUnit unit) {
    return {std::uint64_t{static_cast<std::uint32_t>(window)} << 32 | generation, number, false, unit};
  }
  static DecodedTimesKey head(const Hash128& hash, TimeUnit unit) { return {hash.lo, hash.hi, true, unit}; }

  friend bool operator==(const DecodedTimesKey&, const DecodedTimesKey&) = default;
  std::size_t hash() const {
    const std::uint64_t kind = (in_head ? 2u : 0u) + static_cast<std::uint64_t>(unit);
    const std::uint64_t x = (a * 0x9e37'79b9'7f4a'7c15 ^ b) * 0xc2b2'ae3d'27d4'eb4f + kind;
    return x ^ x >> 32;
  }
};

using DecodedTimesCache = RecentCache<DecodedTimesKey, DecodedTimes>;

}  // namespace silverback::storage
