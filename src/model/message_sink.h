// MessageSink: messages out, to topics of a broker.
//
//   sink.send({.topic = "metrics.alert", .key = key, .value = body}, [](const Status& sent) { ... });
//
// Threads: any.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"

namespace silverback {

struct OutMessage {
  std::string topic;
  std::string key = {};  // messages of one key stay in order; empty: any partition
  std::string value = {};
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::int64_t time_ms = 0;  // 0: now
};

/// Kafka's rule for names of topics. @returns InvalidArgument with what is wrong
Status check_topic(std::string_view topic);

class MessageSink {
 public:
  /// OK: the broker has it, on as many machines as it is set up for. Else it may have it all the same.
  using Delivered = std::function<void(const Status&)>;

  virtual ~MessageSink() = default;
  /// Puts the message into a bounded queue and returns. When that is OK, `delivered` is called exactly once,
  /// from another thread, within the time that the sink is set up for; it must be quick and must not throw.
  /// @returns ResourceExhausted when the queue is full, InvalidArgument when the message can never be sent
  ///          (too large, no name of a topic), Unavailable when the sink is closed: then `delivered` is never
  ///          called
  virtual Status send(OutMessage message, Delivered delivered) = 0;
};

}  // namespace silverback
