// Configuration, and what was kept before.
#include <algorithm>
#include <utility>

#include "alerting/notify/dispatcher.h"
#include "alerting/notify/dispatcher_keys.h"
#include "base/log.h"

namespace silverback::notify {
namespace {

// All records of one kind, by key without the prefix. One that is damaged is left out and logged, one that a
// newer program wrote is the answer.
template <typename Record>
Result<std::vector<std::pair<std::string, Record>>> read_records(const StateStore& states,
                                                                 std::string_view prefix,
                                                                 Result<Record> (*decode)(std::string_view)) {
  std::vector<std::pair<std::string, Record>> records;
  Status newer;
  const Status read = states.scan(prefix, [&](std::string_view key, std::string_view value) {
    auto record = decode(value);
    if (record) {
      records.emplace_back(key.substr(prefix.size()), std::move(*record));
      return true;
    }
    if (record.status().code() == Code::InvalidArgument) newer = record.status();
    log(LogLevel::Error, "a record of notifications cannot be read", {{"err", record.status().message()}});
    return newer.ok();
  });
  if (!read.ok()) return read;
  if (!newer.ok()) return newer;
  return records;
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
                                                                  const std::string& external_url,
                                                                  MessageSink* messages) {
  if (Status bad = check_sink(config, messages != nullptr); !bad.ok()) return bad;
  auto templates = load_templates(config.templates);
  if (!templates) return templates.status();
  auto setup = std::make_unique<Setup>();
  setup->config = config;
  setup->surroundings = {std::move(*templates), external_url, config.egress, messages};
  setup->routes = RouteTree(config.route);
  return setup;
}

Status Dispatcher::configure(const NotifyConfig& config, const std::string& external_url,
                             MessageSink* messages) {
  {
    const MutexLock lock(mutex_);
    if (setup_ != nullptr && setup_->config == config && setup_->surroundings.external_url == external_url &&
        setup_->surroundings.messages == messages && config.templates.empty()) {
      return {};
    }
  }
  auto setup = make_setup(config, external_url, messages);
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
  const MutexLock lock(mutex_);
  install(std::move(*setup));
  paused_ = false;
  changed_.notify_all();
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
  auto alerts = read_records<NotifiedAlert>(states_, kAlertPrefix, decode_notified);
  if (!alerts) return alerts.status();
  auto anchors = read_records<std::int64_t>(states_, kGroupPrefix, decode_anchor);
  if (!anchors) return anchors.status();
  auto entries = read_records<LogEntry>(states_, kLogPrefix, decode_log_entry);
  if (!entries) return entries.status();
  auto notifications = read_records<Notification>(states_, kOutPrefix, decode_notification);
  if (!notifications) return notifications.status();

  const MutexLock lock(mutex_);
  for (auto& [key, alert] : *alerts) {
    AlertPtr& slot = alerts_[alert.labels].alert;
    if (slot != nullptr) unkept_.remove(alert_key(slot->starts_ns > alert.starts_ns ? alert : *slot));
    if (slot == nullptr || slot->starts_ns <= alert.starts_ns)
      slot = std::make_shared<const NotifiedAlert>(std::move(alert));
  }
  for (auto& [key, anchor_ns] : *anchors) anchors_[std::move(key)] = anchor_ns;
  for (auto& [key, entry] : *entries) log_[std::move(key)] = std::move(entry);
  for (auto& [key, notification] : *notifications) {
    Delivery& delivery = deliveries_[std::move(key)];
    delivery.told = ToldAlerts::of(notification.alerts);
    delivery.maybe = delivery.told;  // it may have been sent just before the end
    delivery.notification = std::make_shared<const Notification>(std::move(notification));
    delivery.kept = true;
  }
  return {};
}

// What goes with it is left to the next time that a group is due.
void Dispatcher::install(std::unique_ptr<Setup> setup) {
  for (const auto& [id, group] : groups_) {
    if (group.flushed) anchors_[group_anchor_key(group.key, group.route->spec().receiver)] = group.anchor_ns;
  }
  groups_.clear();
  due_.clear();
  setup_ = std::move(setup);
  make_lanes();
  regroup_all();
  attach_deliveries();
}

void Dispatcher::make_lanes() {
  for (const ReceiverSpec& receiver : setup_->config.receivers) {
    Ways& ways = setup_->receivers[receiver.name];
    for (const IntegrationSpec& spec : receiver.integrations) {
      const auto make = [&spec, surroundings = setup_->surroundings] {
        return make_integration(spec, surroundings);
      };
      ways.push_back({&spec, std::string(spec.kind()) + "[" + std::to_string(spec.index) + "]", nullptr});
      Way& way = ways.back();
      show_counters(spec);
      way.lane = std::make_unique<Lane>(make, spec.kind(), receiver.name, way.name, *this);
    }
  }
}

void Dispatcher::regroup_all() {
  inhibitor_ = Inhibitor(setup_->config.inhibit_rules);
  for (auto& [labels, tracked] : alerts_) {
    tracked.groups = 0;
    // Nobody could post it again while nobody was there.
    if (tracked.alert->assumed_end && !synced_) {
      NotifiedAlert longer = *tracked.alert;
      longer.ends_ns =
          std::max(longer.ends_ns, clock_.now_ns() + setup_->config.resolve_timeout_ms * kNsPerMs);
      tracked.alert = std::make_shared<const NotifiedAlert>(std::move(longer));
    }
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
  for (const auto& [key, anchor_ns] : anchors_) unkept_.remove(std::string(kGroupPrefix) + key);
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
    if (alert->updated_ns > last_ns || muted(labels, now_ns)) continue;
    then.push_back(*alert);
    if (!alert->resolved_at(last_ns)) then.back().ends_ns = 0;
  }
  const ToldAlerts told = ToldAlerts::of(then);
  for (const Way& way : ways(group)) {
    const std::string key = delivery_key(group.key, group.route->spec().receiver, way.name);
    if (deliveries_.contains(key)) return now_ns;
    if (!then.empty() && decide_for(key, told, way, group, last_ns).kind != Decision::Kind::Nothing)
      return now_ns;
  }
  return last_ns + interval_ns;
}

// What is on its way goes on by the new lanes when its group is due, which is now, if there still is who is
// to be told.
void Dispatcher::attach_deliveries() {
  std::map<std::string, std::pair<const GroupId*, const Way*>> known;
  for (const auto& [id, group] : groups_) {
    for (const Way& way : ways(group))
      known[delivery_key(group.key, group.route->spec().receiver, way.name)] = {&id, &way};
  }
  for (auto it = deliveries_.begin(); it != deliveries_.end();) {
    const auto found = known.find(it->first);
    Delivery& delivery = it->second;
    if (found == known.end()) {
      unkept_.remove(std::string(kOutPrefix) + it->first);
      it = deliveries_.erase(it);
      continue;
    }
    delivery.group = *found->second.first;
    delivery.way = found->second.second;
    delivery.queued = false;
    ++it;
  }
}

}  // namespace silverback::notify
