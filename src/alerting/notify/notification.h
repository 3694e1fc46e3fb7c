// Notification: what one integration is to be told of one group of alerts.
//
// It is kept in the state store from before it is sent until it is known to have arrived, so that after a
// kill the same notification is sent again, with the same idempotency key.
//
// Threads: a value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "alerting/notify/alert.h"
#include "base/status.h"
#include "model/labels.h"

namespace silverback::notify {

struct Notification {
  std::string group_key;  // {}/{severity="page"}:{alertname="Down"}
  Labels group_labels;
  std::string receiver;
  std::string integration;  // "webhook[0]"
  std::string reason;       // why now, in Alertmanager's words: "repeat interval elapsed"
  /// Equal for two attempts to send the same, different for two notifications.
  std::string idempotency_key;
  std::int64_t time_ns = 0;           // when the group was due
  std::vector<NotifiedAlert> alerts;  // sorted; those that fire have no end
  bool firing() const;                // any of them
  friend bool operator==(const Notification&, const Notification&) = default;
};

/// As kept in the state store: docs/format/notify.md.
std::string encode(const Notification& notification);
/// @returns DataLoss or InvalidArgument, as decode_notified()
Result<Notification> decode_notification(std::string_view bytes);

}  // namespace silverback::notify
