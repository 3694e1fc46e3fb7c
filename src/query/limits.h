// Limits: how much one query may hold and how long it may take.
//
// A query is asked about its limits once per series, before the series' memory is taken; so it stops
// within one series of the limit, and says which limit it was and how to stay below it.
#pragma once

#include <chrono>
#include <cstdint>
#include <stop_token>
#include <utility>

#include "base/status.h"

namespace silverback::query {

struct Limits {
  std::uint64_t max_samples = 50'000'000;  // held at one time, inputs and results together
  std::uint64_t max_series = 0;            // per selector; 0 is no limit
  std::uint64_t max_bytes = 2ULL << 30;    // of values, times and labels held at one time
};

/// What one query holds, against its limits. Evaluation takes before it allocates and gives back when
/// it frees; `Held` does both.
///
/// Threads: one, the query's.
class Budget {
 public:
  Budget(const Limits& limits, std::chrono::steady_clock::time_point deadline, std::stop_token cancel)
      : limits_(limits), deadline_(deadline), cancel_(std::move(cancel)) {}

  /// @returns ResourceExhausted naming the limit; DeadlineExceeded or Cancelled when it is time to stop
  Status take(std::uint64_t samples, std::uint64_t bytes);
  void give_back(std::uint64_t samples, std::uint64_t bytes) {
    samples_ -= samples;
    bytes_ -= bytes;
  }
  /// Deadline and cancellation alone. Looks at the clock, so once per series rather than per sample.
  Status check() const;

  const Limits& limits() const { return limits_; }
  std::uint64_t samples() const { return samples_; }
  std::uint64_t peak_samples() const { return peak_samples_; }
  std::uint64_t peak_bytes() const { return peak_bytes_; }

 private:
  const Limits limits_;
  const std::chrono::steady_clock::time_point deadline_;
  const std::stop_token cancel_;
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
  Status more(std::uint64_t samples, std::uint64_t bytes) {
    if (Status taken = budget_->take(samples, bytes); !taken.ok()) return taken;
    samples_ += samples;
    bytes_ += bytes;
    return {};
  }

 private:
  Budget* budget_ = nullptr;
  std::uint64_t samples_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace silverback::query
