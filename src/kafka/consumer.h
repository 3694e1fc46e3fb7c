// Consumer: what the configuration calls one: members of a group that store with the same format and labels.
//
// Threads: construction and destruction one after another; status() any.
#pragma once

#include <memory>
#include <vector>

#include "base/status.h"
#include "kafka/config.h"
#include "kafka/dead_letters.h"
#include "kafka/intake.h"
#include "kafka/status.h"
#include "model/appender.h"

namespace silverback::kafka {

struct Shared;
class Member;
class Producer;

class Consumer {
 public:
  /// Starts its threads, which connect by and by.
  /// @param progress, letters  outlive it
  /// @param mark  of this store, which goes with what is committed
  /// @returns what Producer::open() says of the topic of dead letters
  static Result<std::unique_ptr<Consumer>> start(const ConsumerConfig& config, const IntakeTargets& intake,
                                                 const ProgressStore& progress, DeadLetters& letters,
                                                 std::string mark);
  /// Leaves the group.
  ~Consumer();
  Consumer(const Consumer&) = delete;
  Consumer& operator=(const Consumer&) = delete;

  const ConsumerConfig& config() const;
  ConsumerStatus status() const;
  /// Asks its threads to end, and does not wait.
  void stop();

 private:
  Consumer(std::unique_ptr<Shared> shared, const Producer* letter_sender);

  std::unique_ptr<Shared> shared_;
  const Producer* letter_sender_;  // shared_'s, to the topic of dead letters; null: there is none
  std::vector<std::unique_ptr<Member>> members_;
};

}  // namespace silverback::kafka
