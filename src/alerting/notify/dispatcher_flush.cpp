// A group is due: what is muted, who has to be told what.
#include <algorithm>
#include <iterator>
#include <utility>

#include "alerting/notify/dispatcher.h"
#include "alerting/notify/dispatcher_keys.h"
#include "base/hex.h"
#include "base/log.h"

namespace silverback::notify {
namespace {

constexpr std::size_t kGroupsAtOnce = 1'000;  // of one batch
constexpr std::int64_t kRetryKeeping_ns = kNsPerSecond;

// Of one group's notification at one time. It is kept with it, so that a restart does not change it.
std::string idempotency_key(const std::string& delivery, std::int64_t time_ns) {
  std::string text = delivery;
  put_zigzag(text, time_ns);
  return to_hex(hash_key(text));
}

// The same alerts in the same states, whatever is said about them.
bool tells_the_same(const std::vector<NotifiedAlert>& a, const std::vector<NotifiedAlert>& b) {
  return std::ranges::equal(a, b, [](const NotifiedAlert& x, const NotifiedAlert& y) {
    return x.labels == y.labels && x.starts_ns == y.starts_ns && x.ends_ns == y.ends_ns;
  });
}

}  // namespace

void Dispatcher::flush_due(std::int64_t now_ns) {
  StateBatch batch;
  std::vector<std::string> to_send;
  {
    const MutexLock lock(mutex_);
    if (paused_ || !synced_) return;
    std::swap(batch, unkept_);
    for (std::size_t i = 0; i < kGroupsAtOnce && !due_.empty() && due_.begin()->first <= now_ns; ++i) {
      const GroupId id = due_.begin()->second;
      due_.erase(due_.begin());
      const auto it = groups_.find(id);
      if (it == groups_.end()) continue;
      if (it->second.alerts.empty() && !under_way(it->second)) {
        batch.remove(std::string(kGroupPrefix) +
                     group_anchor_key(it->second.key, it->second.route->spec().receiver));
        groups_.erase(it);
      } else {
        flush(id, it->second, now_ns, batch, to_send);
      }
    }
  }
  if (batch.empty()) return;
  const Status kept = states_.apply(batch);
  if (!kept.ok()) {
    log(LogLevel::Error, "notifications could not be kept and are not sent yet", {{"err", kept.message()}});
  }
  const MutexLock lock(mutex_);
  if (!kept.ok()) {
    batch.append(unkept_);  // which came meanwhile
    unkept_ = std::move(batch);
  }
  for (const std::string& id : to_send) {
    const auto it = deliveries_.find(id);
    if (it == deliveries_.end()) continue;
    Delivery& delivery = it->second;
    delivery.busy = false;
    delivery.kept = kept.ok();
    const auto group = groups_.find(delivery.group);
    const bool again = std::exchange(delivery.again, false);
    if (group != groups_.end() && (again || !kept.ok()))
      set_due(group->first, group->second, clock_.now_ns() + (kept.ok() ? 0 : kRetryKeeping_ns));
    if (kept.ok()) queue(id, delivery);
  }
}

void Dispatcher::flush(const GroupId& id, Group& group, std::int64_t now_ns, StateBatch& batch,
                       std::vector<std::string>& to_send) {
  const std::int64_t interval_ns = group.interval_ns();
  // A group that is much too late, because nobody was there, is due now.
  const std::int64_t time_ns = now_ns - group.next_ns < interval_ns ? group.next_ns : now_ns;
  if (!group.flushed) {
    group.flushed = true;
    group.anchor_ns = time_ns;
    std::string record;
    put_fixed(record, kRecordVersion);
    put_zigzag(record, group.anchor_ns);
    batch.put(std::string(kGroupPrefix) + group_anchor_key(group.key, group.route->spec().receiver),
              std::move(record));
  }
  group.refused = false;
  group.ending.clear();
  for (const auto& [labels, alert] : group.alerts) {
    if (alert->resolved_at(now_ns)) group.ending.emplace(labels, alert);
  }
  const std::vector<NotifiedAlert> alerts = take_not_muted(group, now_ns);
  bool all_told = true;
  for (const Way& way : ways(group)) {
    const bool told = tell(id, group, way, alerts, time_ns, batch, to_send);
    all_told = all_told && told;
  }
  if (!all_told) {
    group.ending.clear();  // who has not heard of the end is told when the group is due again
  } else if (!under_way(group)) {
    forget_ended(group, batch);
  } else {
    forget_untold(group, batch);
  }
  const std::int64_t intervals = floor_div(now_ns - group.anchor_ns, interval_ns) + 1;
  set_due(id, group, group.anchor_ns + intervals * interval_ns);
}

// While a receiver is down, alerts that are over and of which no receiver can have heard do not wait for it.
void Dispatcher::forget_untold(Group& group, StateBatch& batch) {
  const auto fires = [](const ToldAlerts& told, std::uint64_t hash) {
    return std::ranges::binary_search(told.firing, hash);
  };
  for (auto it = group.ending.begin(); it != group.ending.end();) {
    const std::uint64_t hash = fingerprint(it->first);
    bool known = false;
    for (const Way& way : ways(group)) {
      const std::string key = delivery_key(group.key, group.route->spec().receiver, way.name);
      const auto entry = log_.find(key);
      const auto open = deliveries_.find(key);
      known = known || (entry != log_.end() && fires(entry->second.told, hash)) ||
              (open != deliveries_.end() && fires(open->second.maybe, hash));
    }
    if (!known) leave(group, it->first, it->second, batch);
    it = known ? std::next(it) : group.ending.erase(it);
  }
}

void Dispatcher::queue(const std::string& id, Delivery& delivery) {
  if (paused_) return;
  delivery.queued = true;
  delivery.way->lane->push(id);
}

bool Dispatcher::time_muted(const Route& route, std::int64_t time_ns, std::vector<std::string>* names) const {
  const auto& intervals = setup_->config.time_intervals;
  const auto within = [&intervals, time_ns](const std::string& name) {
    const auto it = intervals.find(name);
    return it != intervals.end() &&
           std::ranges::any_of(it->second, [&](const TimeInterval& at) { return at.contains(time_ns); });
  };
  bool muted = false;
  for (const std::string& name : route.spec().mute_time_intervals) {
    if (!within(name)) continue;
    muted = true;
    if (names != nullptr) names->push_back(name);
  }
  const auto& active = route.spec().active_time_intervals;
  if (active.empty() || std::ranges::any_of(active, within)) return muted;
  if (names != nullptr) names->insert(names->end(), active.begin(), active.end());
  return true;
}

bool Dispatcher::muted(const Labels& labels, std::int64_t now_ns) const {
  return !inhibitor_.inhibiting(labels, now_ns).empty() || !silences_.silencing(labels, now_ns).empty();
}

// Sorted; those that fire have no end. The others are marked as suppressed.
std::vector<NotifiedAlert> Dispatcher::take_not_muted(Group& group, std::int64_t now_ns) {
  std::vector<NotifiedAlert> alerts;
  const bool never = time_muted(*group.route, now_ns, nullptr);
  for (const auto& [labels, alert] : group.alerts) {
    const bool suppressed =
        !inhibitor_.inhibiting(labels, now_ns).empty() || !silences_.silencing(labels, now_ns).empty();
    if (const auto tracked = alerts_.find(labels); tracked != alerts_.end())
      tracked->second.suppressed = suppressed;
    if (suppressed || never) continue;
    alerts.push_back(*alert);
    if (!alert->resolved_at(now_ns)) alerts.back().ends_ns = 0;
  }
  std::ranges::sort(alerts, before);
  return alerts;
}

Decision Dispatcher::decide_for(const std::string& delivery, const ToldAlerts& told, const Way& way,
                                const Group& group, std::int64_t time_ns) const {
  const auto entry = log_.find(delivery);
  const std::int64_t repeat_ms = group.route->spec().repeat_interval_ms;
  const Decision decision = decide(entry == log_.end() ? nullptr : &entry->second, told,
                                   way.spec->send_resolved, time_ns, repeat_ms);
  const auto open = deliveries_.find(delivery);
  if (decision.kind != Decision::Kind::Nothing || open == deliveries_.end()) return decision;
  // An attempt may have arrived without our knowing: it is not to be the last word if it is wrong by now.
  if (!way.spec->send_resolved || !outdated(open->second.maybe, told)) return decision;
  return {Decision::Kind::Send, told.firing.empty() ? "all alerts resolved" : "new alerts in group"};
}

bool Dispatcher::tell(const GroupId& id, Group& group, const Way& way,
                      const std::vector<NotifiedAlert>& alerts, std::int64_t time_ns, StateBatch& batch,
                      std::vector<std::string>& to_send) {
  const RouteSpec& route = group.route->spec();
  std::string key = delivery_key(group.key, route.receiver, way.name);
  const auto open = deliveries_.find(key);
  if (open != deliveries_.end() && open->second.busy) {
    open->second.again = true;
    return false;
  }
  if (open != deliveries_.end() && open->second.attempts > 0) failed(*way.spec, "serverError").add();
  const ToldAlerts told = ToldAlerts::of(alerts);
  const Decision decision = alerts.empty() ? Decision{} : decide_for(key, told, way, group, time_ns);
  if (decision.kind != Decision::Kind::Send) {
    if (open != deliveries_.end()) {
      batch.remove(std::string(kOutPrefix) + key);
      deliveries_.erase(open);
    }
    if (decision.kind == Decision::Kind::Note) {
      LogEntry entry = log_entry(time_ns, route.repeat_interval_ms, told);
      batch.put(std::string(kLogPrefix) + key, encode(entry));
      log_[key] = std::move(entry);
    }
    return true;
  }
  std::vector<NotifiedAlert> to_tell = alerts;
  if (!way.spec->send_resolved)
    std::erase_if(to_tell, [](const NotifiedAlert& alert) { return alert.ends_ns != 0; });
  Delivery& delivery = deliveries_[key];
  if (delivery.kept && tells_the_same(delivery.notification->alerts, to_tell)) {
    if (!delivery.queued) queue(key, delivery);  // from before a start
    return true;
  }
  Notification notification{.group_key = group.key,
                            .group_labels = group.labels,
                            .receiver = route.receiver,
                            .integration = way.name,
                            .reason = std::string(decision.reason),
                            .idempotency_key = idempotency_key(key, time_ns),
                            .time_ns = time_ns,
                            .alerts = std::move(to_tell)};
  batch.put(std::string(kOutPrefix) + key, encode(notification));
  notifications(*way.spec).add();
  delivery.notification = std::make_shared<const Notification>(std::move(notification));
  delivery.group = id;
  delivery.told = told;
  delivery.way = &way;
  delivery.attempts = 0;
  delivery.kept = false;
  delivery.busy = true;
  to_send.push_back(std::move(key));
  return true;
}

void Dispatcher::collect(std::int64_t now_ns) {
  silences_.collect(now_ns);
  StateBatch batch;
  {
    const MutexLock lock(mutex_);
    for (auto it = log_.begin(); it != log_.end();) {
      // Not while a delivery counts from it.
      if (it->second.expires_ns >= now_ns || deliveries_.contains(it->first)) {
        ++it;
        continue;
      }
      batch.remove(std::string(kLogPrefix) + it->first);
      it = log_.erase(it);
    }
  }
  if (batch.empty()) return;
  if (const Status kept = states_.apply(batch); !kept.ok())
    log(LogLevel::Warn, "old entries of the notification log stay until a restart",
        {{"err", kept.message()}});
}

}  // namespace silverback::notify
