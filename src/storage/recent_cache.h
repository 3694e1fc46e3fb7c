// RecentCache: shared, immutable values that were in use lately, bounded by their weight.
//
// Two ages: what is found among the old moves to the recent; when the recent weigh half the bound, the old go
// and the recent are the old. So what is used stays, without a list to keep in order.
//
// Threads: any.
#pragma once

#include <cstddef>
#include <memory>
#include <unordered_map>
#include <utility>

#include "base/mutex.h"

namespace silverback::storage {

/// @tparam Key  has hash() and ==. @tparam Value  has weight(), which never changes
template <typename Key, typename Value>
class RecentCache {
 public:
  using Pointer = std::shared_ptr<const Value>;

  /// @param max_weight  of all that is kept; a single value may be heavier
  explicit RecentCache(std::size_t max_weight) : max_weight_(max_weight) {}

  /// Null when not there.
  Pointer find(const Key& key) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    if (const auto it = recent_.find(key); it != recent_.end()) return it->second;
    const auto it = old_.find(key);
    if (it == old_.end()) return nullptr;
    Pointer found = it->second;
    old_weight_ -= found->weight();
    recent_weight_ += found->weight();
    recent_.insert(old_.extract(it));
    return found;
  }

  void insert(const Key& key, Pointer value) EXCLUDES(mutex_) {
    Map gone;  // goes when the lock is free again
    const MutexLock lock(mutex_);
    const std::size_t weight = value->weight();
    if (!recent_.try_emplace(key, std::move(value)).second) return;  // another query was quicker
    recent_weight_ += weight;
    if (recent_weight_ <= max_weight_ / 2) return;
    gone.swap(old_);
    old_.swap(recent_);
    old_weight_ = std::exchange(recent_weight_, 0);
  }

  std::size_t weight() const EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    return recent_weight_ + old_weight_;
  }

 private:
  struct Hash {
    std::size_t operator()(const Key& key) const { return key.hash(); }
  };
  using Map = std::unordered_map<Key, Pointer, Hash>;

  const std::size_t max_weight_;
  mutable Mutex mutex_;
  Map recent_ GUARDED_BY(mutex_);
  Map old_ GUARDED_BY(mutex_);
  std::size_t recent_weight_ GUARDED_BY(mutex_) = 0;
  std::size_t old_weight_ GUARDED_BY(mutex_) = 0;
};

}  // namespace silverback::storage
