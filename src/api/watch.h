// Watch: looks over all connections a few times a second, so that no request pays for a timer.
//
// A connection publishes until when it may stay as it is; the watch shuts its socket down when that time
// has passed, which ends whatever read or write is pending. A query that has run for a while gets its
// socket looked at too: when the peer is gone, the query is asked to stop.
//
// Invariant: a connection's descriptor is open as long as it is in the watch; so what is shut down here
// is never a stranger's socket with the same number.
//
// Threads: any; look() by one.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <optional>
#include <stop_token>
#include <unordered_set>

#include "base/mutex.h"

namespace silverback::api {

/// Monotonic nanoseconds.
std::int64_t steady_now_ns();

class Watched {
 public:
  explicit Watched(int descriptor) : descriptor_(descriptor) {}

  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
  /// `both`: nothing can be said any more, so the writing side goes too.
  void expires_at(std::int64_t time_ns, bool both = false) {
    both_.store(both, std::memory_order_relaxed);
    deadline_ns_.store(time_ns, std::memory_order_relaxed);
  }
  void never_expires() { expires_at(kNever); }
  bool expired() const { return expired_.load(std::memory_order_relaxed); }
  /// Between two requests, when closing hurts nobody.
  void set_idle(bool idle) { idle_.store(idle, std::memory_order_relaxed); }

  /// The token is asked to stop when the peer leaves, from now until end_work().
  std::stop_token begin_work(std::int64_t now_ns) EXCLUDES(mutex_);
  void end_work() EXCLUDES(mutex_);

 private:
  friend class Watch;
  void look(std::int64_t now_ns) EXCLUDES(mutex_);
  void cancel() EXCLUDES(mutex_);

  const int descriptor_;
  // Written by the connection, read by the watch; either may be a moment behind.
  std::atomic<std::int64_t> deadline_ns_{kNever};
  std::atomic<bool> expired_{false};
  std::atomic<bool> idle_{true};
  std::atomic<bool> both_{false};

  Mutex mutex_;
  std::optional<std::stop_source> work_ GUARDED_BY(mutex_);
  std::int64_t work_since_ns_ GUARDED_BY(mutex_) = 0;
};

class Watch {
 public:
  void add(Watched& connection) EXCLUDES(mutex_);
  /// After this the descriptor may be closed.
  void remove(Watched& connection) EXCLUDES(mutex_);

  void look(std::int64_t now_ns) EXCLUDES(mutex_);
  void close_idle() EXCLUDES(mutex_);
  /// Asks all work to stop and shuts all sockets down.
  void close_all() EXCLUDES(mutex_);
  std::size_t size() const EXCLUDES(mutex_);

 private:
  mutable Mutex mutex_;  // lock order: Watch::mutex_ before Watched::mutex_
  std::unordered_set<Watched*> connections_ GUARDED_BY(mutex_);
};

}  // namespace silverback::api
