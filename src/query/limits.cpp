#include "query/limits.h"

#include <ctime>
#include <string>

namespace silverback::query {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::uint64_t kGrain = 256 << 10;      // of the pool; a share shrinks when it is four too large
constexpr std::uint64_t kLargeBytes = 16 << 20;  // a query that holds more is a large one,
constexpr std::chrono::milliseconds kLargeTime{100};  // and so is one that has computed longer

std::chrono::nanoseconds thread_cpu() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

std::uint64_t in_grains(std::uint64_t bytes) { return (bytes + kGrain - 1) / kGrain * kGrain; }

}  // namespace

Budget::Budget(const Limits& limits, SteadyClock::time_point deadline, std::stop_token cancel,
               MemoryPool* pool, OnLarge on_large)
    : limits_(limits),
      deadline_(deadline),
      cancel_(std::move(cancel)),
      cpu_start_(on_large ? thread_cpu() : std::chrono::nanoseconds()),
      share_(pool),
      on_large_(std::move(on_large)) {}

// The thread's own clock is a system call, so it is asked only when it may matter.
bool Budget::large(std::uint64_t bytes, SteadyClock::time_point now) const {
  return bytes > kLargeBytes || (now - start_ > kLargeTime && thread_cpu() - cpu_start_ > kLargeTime);
}

Status Budget::pace() {
  if (cancel_.stop_requested()) return Status(Code::Cancelled, "query was canceled in expression evaluation");
  const auto now = SteadyClock::now();
  if (now > deadline_) return Status(Code::DeadlineExceeded, "query timed out in expression evaluation");
  if (!on_large_ || !large(bytes_, now)) return {};
  return std::exchange(on_large_, {})();
}

Status Budget::take(std::uint64_t samples, std::uint64_t bytes) {
  if (samples > limits_.max_samples - std::min(samples_, limits_.max_samples)) {
    return Status(
        Code::ResourceExhausted,
        "query processing would load too many samples into memory in query execution: the limit is " +
            std::to_string(limits_.max_samples) + "; ask for fewer series, a shorter time or a larger step");
  }
  if (bytes > limits_.max_bytes - std::min(bytes_, limits_.max_bytes)) {
    return Status(Code::ResourceExhausted,
                  "query processing would take more memory than one query may: the limit is " +
                      std::to_string(limits_.max_bytes) +
                      " bytes; ask for fewer series, a shorter time or a larger step");
  }
  samples_ += samples;
  bytes_ += bytes;
  Status status =
      pace();  // before the pool: a large query that waits for its turn does so without the memory
  if (status.ok() && !share_.grow(in_grains(bytes_))) {
    const std::uint64_t most = share_.pool()->max_bytes();
    status =
        bytes_ > most
            ? Status(Code::ResourceExhausted,
                     "query processing would take more memory than all queries together may: the limit is " +
                         std::to_string(most) +
                         " bytes; ask for fewer series, a shorter time or a larger step")
            : Status(Code::Unavailable,
                     "other queries hold the memory that this one needs: the limit for all together is " +
                         std::to_string(most) + " bytes; send it again later or ask for less");
  }
  if (!status.ok()) {
    samples_ -= samples;
    bytes_ -= bytes;
    return status;
  }
  peak_samples_ = std::max(peak_samples_, samples_);
  peak_bytes_ = std::max(peak_bytes_, bytes_);
  return {};
}

void Budget::give_back(std::uint64_t samples, std::uint64_t bytes) {
  samples_ -= samples;
  bytes_ -= bytes;
  if (share_.bytes() > bytes_ + 4 * kGrain) share_.shrink(in_grains(bytes_));
}

}  // namespace silverback::query
