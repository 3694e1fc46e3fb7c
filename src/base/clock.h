// Clock: where the time comes from, so that tests need not sleep.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace silverback {

inline constexpr std::int64_t kNsPerMs = 1'000'000;
inline constexpr std::int64_t kNsPerSecond = 1'000'000'000;

/// Unix time in nanoseconds. Threads: any.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual std::int64_t now_ns() const = 0;
};

class SystemClock final : public Clock {
 public:
  std::int64_t now_ns() const override {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  }
};

/// Stands still until it is told to move.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(std::int64_t now_ns = 0) : now_ns_(now_ns) {}
  std::int64_t now_ns() const override { return now_ns_.load(std::memory_order_relaxed); }
  void set(std::int64_t now_ns) { now_ns_.store(now_ns, std::memory_order_relaxed); }
  void advance(std::chrono::nanoseconds by) { now_ns_.fetch_add(by.count(), std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> now_ns_;  // synchronises with nothing; readers want any recent value
};

/// Floor division: time -1 ns lies in millisecond -1.
constexpr std::int64_t floor_div(std::int64_t a, std::int64_t b) {
  return a / b - static_cast<std::int64_t>(a % b != 0 && (a < 0) != (b < 0));
}

}  // namespace silverback
