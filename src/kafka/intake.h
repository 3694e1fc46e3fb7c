// Intake: messages of a topic to samples in the store, with the position behind them.
//
//   Intake intake(config, targets);
//   while (!messages.empty()) {                              // of one partition, in order
//     const auto taken = intake.take(messages, source);
//     if (!taken) ...                                        // nothing is promised: the same again, later
//     if (!taken->bad.empty()) ...                           // keep these, then intake.keep() the position
//     messages = messages.subspan(taken->messages);
//   }
//
// The first messages that are read alike become one body for the writer of their format and one call of the
// store; the position behind them goes with it. Where some of it is bad, what is good is stored, and the
// position is not: the caller keeps the bad messages first. A message that is taken in again gives the same
// samples, since a sample without a time gets its message's.
//
// Headers of a message go over what the consumer is set up with:
//   format              influx, prometheus-remote-write, prometheus-text, json
//   database, retention_policy, precision                   of line protocol
//   content-type        of remote write 2.0; of OpenMetrics text
//   content-encoding    gzip, zstd, snappy, identity
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "ingest/write.h"
#include "kafka/config.h"
#include "kafka/message.h"

namespace silverback::kafka {

struct IntakeTargets {
  ingest::WriteTargets store;
  ingest::WriteLimits limits{};
  bool create_databases = true;
};

struct BadMessage {
  std::size_t index = 0;  // in the span given to take()
  std::string code;  // "malformed", "too_long", ... (ingest::RefusedBecause), "bad_header", "bad_encoding"
  std::string text;  // the first thing that is wrong
};

struct Taken {
  std::size_t messages = 0;   // the first so many; at least 1
  std::uint64_t bytes = 0;    // of their values
  std::uint64_t samples = 0;  // stored
  std::vector<BadMessage> bad;
};

class Intake {
 public:
  /// @param config, targets  outlive it
  Intake(const ConsumerConfig& config, const IntakeTargets& targets);
  ~Intake();
  Intake(const Intake&) = delete;
  Intake& operator=(const Intake&) = delete;

  /// @param messages  at least one, of one partition
  /// @param source  names their position, which is kept with the samples when nothing is bad; empty: none is
  /// kept
  /// @returns Unavailable, ResourceExhausted and whatever else may pass: again later
  Result<Taken> take(std::span<const Message> messages, const std::string& source);
  /// The position alone, durably.
  Status keep(const Progress& position);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace silverback::kafka
