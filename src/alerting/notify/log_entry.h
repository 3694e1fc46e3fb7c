// LogEntry: what an integration was last told of a group of alerts, and what that means for the next time.
//
// Source: the rules are those of Alertmanager's notification log, see "route" in
// https://prometheus.io/docs/alerting/latest/configuration/. One departure: a repetition is due when
// repeat_interval is over, not at the first group_interval after it.
//
// Threads: a value.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "alerting/notify/notification.h"
#include "base/status.h"

namespace silverback::notify {

/// Fingerprints, sorted.
struct ToldAlerts {
  std::vector<std::uint64_t> firing;
  std::vector<std::uint64_t> resolved;
  static ToldAlerts of(std::span<const NotifiedAlert> alerts);
  /// What either says.
  void add(const ToldAlerts& other);
  friend bool operator==(const ToldAlerts&, const ToldAlerts&) = default;
};

struct LogEntry {
  std::int64_t time_ns = 0;     // of the notification
  std::int64_t expires_ns = 0;  // when it may be forgotten
  ToldAlerts told;
  friend bool operator==(const LogEntry&, const LogEntry&) = default;
};
std::string encode(const LogEntry& entry);
/// @returns DataLoss or InvalidArgument, as decode_notified()
Result<LogEntry> decode_log_entry(std::string_view bytes);

struct Decision {
  enum class Kind : std::uint8_t {
    Nothing,
    Note,  // nothing to send, but the log is to say that these are over
    Send
  };
  Kind kind = Kind::Nothing;
  std::string_view reason = {};
};

/// What becomes of `alerts`, those of the group that are not muted.
/// @param entry  nullptr: it was never told of this group
Decision decide(const LogEntry* entry, const ToldAlerts& alerts, bool send_resolved, std::int64_t now_ns,
                std::int64_t repeat_interval_ms);

/// Whether somebody who may have heard `maybe`, and nothing since, may be wrong about `alerts`.
bool outdated(const ToldAlerts& maybe, const ToldAlerts& alerts);

}  // namespace silverback::notify
