// Gate: so many may be inside, so many may wait, the rest are turned away.
//
//   if (!gate.try_enter()) -> gate.wait(deadline, [](bool entered) { ... });
//   ... gate.leave();
//
// First come, first served. A waiter is told exactly once: true when a place was handed to it, false
// when its deadline passed or the gate closed.
//
// Threads: any. The callback runs on the thread that called leave(), expire() or close(), without a
// lock held, so it may only pass the news on.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>

#include "base/mutex.h"

namespace silverback::api {

class Gate {
 public:
  using Told = std::function<void(bool entered)>;

  Gate(std::size_t places, std::size_t max_waiting) : places_(places), max_waiting_(max_waiting) {}

  /// A place that was entered; leaves when it is destroyed.
  class Place {
   public:
    explicit Place(Gate& gate) : gate_(gate) {}
    ~Place() { gate_.leave(); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

   private:
    Gate& gate_;
  };

  /// Never overtakes one who waits.
  bool try_enter() EXCLUDES(mutex_);
  /// @returns false, `told` not kept, when too many wait already or the gate is closed
  bool wait(std::int64_t deadline_ns, Told told) EXCLUDES(mutex_);
  void leave() EXCLUDES(mutex_);

  void expire(std::int64_t now_ns) EXCLUDES(mutex_);
  /// Sends all waiters away, and those that come later.
  void close() EXCLUDES(mutex_);

  std::size_t places() const { return places_; }
  std::size_t inside() const EXCLUDES(mutex_);
  std::size_t waiting() const EXCLUDES(mutex_);

 private:
  struct Waiter {
    std::int64_t deadline_ns;
    Told told;
  };

  const std::size_t places_;
  const std::size_t max_waiting_;
  mutable Mutex mutex_;
  std::size_t inside_ GUARDED_BY(mutex_) = 0;
  std::deque<Waiter> waiters_ GUARDED_BY(mutex_);
  bool closed_ GUARDED_BY(mutex_) = false;
};

}  // namespace silverback::api
