// CommitGate: between "in the log" and "in the head" a batch holds the gate; whoever needs a place in the log
// before which everything is in the head closes it for an instant.
//
// std::shared_mutex lets readers overtake a waiting writer for ever, so the closer raises a flag first and
// newcomers wait; the wait is as long as the slowest batch under way (a few ms, plus a log write for new
// series).
//
// Threads: any.
#pragma once

#include <atomic>
#include <thread>

#include "base/mutex.h"

namespace silverback::storage {

class CommitGate {
 public:
  class Pass {
   public:
    explicit Pass(CommitGate& gate) : gate_(gate) { gate_.enter(); }
    ~Pass() NO_THREAD_SAFETY_ANALYSIS { gate_.mutex_.unlock_shared(); }
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;

   private:
    CommitGate& gate_;
  };

  /// Runs `use` while nobody holds the gate, and returns what it returns.
  template <typename Use>
  auto closed(const Use& use) {
    closing_.fetch_add(1, std::memory_order_acq_rel);
    const WriterLock lock(mutex_);
    closing_.fetch_sub(1, std::memory_order_acq_rel);
    return use();
  }

 private:
  void enter() NO_THREAD_SAFETY_ANALYSIS {
    while (closing_.load(std::memory_order_acquire) > 0) std::this_thread::yield();
    mutex_.lock_shared();
  }

  std::atomic<int> closing_{0};  // pairs with enter(): keeps newcomers behind the closer
  SharedMutex mutex_;
};

}  // namespace silverback::storage
