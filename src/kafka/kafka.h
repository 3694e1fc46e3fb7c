// Kafka: the room's door: consumers that fill the store, dead letters, a producer.
//
//   Kafka kafka(targets);
//   if (Status opened = kafka.open(); !opened.ok()) ...
//   if (Status set = kafka.configure(config); !set.ok()) ...   // as it was before
//
// Threads: configure() and stop_consumers() one after another, from any thread; the others any.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/status.h"
#include "kafka/config.h"
#include "kafka/dead_letters.h"
#include "kafka/intake.h"
#include "kafka/status.h"
#include "model/message_sink.h"

namespace silverback::kafka {

struct KafkaTargets {
  IntakeTargets intake;
  const ProgressStore& progress;
  StateStore& states;
};

/// What librdkafka would not take of a configuration, and secrets that are not there. Connects to nobody.
Status check(const KafkaConfig& config);

class Kafka {
 public:
  explicit Kafka(const KafkaTargets& targets);
  ~Kafka();
  Kafka(const Kafka&) = delete;
  Kafka& operator=(const Kafka&) = delete;

  /// Reads what there is of dead letters.
  Status open();
  /// Starts what is new, ends what is gone, replaces what changed; the others are not touched.
  Status configure(const KafkaConfig& config);
  /// Ends them; the producer goes on.
  void stop_consumers();

  KafkaStatus status() const;
  DeadLetters& dead_letters();
  /// Takes the letters in again, with the consumer of their name as it is set up now; those that are stored
  /// are no dead letters any more, the others say what is wrong with them now.
  struct Retried {
    std::size_t stored = 0;
    std::size_t failed = 0;
  };
  /// @returns NotFound when a letter or its consumer is not there, Unavailable when the store takes nothing
  Result<Retried> retry(std::span<const std::string> ids);
  /// Where alerts and recording rules send to; says Unavailable while no producer is set up. Lives as long as
  /// this.
  MessageSink& sink();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace silverback::kafka
