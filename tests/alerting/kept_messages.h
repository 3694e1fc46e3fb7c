// KeptMessages: a MessageSink that keeps what it is given, and answers as a test says.
//
// Threads: any.
#pragma once

#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "model/message_sink.h"

namespace silverback {

class KeptMessages final : public MessageSink {
 public:
  ~KeptMessages() override {
    for (std::thread& thread : threads_) thread.join();
  }

  /// What send() says from now on; messages are kept when it is OK.
  void refuse(Status status) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    refusal_ = std::move(status);
  }
  /// What becomes of messages from now on; none: nothing until deliver().
  void answer(std::optional<Status> status) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    answer_ = std::move(status);
  }
  /// So many messages fit; then the queue is full.
  void hold_at_most(std::size_t most) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    room_ = most;
  }
  /// Answers to all that wait.
  void deliver(const Status& status) EXCLUDES(mutex_) {
    std::vector<Delivered> waiting;
    {
      const MutexLock lock(mutex_);
      waiting.swap(waiting_);
    }
    for (const Delivered& one : waiting) one(status);
  }

  Status send(OutMessage message, Delivered delivered) override EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    if (!refusal_.ok()) return refusal_;
    if (messages_.size() >= room_) return {Code::ResourceExhausted, "the queue is full"};
    messages_.push_back(std::move(message));
    if (answer_) {
      threads_.emplace_back([delivered = std::move(delivered), status = *answer_] { delivered(status); });
    } else {
      waiting_.push_back(std::move(delivered));
    }
    return {};
  }

  std::vector<OutMessage> messages() const EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    return messages_;
  }
  void clear() EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    messages_.clear();
  }

 private:
  mutable Mutex mutex_;
  Status refusal_ GUARDED_BY(mutex_);
  std::optional<Status> answer_ GUARDED_BY(mutex_) = Status();
  std::size_t room_ GUARDED_BY(mutex_) = SIZE_MAX;
  std::vector<OutMessage> messages_ GUARDED_BY(mutex_);
  std::vector<Delivered> waiting_ GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;  // of send(), one at a time here; joined at the end
};

}  // namespace silverback
