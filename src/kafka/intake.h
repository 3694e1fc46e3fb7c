// Intake: messages of a topic to samples in the store, with the position behind them.
//
//   Intake intake(config, targets);
//   for (auto rest = messages; !rest.empty();) {             // of one partition, in order
//     const auto run = rest.first(intake.run_of(rest));
//     const auto taken = intake.take(run, {source, run.back().offset + 1});
//     if (!taken) ...                                        // nothing is promised: the same again, later
//     if (!taken->bad.empty()) ...                           // keep these, then intake.keep(position)
//     rest = rest.subspan(run.size());
//   }
//
// A run is one body for the writer of its format and one call of the store. Where some of it is bad, what is good
// is stored, and the position is not: the caller keeps the bad messages first. A message that is taken in again
// gives the same samples, since a sample without a time gets its message's.
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
  std::size_t index = 0;  // in the run
  std::string code;       // "malformed", "too_long", ... (ingest::RefusedBecause), "bad_header", "bad_encoding"
  std::string text;       // the first thing that is wrong
};

struct Taken {
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

  /// How many of the first messages go into one body: at least 1.
  std::size_t run_of(std::span<const Message> messages) const;
  /// @param run  as run_of() says
  /// @param after  kept with the samples when nothing is bad; may be null
  /// @returns Unavailable or ResourceExhausted: again later
  Result<Taken> take(std::span<const Message> run, const Progress* after);
  /// The position alone, durably.
  Status keep(const Progress& position);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace silverback::kafka
