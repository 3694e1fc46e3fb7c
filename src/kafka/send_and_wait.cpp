#include <memory>
#include <utility>

#include "base/mutex.h"
#include "kafka/producer.h"

namespace silverback::kafka {
namespace {

// What one call waits for. Shared with callbacks, of which the last may still be unlocking when the call
// returns.
class Deliveries {
 public:
  explicit Deliveries(std::size_t count) : statuses_(count) {}

  /// One more is under way. @returns how many were done by then
  std::size_t add() EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    ++open_;
    return done_;
  }
  void set(std::size_t index, const Status& status) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    statuses_[index] = status;
    --open_;
    ++done_;
    changed_.notify_all();
  }
  /// The last one was not taken.
  void take_back(std::size_t index, const Status& status) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    statuses_[index] = status;
    --open_;
  }
  /// Until more than so many are done. @returns false when none is under way that could be
  bool wait_beyond(std::size_t done) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    while (open_ != 0 && done_ == done) changed_.wait(mutex_);
    return done_ != done;
  }
  std::vector<Status> wait_for_all() EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    while (open_ != 0) changed_.wait(mutex_);
    return std::move(statuses_);
  }

 private:
  Mutex mutex_;
  Condition changed_;
  std::size_t open_ GUARDED_BY(mutex_) = 0;
  std::size_t done_ GUARDED_BY(mutex_) = 0;
  std::vector<Status> statuses_ GUARDED_BY(mutex_);
};

}  // namespace

std::vector<Status> send_and_wait(MessageSink& sink, std::vector<OutMessage> messages) {
  const auto deliveries = std::make_shared<Deliveries>(messages.size());
  for (std::size_t i = 0; i < messages.size(); ++i) {
    for (;;) {
      const std::size_t done = deliveries->add();
      const Status sent =
          sink.send(messages[i], [deliveries, i](const Status& status) { deliveries->set(i, status); });
      if (sent.ok()) break;
      deliveries->take_back(i, sent);
      // A queue that is smaller than all of them has room again when one of ours has left it.
      if (sent.code() != Code::ResourceExhausted || !deliveries->wait_beyond(done)) break;
    }
  }
  return deliveries->wait_for_all();
}

}  // namespace silverback::kafka
