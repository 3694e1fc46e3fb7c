// Kafka: the room's door: consumers that fill the store, dead letters, a producer.
//
//   Kafka kafka(targets);
//   if (Status opened = kafka.open(); !opened.ok()) ...
//   if (Status set = kafka.configure(config); !set.ok()) ...   // see there
//
// Threads: configure(), open_producer() and stop_consumers() one after another, from any thread; the
// others any.
#pragma once

#include <memory>
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

/// What librdkafka would not take of a configuration, and secrets that are not there, a line each. Connects
/// to nobody.
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
  /// @returns what check() says: then all is as it was before. A client that cannot be made although check()
  ///          could is left out, and tried again at the next call
  Status configure(const KafkaConfig& config);
  /// Opens the producer when there is none yet, so that it is there before rules that send through it;
  /// configure() may replace it. @returns why there is none
  Status open_producer(const ProducerConfig& config);
  /// Ends them; the producer goes on.
  void stop_consumers();

  KafkaStatus status() const;
  DeadLetters& dead_letters();
  /// Takes a letter in again, with the consumer of its name as it is set up now. When it is stored it is no
  /// dead letter any more; else it says what is wrong with it now.
  /// @returns whether it is stored; NotFound when the letter or its consumer is not there, Unavailable when
  /// the
  ///          store takes nothing
  Result<bool> retry(const std::string& id);
  /// Where alerts and recording rules send to; says Unavailable while no producer is set up. Lives as long as
  /// this.
  MessageSink& sink();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace silverback::kafka
