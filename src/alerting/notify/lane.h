// Lane: the threads of one integration.
//
// What is to be sent waits here by id, each with the time from which it may be tried. A lane has up to four
// threads, made when they are needed, so that a receiver that is slow holds up no other and one message not
// all of its own.
//
// Threads: any.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "alerting/notify/integration.h"
#include "base/metrics.h"
#include "base/mutex.h"

namespace silverback::notify {

class Lane {
 public:
  /// Who knows what the ids stand for. Called on the lane's threads, without its lock.
  class Jobs {
   public:
    virtual ~Jobs() = default;
    /// @returns nullptr when there is nothing to send any more
    virtual std::shared_ptr<const Notification> begin(const std::string& id) = 0;
    /// @returns after how many milliseconds to try again; none: it is done
    virtual std::optional<std::int64_t> finish(const std::string& id, const Outcome& outcome) = 0;
  };
  using Make = std::function<std::unique_ptr<Integration>()>;

  /// @param kind, receiver, name  "webhook", "ops", "webhook[0]": for metrics
  /// @param jobs  outlives the lane
  Lane(Make make, std::string_view kind, std::string_view receiver, std::string_view name, Jobs& jobs);
  /// Nothing more is begun.
  void close() EXCLUDES(mutex_);
  /// Waits for what is being sent until five seconds after close(), then ends it.
  ~Lane();
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  /// To be sent now, also if it waited for another try; but not while the receiver has asked for rest, for up
  /// to a minute.
  void push(const std::string& id) EXCLUDES(mutex_);

 private:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::size_t kThreads = 4;

  struct Worker {
    std::unique_ptr<Integration> integration;
    std::thread thread;
  };

  void schedule(const std::string& id, Time when) REQUIRES(mutex_);
  void run(Integration& integration) EXCLUDES(mutex_);
  /// @returns none when it is time to stop
  std::optional<std::string> next() EXCLUDES(mutex_);
  Outcome send(Integration& integration, const Notification& notification);

  // Fixed after construction.
  const Make make_;
  Jobs& jobs_;
  Counter& requests_;
  Counter& failed_requests_;
  Histogram& latency_;

  mutable Mutex mutex_;
  Condition changed_;
  std::map<std::string, Time> times_ GUARDED_BY(mutex_);
  std::set<std::pair<Time, std::string>> queue_ GUARDED_BY(mutex_);  // the same by time
  std::deque<Worker> workers_ GUARDED_BY(mutex_);
  std::size_t sending_ GUARDED_BY(mutex_) = 0;  // workers
  Time rest_until_ GUARDED_BY(mutex_){};        // as the receiver asked
  bool stopping_ GUARDED_BY(mutex_) = false;
  Time deadline_ GUARDED_BY(mutex_){};

  std::atomic<std::size_t> length_{0};  // of times_; for the metric, which is asked under another lock
  Metrics::Handle length_shown_;
};

}  // namespace silverback::notify
