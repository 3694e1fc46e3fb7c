// BrokerConsumer: a member of a consumer group, over librdkafka.
//
// Partitions come and go cooperatively; where one begins is asked of the owner, not of the broker. Nothing is
// committed by itself: commit() says how far, for lag tools and for the next owner.
//
// Threads: all of it on one; librdkafka's callbacks come out of poll() and close().
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "kafka/config.h"
#include "kafka/message.h"
#include "kafka/messages.h"

namespace silverback::kafka {

class BrokerConsumer {
 public:
  static constexpr std::int64_t kNotTold = -2;

  /// What the broker has as committed.
  struct Committed {
    Partition partition;
    std::int64_t offset = -1;  // -1 where there is none, kNotTold where it did not say
    bool ours = false;         // committed with our mark
  };
  /// The first and the next offset of the broker's log; -1 when it is not known.
  struct Bounds {
    std::int64_t first = -1;
    std::int64_t next = -1;
  };

  /// What the owner has to say and to hear. Called out of poll() and, but for assigned(), the destructor.
  class Owner {
   public:
    virtual ~Owner() = default;
    /// Partitions that are ours from now on.
    /// @returns where each begins: -1 is the beginning that the configuration says
    virtual std::vector<std::int64_t> assigned(std::span<const Committed> committed) = 0;
    /// They go to somebody else: what is to be stored of them is to be stored now. @returns how far
    virtual std::vector<Position> revoked(std::span<const Partition> partitions) = 0;
    /// They are somebody else's already.
    virtual void lost(std::span<const Partition> partitions) = 0;
    /// Where to go on in the broker's log, which has these bounds: the position is outside of it, or
    /// place_anew() was called. Nothing: not at all.
    virtual std::optional<std::int64_t> place_of(const Partition& partition, const Bounds& bounds) = 0;
    /// What came of commit(), and how long it took.
    virtual void committed(const Status& status, std::span<const Position> positions, double seconds) = 0;
    /// Something is wrong with brokers or topics; librdkafka goes on trying.
    virtual void trouble(std::string_view code, std::string_view text) = 0;
  };

  /// @param owner  outlives it
  /// @param mark  goes with what is committed, so that it is known again
  /// @returns InvalidArgument when librdkafka does not take a setting, NotFound when a secret is not there
  static Result<std::unique_ptr<BrokerConsumer>> open(const ConsumerConfig& config, Owner& owner,
                                                      std::string mark = {});
  /// Leaves the group: revoked() is called for what there is. Takes some seconds, not more, when brokers are
  /// gone.
  ~BrokerConsumer();
  BrokerConsumer(const BrokerConsumer&) = delete;
  BrokerConsumer& operator=(const BrokerConsumer&) = delete;

  /// Up to `most` messages, of `most_bytes` or one message more, within `wait_ms`.
  /// @param messages  of the poll before, which go
  /// @returns whether there were as many: there are more
  bool poll(Messages& messages, std::size_t most, std::size_t most_bytes, std::int64_t wait_ms);
  /// No more messages of any partition until resume(); poll() goes on being called.
  void pause();
  void resume();
  /// At the beginning of the next poll(), when nothing is paused, the owner is asked where the partition goes
  /// on.
  void place_anew(const Partition& partition);
  /// False while the group is made anew: an offset that is told then costs us all partitions, as librdkafka
  /// takes its refusal ("illegal generation") for the end of our membership.
  bool may_commit() const;
  /// Tells the broker, without waiting: committed() is called once.
  void commit(std::span<const Position> positions);
  /// Behind what poll() gave out last, marks of transactions included; -1 when it is not known.
  std::int64_t passed(const Partition& partition) const;
  /// As of the last fetch.
  Bounds bounds(const Partition& partition) const;
  /// Asks the broker, for a few seconds. @returns Unavailable
  Result<Bounds> ask_bounds(const Partition& partition);
  /// librdkafka's threads stop fetching when enough messages wait, and look again only after a second; when
  /// the leaders of the partitions are asked for something, as here, they look again now.
  void nudge_fetchers();
  /// Ends a poll() that waits. Threads: any.
  void wake();

 private:
  struct Impl;
  explicit BrokerConsumer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace silverback::kafka
