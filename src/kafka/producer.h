// Producer: a MessageSink over librdkafka, idempotent, with a bounded queue.
//
// Threads: any. The callbacks come from one thread of its own.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "kafka/config.h"
#include "kafka/status.h"
#include "model/message_sink.h"

namespace silverback::kafka {

class Producer final : public MessageSink {
 public:
  /// Connects to nobody yet.
  /// @param whose  of the lines in the log: "kafka producer", "kafka consumer telemetry: dead letters"
  /// @param clock  of troubles; outlives it. Null: the system's
  /// @returns InvalidArgument when librdkafka does not take a setting, NotFound when a secret is not there
  static Result<std::unique_ptr<Producer>> open(const ProducerConfig& config,
                                                std::string whose = "kafka producer",
                                                const Clock* clock = nullptr);
  /// Waits for what is queued, for `config.close_timeout_ms` at most; what is left then is told Unavailable.
  ~Producer() override;
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;

  Status send(OutMessage message, Delivered delivered) override;
  ProducerStatus status() const;

 private:
  struct Impl;
  explicit Producer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Sends them all and waits for all. @returns one Status for each, in their order
std::vector<Status> send_and_wait(MessageSink& sink, std::vector<OutMessage> messages);

}  // namespace silverback::kafka
