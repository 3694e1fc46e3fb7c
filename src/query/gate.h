// Gate: so many queries at a time, so many waiting, the others are turned away.
//
// Threads: any.
#pragma once

#include <chrono>
#include <cstddef>
#include <stop_token>
#include <string>
#include <utility>

#include "base/mutex.h"
#include "base/status.h"

namespace silverback::query {

class Gate {
 public:
  /// @param what  who passes, for messages: "queries"
  Gate(std::string what, std::size_t max_inside, std::size_t max_waiting, std::chrono::milliseconds patience)
      : what_(std::move(what)), max_inside_(max_inside), max_waiting_(max_waiting), patience_(patience) {}

  /// A place inside; leaves when it is destroyed.
  class Place {
   public:
    explicit Place(Gate& gate) : gate_(&gate) {}
    Place(Place&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (gate_ != nullptr) gate_->leave();
    }

   private:
    Gate* gate_;
  };

  /// Waits for a place. @returns Unavailable when too many wait already or the patience is at its end,
  /// DeadlineExceeded, Cancelled
  Result<Place> enter(std::chrono::steady_clock::time_point deadline, const std::stop_token& cancel)
      EXCLUDES(mutex_);

  std::size_t inside_and_waiting() const EXCLUDES(mutex_);

 private:
  void leave() EXCLUDES(mutex_);

  const std::string what_;
  const std::size_t max_inside_;
  const std::size_t max_waiting_;
  const std::chrono::milliseconds patience_;
  mutable Mutex mutex_;
  Condition left_;
  std::size_t inside_ GUARDED_BY(mutex_) = 0;
  std::size_t waiting_ GUARDED_BY(mutex_) = 0;
};

}  // namespace silverback::query
