// Limits: how much one query, and all queries together, may hold and how long they may take.
//
// A query is asked about its limits once per series, before the series' memory is taken; so it stops
// within one series of the limit, and says which limit it was and how to stay below it.
//
//   MemoryPool    bytes of all queries of the process together, answers that are being sent included
//   Budget        what one query holds, against its own limits and the pool
//   Held          a part of a budget, given back when it goes
//
// Threads: a pool is used by all; a Budget and what is held of it belong to one thread, the query's.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <utility>

#include "base/status.h"

namespace silverback::query {

struct Limits {
  std::uint64_t max_samples = 50'000'000;  // held at one time, inputs and results together
  std::uint64_t max_series = 0;            // per selector; 0 is no limit
  std::uint64_t max_bytes = 2ULL << 30;    // of values, times and labels held at one time
};

class MemoryPool {
 public:
  explicit MemoryPool(std::uint64_t max_bytes) : max_bytes_(max_bytes) {}

  /// @returns false, and nothing is taken, when that is more than is left
  bool take(std::uint64_t bytes) {
    const std::uint64_t before = used_.fetch_add(bytes, std::memory_order_relaxed);
    if (bytes <= max_bytes_ && before <= max_bytes_ - bytes) return true;
    give_back(bytes);
    return false;
  }
  void give_back(std::uint64_t bytes) { used_.fetch_sub(bytes, std::memory_order_relaxed); }

  std::uint64_t max_bytes() const { return max_bytes_; }
  std::uint64_t used() const { return used_.load(std::memory_order_relaxed); }

 private:
  const std::uint64_t max_bytes_;
  std::atomic<std::uint64_t> used_{0};  // a sum; orders nothing
};

/// Bytes of a pool, given back when it goes. The pool outlives it.
class PoolShare {
 public:
  PoolShare() = default;
  explicit PoolShare(MemoryPool* pool) : pool_(pool) {}
  PoolShare(PoolShare&& other) noexcept
      : pool_(std::exchange(other.pool_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  PoolShare& operator=(PoolShare&& other) noexcept {
    std::swap(pool_, other.pool_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~PoolShare() { shrink(0); }

  bool grow(std::uint64_t bytes) {
    if (pool_ != nullptr && bytes > bytes_ && !pool_->take(bytes - bytes_)) return false;
    bytes_ = std::max(bytes, bytes_);
    return true;
  }
  void shrink(std::uint64_t bytes) {
    if (bytes >= bytes_) return;
    if (pool_ != nullptr) pool_->give_back(bytes_ - bytes);
    bytes_ = bytes;
  }
  std::uint64_t bytes() const { return bytes_; }
  const MemoryPool* pool() const { return pool_; }

 private:
  MemoryPool* pool_ = nullptr;  // null: unlimited
  std::uint64_t bytes_ = 0;
};

class Budget {
 public:
  /// Called once, when the query turns out to be a large one, before it gets more; may wait or refuse.
  using OnLarge = std::function<Status()>;

  Budget(const Limits& limits, std::chrono::steady_clock::time_point deadline, std::stop_token cancel,
         MemoryPool* pool = nullptr, OnLarge on_large = {});

  /// @returns ResourceExhausted naming the limit; Unavailable when others hold the memory; DeadlineExceeded
  /// or Cancelled when it is time to stop
  Status take(std::uint64_t samples, std::uint64_t bytes);
  void give_back(std::uint64_t samples, std::uint64_t bytes);
  /// Whether to go on. Looks at the clock, so once per series or some million samples.
  Status pace();

  /// The query is over, its answer still holds `bytes`.
  PoolShare keep(std::uint64_t bytes) {
    share_.shrink(bytes);
    return std::move(share_);
  }

  const Limits& limits() const { return limits_; }
  std::uint64_t samples() const { return samples_; }
  std::uint64_t peak_samples() const { return peak_samples_; }
  std::uint64_t peak_bytes() const { return peak_bytes_; }

 private:
  bool large(std::uint64_t bytes, std::chrono::steady_clock::time_point now) const;

  const Limits limits_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  const std::chrono::steady_clock::time_point deadline_;
  const std::stop_token cancel_;
  const std::chrono::nanoseconds cpu_start_;
  PoolShare share_;   // what it holds, rounded up: most calls leave the pool alone
  OnLarge on_large_;  // empty once called
  std::uint64_t samples_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t peak_samples_ = 0;
  std::uint64_t peak_bytes_ = 0;
};

/// Takes from a budget and gives back when it goes.
class Held {
 public:
  Held() = default;
  explicit Held(Budget& budget) : budget_(&budget) {}
  Held(Held&& other) noexcept
      : budget_(std::exchange(other.budget_, nullptr)),
        samples_(std::exchange(other.samples_, 0)),
        bytes_(std::exchange(other.bytes_, 0)) {}
  Held& operator=(Held&& other) noexcept {
    std::swap(budget_, other.budget_);
    std::swap(samples_, other.samples_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~Held() {
    if (budget_ != nullptr) budget_->give_back(samples_, bytes_);
  }

  bool of(const Budget& budget) const { return budget_ == &budget; }
  std::uint64_t samples() const { return samples_; }
  std::uint64_t bytes() const { return bytes_; }
  Status more(std::uint64_t samples, std::uint64_t bytes) {
    if (Status taken = budget_->take(samples, bytes); !taken.ok()) return taken;
    samples_ += samples;
    bytes_ += bytes;
    return {};
  }
  /// So many from now on, more or fewer than before. When refused it stays as it was.
  Status set(std::uint64_t samples, std::uint64_t bytes) {
    const std::uint64_t most_samples = std::max(samples, samples_);
    const std::uint64_t most_bytes = std::max(bytes, bytes_);
    if (Status taken = more(most_samples - samples_, most_bytes - bytes_); !taken.ok()) return taken;
    budget_->give_back(samples_ - samples, bytes_ - bytes);
    samples_ = samples;
    bytes_ = bytes;
    return {};
  }

 private:
  Budget* budget_ = nullptr;
  std::uint64_t samples_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace silverback::query
