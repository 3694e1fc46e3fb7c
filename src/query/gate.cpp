#include "query/gate.h"

#include <algorithm>
#include <string>

namespace silverback::query {

Result<Gate::Place> Gate::enter(std::chrono::steady_clock::time_point deadline,
                                const std::stop_token& cancel) {
  // Nobody tells the condition of a cancellation, so a waiter looks for itself this often.
  constexpr std::chrono::milliseconds kLook{50};
  const MutexLock lock(mutex_);
  if (inside_ >= max_inside_ && waiting_ >= max_waiting_) {
    return Status(Code::Unavailable, "too many " + what_ + " are waiting already (" +
                                         std::to_string(waiting_) +
                                         "); send it again later or raise the number of concurrent queries");
  }
  ++waiting_;
  Status status;
  const auto give_up = std::chrono::steady_clock::now() + patience_;
  while (inside_ >= max_inside_) {
    const auto now = std::chrono::steady_clock::now();
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::min(deadline, give_up) - now);
    if (cancel.stop_requested()) status = Status(Code::Cancelled, "query was canceled in query queue");
    if (left.count() <= 0) {
      status = deadline <= give_up ? Status(Code::DeadlineExceeded, "query timed out in query queue")
                                   : Status(Code::Unavailable, "the server is busy with other " + what_ +
                                                                   "; send it again later or ask for less");
    }
    if (!status.ok()) break;
    left_.wait_for(mutex_, std::min(kLook, left));
  }
  --waiting_;
  if (!status.ok()) return status;
  ++inside_;
  return Place(*this);
}

void Gate::leave() {
  const MutexLock lock(mutex_);
  --inside_;
  left_.notify_one();
}

std::size_t Gate::inside_and_waiting() const {
  const MutexLock lock(mutex_);
  return inside_ + waiting_;
}

}  // namespace silverback::query
