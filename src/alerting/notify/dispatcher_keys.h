// Keys of what the dispatcher keeps in the state store: docs/format/notify.md.
#pragma once

#include <string>
#include <string_view>

#include "alerting/notify/alert.h"
#include "alerting/notify/codec.h"

namespace silverback::notify {

inline constexpr std::string_view kAlertPrefix = "notify/alert/";
inline constexpr std::string_view kGroupPrefix = "notify/group/";
inline constexpr std::string_view kLogPrefix = "notify/log/";
inline constexpr std::string_view kOutPrefix = "notify/out/";

/// With the beginning, so that an alert that fires again is not taken for the one that is over.
inline std::string alert_key(const NotifiedAlert& alert) {
  std::string key = std::string(kAlertPrefix) + hash_key(alert.labels.bytes());
  put_fixed(key, alert.starts_ns);
  return key;
}

/// Of deliveries and log entries, in memory and behind their prefixes.
inline std::string delivery_key(std::string_view group_key, std::string_view receiver,
                                std::string_view integration) {
  std::string identity;
  put_string(identity, group_key);
  put_string(identity, receiver);
  put_string(identity, integration);
  return hash_key(identity);
}

inline std::string group_anchor_key(std::string_view group_key, std::string_view receiver) {
  std::string identity;
  put_string(identity, group_key);
  put_string(identity, receiver);
  return hash_key(identity);
}

}  // namespace silverback::notify
