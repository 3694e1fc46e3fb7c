// What the dispatcher keeps of alerts, groups and deliveries.
//
// Threads: none; the dispatcher's mutex guards them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "alerting/notify/alert.h"
#include "alerting/notify/lane.h"
#include "alerting/notify/log_entry.h"
#include "alerting/notify/notification.h"
#include "alerting/notify/route.h"
#include "base/clock.h"

namespace silverback::notify {

using AlertPtr = std::shared_ptr<const NotifiedAlert>;

/// An alert that is there, and in how many groups it is.
struct Tracked {
  AlertPtr alert;
  std::vector<std::uint64_t> sources = {};  // own: those that fire; relabelling may make one alert of several
  std::size_t groups = 0;
  bool suppressed = false;  // as of the last time that one of its groups was due
};

/// Alerts of one route that have the same group labels.
struct Group {
  const Route* route = nullptr;
  Labels labels;
  std::string key;             // {}/{severity="page"}:{alertname="Down"}
  std::int64_t anchor_ns = 0;  // the first time that it was due; the others follow by group_interval
  std::int64_t next_ns = 0;    // when it is due
  bool flushed = false;        // it was due once
  bool refused = false;        // a receiver refused it the last time
  std::map<Labels, AlertPtr> alerts;
  std::map<Labels, AlertPtr> ending;  // over the last time; forgotten when all have been told

  std::int64_t wait_ns() const { return route->spec().group_wait_ms * kNsPerMs; }
  std::int64_t interval_ns() const {
    return std::max(route->spec().group_interval_ms, std::int64_t{1}) * kNsPerMs;
  }
};
/// The route's id, and the labels.
using GroupId = std::pair<std::string, Labels>;

/// One integration of a receiver.
struct Way {
  const IntegrationSpec* spec = nullptr;
  std::string name;  // "webhook[0]"
  std::unique_ptr<Lane> lane;
};

/// A notification on its way.
struct Delivery {
  std::shared_ptr<const Notification> notification;
  GroupId group;
  const Way* way = nullptr;
  ToldAlerts told;   // what the log is to say when it has arrived
  ToldAlerts maybe;  // what attempts may have told without our knowing
  unsigned attempts = 0;
  bool kept = false;    // it stands in the state store
  bool busy = false;    // being kept or sent: nobody else touches it
  bool over = false;    // it arrived or was refused; being taken out of the state store
  bool again = false;   // its group became due meanwhile
  bool queued = false;  // its lane knows of it
};

}  // namespace silverback::notify
