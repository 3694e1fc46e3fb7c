// AlertSink: who is told of alerts that fire or end.
//
// What a sink has to remember goes into the same batch as the states, so after a kill either both are
// there or neither.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "alerting/alert.h"
#include "model/state_store.h"

namespace silverback::alerting {

struct AlertEvent {
  const Alert* alert = nullptr;  // Firing or Inactive (resolved); valid during the call
  std::string_view expression;   // of the rule, for the generator's address
  bool changed = false;          // its state is not the one that was told before
  bool due = false;              // Alertmanagers, who forget what they do not hear of, are to be told again
};

class AlertSink {
 public:
  virtual ~AlertSink() = default;
  /// Alerts that changed in this evaluation or are due. Adds to the batch what must be kept.
  virtual void prepare(std::span<const AlertEvent> events, std::int64_t time_ms, StateBatch& batch) = 0;
  /// With all alerts that fire and the time in ms, after a start or a reload, while no rule is evaluated.
  /// @returns Unavailable when what has to be kept of them was not
  virtual Status sync(std::span<const AlertEvent>, std::int64_t) { return {}; }
  /// The batch is kept: now it may be told.
  virtual void commit(std::span<const AlertEvent> events, std::int64_t time_ms) = 0;
};

}  // namespace silverback::alerting
