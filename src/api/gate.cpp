#include "api/gate.h"

#include <utility>
#include <vector>

namespace silverback::api {

bool Gate::try_enter() {
  const MutexLock lock(mutex_);
  if (closed_ || inside_ == places_ || !waiters_.empty()) return false;
  ++inside_;
  return true;
}

bool Gate::wait(std::int64_t deadline_ns, Told told) {
  {
    const MutexLock lock(mutex_);
    if (closed_) return false;
    if (inside_ == places_ || !waiters_.empty()) {
      if (waiters_.size() >= max_waiting_) return false;
      waiters_.push_back({deadline_ns, std::move(told)});
      return true;
    }
    ++inside_;
  }
  told(true);
  return true;
}

void Gate::leave() {
  Told next;
  {
    const MutexLock lock(mutex_);
    if (waiters_.empty()) {
      --inside_;
      return;
    }
    next = std::move(waiters_.front().told);  // the place goes from hand to hand
    waiters_.pop_front();
  }
  next(true);
}

void Gate::expire(std::int64_t now_ns) {
  std::vector<Told> late;
  {
    const MutexLock lock(mutex_);
    std::erase_if(waiters_, [&](Waiter& waiter) {
      if (waiter.deadline_ns > now_ns) return false;
      late.push_back(std::move(waiter.told));
      return true;
    });
  }
  for (const Told& told : late) told(false);
}

void Gate::close() {
  std::deque<Waiter> waiters;
  {
    const MutexLock lock(mutex_);
    closed_ = true;
    waiters.swap(waiters_);
  }
  for (const Waiter& waiter : waiters) waiter.told(false);
}

std::size_t Gate::inside() const {
  const MutexLock lock(mutex_);
  return inside_;
}

std::size_t Gate::waiting() const {
  const MutexLock lock(mutex_);
  return waiters_.size();
}

}  // namespace silverback::api
