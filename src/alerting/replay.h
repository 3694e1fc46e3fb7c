// Replay: what rules would have made of the data that is there.
//
//   const auto report = replay(store, engine_options, {.file = "rules/web.yml", .rules = ..., ...}, {},
//   cancel); for (const ReplayedAlert& alert : report->alerts) ...
//
// The groups are the server's, evaluated on the grid that they have in the server, all of them in the order
// of time, from a state without alerts. What they record goes to a store in memory that lies over the real
// one, so that later rules see what earlier ones make of it; what these rules once recorded into the real
// store is not seen from the beginning of the replay on. With `write` the recorded series (not ALERTS) also
// go into the store; what was written stays when a replay ends early, and doing it again is harmless.
//
// Threads: any; a replay runs on the thread that calls it.
#pragma once

#include <chrono>
#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "alerting/rule_file.h"
#include "alerting/rule_group.h"
#include "base/status.h"
#include "model/appender.h"
#include "model/querier.h"
#include "query/engine.h"

namespace silverback::alerting {

struct ReplayJob {
  std::string file;  // as the server names it: the grid depends on it
  RuleFile rules;
  std::int64_t from_ms = 0;  // both ends inclusive
  std::int64_t to_ms = 0;
  RuleSettings settings;
  bool write = false;
};

struct ReplayLimits {
  std::uint64_t evaluations = 10'000'000;  // of rules
  std::uint64_t samples = 10'000'000;      // that rules give, in memory
  std::size_t alerts = 100'000;
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
};

struct ReplayedAlert {
  std::string group;
  Labels labels;
  TextPairs annotations;  // as it became active, or fired
  double value = 0;
  std::int64_t active_ms = 0;
  std::int64_t fired_ms = 0;     // 0: still pending at the end
  std::int64_t resolved_ms = 0;  // 0: still active at the end
};

struct ReplayProblem {
  std::string group;
  std::string rule;
  std::string error;  // the first
  std::int64_t first_ms = 0;
  std::uint64_t count = 0;
};

struct ReplayReport {
  std::int64_t from_ms = 0;
  std::int64_t to_ms = 0;
  std::uint64_t evaluations = 0;
  std::uint64_t samples = 0;
  std::uint64_t written = 0;
  std::vector<ReplayedAlert> alerts;  // that fired, in the order of fired_ms, then those still pending
  std::vector<ReplayProblem> problems;
};

/// @param write_to  for job.write; may be null otherwise
/// @returns InvalidArgument when the times are wrong or the job is over a limit from the start,
///          ResourceExhausted when it turns out to be, DeadlineExceeded, Cancelled, or what the store says
///          when it does not take samples
Result<ReplayReport> replay(Queryable& store, Appender* write_to, query::EngineOptions engine,
                            const ReplayJob& job, const ReplayLimits& limits, const std::stop_token& cancel);

/// {"from":...,"to":...,"alerts":[...],"problems":[...]}: docs/api.md.
std::string to_json(const ReplayReport& report);
/// For people.
std::string to_text(const ReplayReport& report);

}  // namespace silverback::alerting
