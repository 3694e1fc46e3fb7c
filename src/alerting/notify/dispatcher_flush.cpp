// A group is due: what is muted, who has to be told what.
#include <algorithm>
#include <utility>

#include "alerting/notify/dispatcher.h"
#include "alerting/notify/dispatcher_keys.h"
#include "base/log.h"

namespace silverback::notify {
namespace {

constexpr std::size_t kGroupsAtOnce = 1'000;  // of one batch
constexpr std::int64_t kRetryKeeping_ns = kNsPerSecond;

Counter& notifications(const IntegrationSpec& spec) {
  return metrics().counter("alertmanager_notifications_total", "The total number of attempted notifications.",
                           {{"integration", std::string(spec.kind())}});
}

std::string idempotency_key(const std::string& delivery, std::int64_t told_before_ns,
                            const std::vector<NotifiedAlert>& alerts) {
  std::string text = delivery;
  put_zigzag(text, told_before_ns);
  for (const NotifiedAlert& alert : alerts) {
    put_string(text, alert.labels.bytes());
    put_zigzag(text, alert.starts_ns);
    put_zigzag(text, alert.ends_ns);
  }
  std::string hex;
  for (const char c : hash_key(text)) {
    hex += "0123456789abcdef"[static_cast<std::uint8_t>(c) >> 4];
    hex += "0123456789abcdef"[static_cast<std::uint8_t>(c) & 15];
  }
  return hex;
}

}  // namespace

void Dispatcher::flush_due(std::int64_t now_ns) {
  StateBatch batch;
  std::vector<std::string> to_send;
  {
    const MutexLock lock(mutex_);
    if (paused_) return;
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
    if (kept.ok() && !paused_) delivery.way->lane->push(id);
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
  const std::vector<NotifiedAlert> alerts = not_muted(group, now_ns);
  for (const Way& way : ways(group)) tell(id, group, way, alerts, time_ns, batch, to_send);
  if (!under_way(group)) forget_ended(group, batch);
  const std::int64_t intervals = floor_div(now_ns - group.anchor_ns, interval_ns) + 1;
  set_due(id, group, group.anchor_ns + intervals * interval_ns);
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

// Sorted; those that fire have no end.
std::vector<NotifiedAlert> Dispatcher::not_muted(Group& group, std::int64_t now_ns) {
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
  if (!outdated(open->second.maybe, told)) return decision;
  if (told.firing.empty() && !way.spec->send_resolved) return decision;
  return {Decision::Kind::Send, told.firing.empty() ? "all alerts resolved" : "new alerts in group"};
}

void Dispatcher::tell(const GroupId& id, Group& group, const Way& way,
                      const std::vector<NotifiedAlert>& alerts, std::int64_t time_ns, StateBatch& batch,
                      std::vector<std::string>& to_send) {
  const RouteSpec& route = group.route->spec();
  std::string key = delivery_key(group.key, route.receiver, way.name);
  const auto open = deliveries_.find(key);
  if (open != deliveries_.end() && open->second.busy) {
    open->second.again = true;
    return;
  }
  if (open != deliveries_.end() && open->second.attempts > 0) count_failed(*way.spec, "serverError");
  const ToldAlerts told = ToldAlerts::of(alerts);
  const Decision decision = alerts.empty() ? Decision{} : decide_for(key, told, way, group, time_ns);
  if (decision.kind != Decision::Kind::Send) {
    if (open != deliveries_.end()) {
      batch.remove(std::string(kOutPrefix) + key);
      deliveries_.erase(open);
    }
    if (decision.kind == Decision::Kind::Note) {
      const LogEntry entry{time_ns, time_ns + 2 * route.repeat_interval_ms * kNsPerMs, told};
      batch.put(std::string(kLogPrefix) + key, encode(entry));
      log_[key] = entry;
    }
    return;
  }
  Notification notification{.group_key = group.key,
                            .group_labels = group.labels,
                            .receiver = route.receiver,
                            .integration = way.name,
                            .reason = std::string(decision.reason),
                            .idempotency_key = {},
                            .time_ns = time_ns,
                            .alerts = alerts};
  if (!way.spec->send_resolved)
    std::erase_if(notification.alerts, [](const NotifiedAlert& alert) { return alert.ends_ns != 0; });
  const auto before = log_.find(key);
  notification.idempotency_key =
      idempotency_key(key, before == log_.end() ? 0 : before->second.time_ns, notification.alerts);
  Delivery& delivery = deliveries_[key];
  if (delivery.kept && delivery.notification->idempotency_key == notification.idempotency_key) return;
  batch.put(std::string(kOutPrefix) + key, encode(notification));
  notifications(*way.spec).add();
  delivery.notification = std::make_shared<const Notification>(std::move(notification));
  delivery.group = id;
  delivery.told = told;
  delivery.repeat_ms = route.repeat_interval_ms;
  delivery.late_ns = group.interval_ns();
  delivery.way = &way;
  delivery.attempts = 0;
  delivery.kept = false;
  delivery.busy = true;
  to_send.push_back(std::move(key));
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
    log(LogLevel::Warn, "old entries of the notification log stay for now", {{"err", kept.message()}});
}

}  // namespace silverback::notify
