// Member: one member of a consumer group, a thread that reads, stores, and tells the broker how far.
//
//   poll -> messages by partition -> Intake: samples and position, one record of the log -> dead letters, if
//   any
//
// Positions are those of the store. What cannot be stored yet is held, with all partitions paused, and tried
// again with growing pauses; meanwhile polling goes on, so that the group keeps this member. When a partition
// is taken away while its messages are held, they are let go: whoever has it then reads them again.
//
// Threads: construction and destruction one after another; report() any.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/metrics.h"
#include "base/mutex.h"
#include "kafka/broker_consumer.h"
#include "kafka/claims.h"
#include "kafka/intake.h"
#include "kafka/shared.h"
#include "kafka/status.h"
#include "kafka/troubles.h"

namespace silverback::kafka {

class Member final : BrokerConsumer::Owner {
 public:
  /// @param shared  outlives it
  explicit Member(Shared& shared);
  /// Leaves the group; what was polled and is not stored is let go.
  ~Member() override;
  Member(const Member&) = delete;
  Member& operator=(const Member&) = delete;

  /// Asks it to end, and does not wait.
  void stop() EXCLUDES(wake_mutex_);
  /// Adds its partitions and troubles.
  void report(ConsumerStatus& status) const EXCLUDES(mutex_);

 private:
  struct Owned {
    std::uint64_t claim = 0;     // of this consumer's members on it
    std::string source;          // names its position in the store
    std::int64_t position = -1;  // of what comes next; -1: not known
    std::int64_t told = -1;      // the broker
    std::int64_t passed = -1;  // behind the marks of transactions that follow the position; for the lag only
    std::int64_t last_message_ms = 0;
    BrokerConsumer::Bounds bounds;
    bool waiting = false;
    bool displaced = false;  // another member of ours was given it while we read on
    std::unique_ptr<Metrics::Lease> lease;
    Gauge* lag = nullptr;  // once it is known

    /// Messages that are still to be read; -1: not known.
    std::int64_t behind() const {
      if (bounds.next < 0) return -1;
      const std::int64_t from = position >= 0 ? std::max(position, passed) : bounds.first;
      return from < 0 ? -1 : std::max<std::int64_t>(bounds.next - from, 0);
    }
    void show_lag() {
      const std::int64_t left = behind();
      if (left < 0) return;
      if (lag == nullptr)
        lag = &metrics().gauge("silverback_kafka_consumer_lag", "Messages that are still to be read.",
                               lease->labels());
      lag->set(static_cast<double>(left));
    }
  };
  /// A partition as it was given to us once, and our turn to store of it.
  struct Hold {
    Partition partition;
    std::uint64_t claim = 0;
    std::string source;
    Claims::Turn turn;
  };

  std::vector<std::int64_t> assigned(std::span<const BrokerConsumer::Committed> committed) override
      EXCLUDES(mutex_);
  std::vector<Position> revoked(std::span<const Partition> partitions) override EXCLUDES(mutex_);
  void lost(std::span<const Partition> partitions) override EXCLUDES(mutex_);
  std::optional<std::int64_t> place_of(const Partition& partition,
                                       const BrokerConsumer::Bounds& bounds) override EXCLUDES(mutex_);
  void committed(const Status& status, std::span<const Position> positions, double seconds) override
      EXCLUDES(mutex_);
  void trouble(std::string_view code, std::string_view text) override;

  void run();
  bool open();
  void take_in(const Messages::Batch& batch) EXCLUDES(mutex_);
  bool keep_letters(Hold& hold, std::span<const Message> messages, const Taken& taken);
  bool try_until_done(Hold& hold, std::string_view what, const std::function<Status()>& act);
  bool wait_out(Hold& hold, int attempt);
  bool enter(Hold& hold) EXCLUDES(mutex_);
  void come_back() EXCLUDES(mutex_);
  bool holds(const Hold& hold) const EXCLUDES(mutex_);
  void advance(const Hold& hold, std::span<const Message> taken) EXCLUDES(mutex_);
  void set_waiting(const Partition& partition, bool waiting) EXCLUDES(mutex_);
  void look_around() EXCLUDES(mutex_);
  void tell_broker() EXCLUDES(mutex_);
  std::int64_t begin_at_end(const Partition& partition, const Owned& owned);
  std::map<std::string, std::int64_t, std::less<>> stored_positions() const;
  std::string source_of(const Partition& partition) const;

  Shared& shared_;
  Intake intake_;
  std::atomic<bool> stopping_{false};

  // Of the thread.
  std::unique_ptr<BrokerConsumer> broker_;
  bool committing_ = false;
  bool in_hand_ = false;  // messages that were polled and are not all stored
  std::chrono::steady_clock::time_point told_at_;
  std::chrono::steady_clock::time_point looked_at_;
  std::minstd_rand random_{std::random_device{}()};

  mutable Mutex mutex_;
  std::map<Partition, Owned> owned_ GUARDED_BY(mutex_);
  Troubles troubles_;

  Mutex wake_mutex_;
  BrokerConsumer* to_wake_ GUARDED_BY(wake_mutex_) = nullptr;
  Condition woken_;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace silverback::kafka
