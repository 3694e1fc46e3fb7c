#include "api/crew.h"

namespace silverback::api {
namespace {

thread_local bool leading = false;

}  // namespace

void Crew::start(std::size_t threads) {
  threads_.reserve(threads);
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

Crew::~Crew() = default;

void Crew::run() {
  Member self;
  while (wait_for_lead(self)) {
    leading = true;
    while (leading) {
      if (lead_()) continue;
      finish();
      return;
    }
  }
}

bool Crew::wait_for_lead(Member& self) {
  {
    const MutexLock lock(mutex_);
    if (over_) return false;
    if (!led_) {
      led_ = true;
      return true;
    }
    idle_.push_back(&self);
  }
  self.woken.acquire();
  const MutexLock lock(mutex_);
  return !over_;
}

void Crew::step_down() {
  if (!leading) return;
  leading = false;
  Member* next = nullptr;
  {
    const MutexLock lock(mutex_);
    led_ = !idle_.empty();
    if (led_) {
      next = idle_.back();
      idle_.pop_back();
    }
  }
  if (next != nullptr) next->woken.release();
}

void Crew::finish() {
  std::vector<Member*> idle;
  {
    const MutexLock lock(mutex_);
    over_ = true;
    idle.swap(idle_);
  }
  for (Member* member : idle) member->woken.release();
}

}  // namespace silverback::api
