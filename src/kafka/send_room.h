// SendRoom: how much of a producer's queue is taken.
//
// librdkafka counts, too, and its bound is a little wider than this one: it still has a message while the
// callback of its delivery runs, so whoever sends the next one from there, or as soon as it is told, would
// find no room.
//
// Threads: any.
#pragma once

#include <cstdint>

#include "base/mutex.h"

namespace silverback::kafka {

class SendRoom {
 public:
  SendRoom(std::uint64_t most_messages, std::uint64_t most_bytes)
      : most_messages_(most_messages), most_bytes_(most_bytes) {}

  bool take(std::size_t bytes) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    if (messages_ == most_messages_ || bytes > most_bytes_ - bytes_) return false;
    ++messages_;
    bytes_ += bytes;
    return true;
  }
  void give_back(std::size_t bytes) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    --messages_;
    bytes_ -= bytes;
  }
  std::uint64_t messages() const EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    return messages_;
  }

 private:
  const std::uint64_t most_messages_;
  const std::uint64_t most_bytes_;
  mutable Mutex mutex_;
  std::uint64_t messages_ GUARDED_BY(mutex_) = 0;
  std::uint64_t bytes_ GUARDED_BY(mutex_) = 0;
};

}  // namespace silverback::kafka
