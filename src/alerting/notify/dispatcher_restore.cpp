// Configuration, and what was kept before.
#include <algorithm>
#include <utility>

#include "alerting/notify/dispatcher.h"
#include "alerting/notify/dispatcher_keys.h"
#include "base/log.h"

namespace silverback::notify {
namespace {

// Reads all records of one kind. One that is damaged is left out and logged, one that a newer program wrote
// stops. @param take  gets the key without the prefix; false: not wanted, take it out of the store
template <typename Decode, typename Take>
Status read_records(const StateStore& states, std::string_view prefix, const Decode& decode,
                    const Take& take) {
  Status newer;
  const Status read = states.scan(prefix, [&](std::string_view key, std::string_view value) {
    auto record = decode(value);
    if (record) {
      take(std::string(key.substr(prefix.size())), std::move(*record));
      return true;
    }
    if (record.status().code() == Code::InvalidArgument) newer = record.status();
    log(LogLevel::Error, "a record of notifications cannot be read", {{"err", record.status().message()}});
    return newer.ok();
  });
  return read.ok() ? newer : read;
}

Result<std::int64_t> decode_anchor(std::string_view bytes) {
  ByteReader in(bytes);
  if (Status bad = check_version(in, "time of a group"); !bad.ok()) return bad;
  const std::int64_t anchor_ns = in.zigzag_varint();
  if (!in.ok() || !in.at_end()) return damaged_record("time of a group");
  return anchor_ns;
}

}  // namespace

Result<std::unique_ptr<Dispatcher::Setup>> Dispatcher::make_setup(const NotifyConfig& config,
                                                                  const std::string& external_url) {
  auto templates = load_templates(config.templates);
  if (!templates) return templates.status();
  auto setup = std::make_unique<Setup>();
  setup->config = config;
  setup->surroundings = {std::move(*templates), external_url, config.egress};
  setup->routes = RouteTree(config.route);
  return setup;
}

Status Dispatcher::configure(const NotifyConfig& config, const std::string& external_url) {
  {
    const MutexLock lock(mutex_);
    if (setup_ != nullptr && setup_->config == config && setup_->surroundings.external_url == external_url &&
        config.templates.empty()) {
      return {};
    }
  }
  auto setup = make_setup(config, external_url);
  if (!setup) return setup.status();
  if (!loaded_) {
    if (Status loaded = load(); !loaded.ok()) return loaded;
    loaded_ = true;
  }
  std::map<std::string, Ways> before;
  {
    const MutexLock lock(mutex_);
    paused_ = true;
    if (setup_ != nullptr) before.swap(setup_->receivers);
  }
  end_lanes(before);
  StateBatch batch;
  {
    const MutexLock lock(mutex_);
    install(std::move(*setup), batch);
    paused_ = false;
    changed_.notify_all();
  }
  if (batch.empty()) return {};
  if (const Status kept = states_.apply(batch); !kept.ok())
    log(LogLevel::Warn, "old records of notifications stay for now", {{"err", kept.message()}});
  return {};
}

// Without the lock: their threads report. What deliveries point to stays.
void Dispatcher::end_lanes(std::map<std::string, Ways>& receivers) {
  for (auto& [name, ways] : receivers) {
    for (Way& way : ways) way.lane->close();
  }
  for (auto& [name, ways] : receivers) {
    for (Way& way : ways) way.lane.reset();
  }
}

Status Dispatcher::load() {
  if (Status silences = silences_.load(); !silences.ok()) return silences;
  StateBatch batch;
  const MutexLock lock(mutex_);
  alerts_.clear();
  Status read = read_records(states_, kAlertPrefix, decode_notified,
                             [&](const std::string& key, NotifiedAlert alert) NO_THREAD_SAFETY_ANALYSIS {
                               Tracked& tracked = alerts_[alert.labels];
                               if (tracked.alert != nullptr && tracked.alert->starts_ns > alert.starts_ns) {
                                 batch.remove(std::string(kAlertPrefix) + key);
                                 return;
                               }
                               if (tracked.alert != nullptr) batch.remove(alert_key(*tracked.alert));
                               tracked.alert = std::make_shared<const NotifiedAlert>(std::move(alert));
                             });
  if (!read.ok()) return read;
  read = read_records(states_, kGroupPrefix, decode_anchor,
                      [&](std::string key, std::int64_t anchor_ns)
                          NO_THREAD_SAFETY_ANALYSIS { anchors_[std::move(key)] = anchor_ns; });
  if (!read.ok()) return read;
  read = read_records(states_, kLogPrefix, decode_log_entry,
                      [&](std::string key, LogEntry entry)
                          NO_THREAD_SAFETY_ANALYSIS { log_[std::move(key)] = std::move(entry); });
  if (!read.ok()) return read;
  read = read_records(states_, kOutPrefix, decode_notification,
                      [&](std::string key, Notification notification) NO_THREAD_SAFETY_ANALYSIS {
                        Delivery& delivery = deliveries_[std::move(key)];
                        delivery.told = ToldAlerts::of(notification.alerts);
                        delivery.maybe = delivery.told;  // it may have been sent just before the end
                        delivery.notification = std::make_shared<const Notification>(std::move(notification));
                        delivery.kept = true;
                      });
  if (!read.ok() || batch.empty()) return read;
  return states_.apply(batch);
}

void Dispatcher::install(std::unique_ptr<Setup> setup, StateBatch& batch) {
  for (const auto& [id, group] : groups_) {
    if (group.flushed) anchors_[group_anchor_key(group.key, group.route->spec().receiver)] = group.anchor_ns;
  }
  groups_.clear();
  due_.clear();
  setup_ = std::move(setup);
  make_lanes();
  regroup(batch);
  attach_deliveries(batch);
}

void Dispatcher::make_lanes() {
  for (const ReceiverSpec& receiver : setup_->config.receivers) {
    Ways& ways = setup_->receivers[receiver.name];
    for (const IntegrationSpec& spec : receiver.integrations) {
      const auto make = [&spec, surroundings = setup_->surroundings] {
        return make_integration(spec, surroundings);
      };
      ways.push_back({&spec, std::string(spec.kind()) + "[" + std::to_string(spec.index) + "]",
                      std::make_unique<Lane>(make, spec.kind(), receiver.name, *this)});
    }
  }
}

void Dispatcher::regroup(StateBatch& batch) {
  inhibitor_ = Inhibitor(setup_->config.inhibit_rules);
  for (auto& [labels, tracked] : alerts_) {
    tracked.groups = 0;
    inhibitor_.set(*tracked.alert);
    for (const Route* route : setup_->routes.match(labels)) insert(*route, tracked.alert, true);
  }
  const std::int64_t now_ns = clock_.now_ns();
  for (auto& [id, group] : groups_) {
    const auto anchor = anchors_.find(group_anchor_key(group.key, group.route->spec().receiver));
    if (anchor != anchors_.end()) {
      group.flushed = true;
      group.anchor_ns = anchor->second;
    }
    set_due(id, group, restored_due(group, now_ns));
  }
  for (const auto& [id, group] : groups_)
    anchors_.erase(group_anchor_key(group.key, group.route->spec().receiver));
  for (const auto& [key, anchor_ns] : anchors_) batch.remove(std::string(kGroupPrefix) + key);
  anchors_.clear();
}

// When a group goes on that was there before, as if it had been there all the time.
std::int64_t Dispatcher::restored_due(const Group& group, std::int64_t now_ns) const {
  if (!group.flushed) {
    std::int64_t first_ns = INT64_MAX;
    for (const auto& [labels, alert] : group.alerts) {
      if (alert->starts_ns + group.wait_ns() <= now_ns) return now_ns;
      first_ns = std::min(first_ns, alert->updated_ns + group.wait_ns());
    }
    return first_ns;
  }
  const std::int64_t interval_ns = group.interval_ns();
  const std::int64_t last_ns =
      group.anchor_ns + floor_div(now_ns - group.anchor_ns, interval_ns) * interval_ns;
  // Was there something to be told the last time that it was due, when perhaps nobody was there?
  std::vector<NotifiedAlert> then;
  for (const auto& [labels, alert] : group.alerts) {
    if (alert->updated_ns > last_ns) continue;
    then.push_back(*alert);
    if (!alert->resolved_at(last_ns)) then.back().ends_ns = 0;
  }
  const ToldAlerts told = ToldAlerts::of(then);
  for (const Way& way : ways(group)) {
    const std::string key = delivery_key(group.key, group.route->spec().receiver, way.name);
    if (deliveries_.contains(key) ||
        decide_for(key, told, way, group, last_ns).kind != Decision::Kind::Nothing) {
      return now_ns;
    }
  }
  return last_ns + interval_ns;
}

// What is on its way goes on by the new lanes, if there still is who is to be told.
void Dispatcher::attach_deliveries(StateBatch& batch) {
  std::map<std::string, std::pair<const GroupId*, const Way*>> known;
  for (const auto& [id, group] : groups_) {
    for (const Way& way : ways(group))
      known[delivery_key(group.key, group.route->spec().receiver, way.name)] = {&id, &way};
  }
  for (auto it = deliveries_.begin(); it != deliveries_.end();) {
    const auto found = known.find(it->first);
    Delivery& delivery = it->second;
    if (found == known.end()) {
      batch.remove(std::string(kOutPrefix) + it->first);
      it = deliveries_.erase(it);
      continue;
    }
    const Group& group = groups_.at(*found->second.first);
    delivery.group = *found->second.first;
    delivery.way = found->second.second;
    delivery.repeat_ms = group.route->spec().repeat_interval_ms;
    delivery.late_ns = group.interval_ns();
    if (!delivery.busy) delivery.way->lane->push(it->first);
    ++it;
  }
}

}  // namespace silverback::notify
