// RecordedTopic: what a recording rule gives, as messages of a topic.
//
// A message per series and evaluation: its key is the series, its value JSON that a consumer of format `json`
// reads back as the same sample:
//   {"name":"job:up","labels":{"job":"a"},"value":1,"timestamp":1700000000000}
// Messages are sent at most once, and nobody waits for them: what does not fit into the queue, or is not
// delivered, is lost, counted, and told once until an evaluation's messages have all arrived.
//
// Threads: send() one at a time, warning() any. The sink may answer after the object is gone.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "alerting/rule.h"
#include "model/message_sink.h"

namespace silverback::alerting {

class RecordedTopic {
 public:
  /// @param sink  outlives it
  /// @param rule  "r.yml: group g: job:up", for the log
  RecordedTopic(MessageSink& sink, std::string topic, std::string rule);

  const MessageSink& sink() const { return sink_; }
  const std::string& topic() const { return topic_; }

  /// @param time_ms  of the samples
  /// @param evaluated_ms  of the messages
  void send(std::span<const RuleSample> samples, std::int64_t time_ms, std::int64_t evaluated_ms);
  /// Why messages do not reach the topic; empty while they do.
  std::string warning() const;

 private:
  class Spell;
  class Round;

  MessageSink& sink_;
  const std::string topic_;
  std::uint64_t rounds_ = 0;
  std::shared_ptr<Spell> spell_;
};

/// The value of a message.
std::string sample_json(const RuleSample& sample, std::int64_t time_ms);

}  // namespace silverback::alerting
