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

  void add() EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    ++open_;
  }
  void set(std::size_t index, const Status& status) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    statuses_[index] = status;
    --open_;
    changed_.notify_all();
  }
  /// Until less than what there is now is under way. @returns false when there is nothing
  bool wait_for_one() EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    const std::size_t before = open_;
    while (open_ != 0 && open_ == before) changed_.wait(mutex_);
    return before != 0;
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
  std::vector<Status> statuses_ GUARDED_BY(mutex_);
};

}  // namespace

std::vector<Status> send_and_wait(MessageSink& sink, std::vector<OutMessage> messages) {
  const auto deliveries = std::make_shared<Deliveries>(messages.size());
  for (std::size_t i = 0; i < messages.size(); ++i) {
    for (;;) {
      deliveries->add();
      const Status sent =
          sink.send(messages[i], [deliveries, i](const Status& status) { deliveries->set(i, status); });
      if (sent.ok()) break;
      deliveries->set(i, sent);
      // A queue that is smaller than all of them has room again when one of ours has left it.
      if (sent.code() != Code::ResourceExhausted || !deliveries->wait_for_one()) break;
    }
  }
  return deliveries->wait_for_all();
}

}  // namespace silverback::kafka
