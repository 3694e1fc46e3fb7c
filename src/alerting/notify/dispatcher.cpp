// Alerts and groups: what comes in, where it goes, what is shown.
#include "alerting/notify/dispatcher.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "alerting/notify/dispatcher_keys.h"
#include "base/log.h"
#include "base/number.h"

namespace silverback::notify {
namespace {

constexpr std::int64_t kCollectEvery_ns = 60 * kNsPerSecond;
constexpr std::int64_t kShowEvery_ns = 5 * kNsPerSecond;
constexpr std::int64_t kLookEvery_ns = kNsPerSecond;  // also for a clock that was set back

Gauge& alerts_gauge(std::string_view state) {
  return metrics().gauge("alertmanager_alerts", "How many alerts by state.", {{"state", std::string(state)}});
}
Gauge& silences_gauge(SilenceState state) {
  return metrics().gauge("alertmanager_silences", "How many silences by state.",
                         {{"state", std::string(to_string(state))}});
}

}  // namespace

Dispatcher::Dispatcher(StateStore& states, const Clock& clock)
    : states_(states), clock_(clock), silences_(states, clock), thread_([this] { run(); }) {}

Dispatcher::~Dispatcher() {
  std::map<std::string, Ways> lanes;
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    paused_ = true;
    if (setup_ != nullptr) lanes.swap(setup_->receivers);
    changed_.notify_all();
  }
  thread_.join();
  end_lanes(lanes);
}

void Dispatcher::run() {
  std::int64_t collected_ns = clock_.now_ns();
  std::int64_t shown_ns = 0;
  std::int64_t now_ns = collected_ns;
  for (;;) {
    {
      const MutexLock lock(mutex_);
      for (;;) {
        if (stopping_) return;
        const std::int64_t before_ns = std::exchange(now_ns, clock_.now_ns());
        if (now_ns < before_ns) {
          clock_went_back(now_ns);
          collected_ns = shown_ns = now_ns;
        }
        const bool idle = paused_ || !synced_ || due_.empty();
        const std::int64_t next_ns = idle ? INT64_MAX : due_.begin()->first;
        if (next_ns <= now_ns || now_ns - shown_ns >= kShowEvery_ns) break;
        changed_.wait_for(mutex_, std::chrono::nanoseconds(std::min(kLookEvery_ns, next_ns - now_ns)));
      }
    }
    flush_due(now_ns);
    if (now_ns - shown_ns >= kShowEvery_ns) {
      shown_ns = now_ns;
      show(now_ns);
    }
    if (now_ns - collected_ns >= kCollectEvery_ns) {
      collected_ns = now_ns;
      collect(now_ns);
    }
  }
}

// Gauges are set from here and not asked of us: whoever collects metrics holds their lock.
void Dispatcher::show(std::int64_t now_ns) const {
  static Gauge& groups_shown =
      metrics().gauge("alertmanager_dispatcher_aggregation_groups", "Number of active aggregation groups.");
  std::size_t active = 0;
  std::size_t suppressed = 0;
  std::size_t groups = 0;
  {
    const MutexLock lock(mutex_);
    groups = groups_.size();
    for (const auto& [labels, tracked] : alerts_) {
      if (!tracked.alert->resolved_at(now_ns)) ++(tracked.suppressed ? suppressed : active);
    }
  }
  std::map<SilenceState, std::size_t> silences;
  for (const auto& silence : silences_.all()) ++silences[silence->state_at(now_ns)];
  groups_shown.set(static_cast<double>(groups));
  alerts_gauge("active").set(static_cast<double>(active));
  alerts_gauge("suppressed").set(static_cast<double>(suppressed));
  for (const SilenceState state : {SilenceState::Pending, SilenceState::Active, SilenceState::Expired})
    silences_gauge(state).set(static_cast<double>(silences[state]));
}

// Groups would stand still until the clock is where it was.
void Dispatcher::clock_went_back(std::int64_t now_ns) {
  for (auto& [id, group] : groups_) {
    const std::int64_t longest_ns = std::max(group.wait_ns(), group.interval_ns());
    if (group.next_ns > now_ns + longest_ns) set_due(id, group, now_ns + group.interval_ns());
    if (group.anchor_ns > now_ns) group.anchor_ns = now_ns;
  }
}

// What `tracked` becomes by `alert`. @returns whether there is anything to keep and to tell of it
bool Dispatcher::absorb(Tracked& tracked, const NotifiedAlert& alert) const {
  const std::int64_t now_ns = clock_.now_ns();
  NotifiedAlert next = alert;
  const bool firing = tracked.alert != nullptr && !tracked.alert->resolved_at(now_ns);
  if (tracked.alert != nullptr && !firing && alert.resolved_at(now_ns)) return false;
  if (alert.own) {
    std::erase(tracked.sources, alert.source);
    if (alert.ends_ns == 0) tracked.sources.push_back(alert.source);
    if (firing && tracked.alert->own) {
      const NotifiedAlert& known = *tracked.alert;
      // Over only when all of them are; while several fire, the one that is shown stays.
      if (alert.ends_ns != 0 && !tracked.sources.empty()) return false;
      const bool shown =
          known.source == alert.source || std::ranges::count(tracked.sources, known.source) == 0;
      if (alert.ends_ns == 0 && !shown && known.starts_ns <= alert.starts_ns) return false;
      if (alert.ends_ns != 0 || tracked.sources.size() > 1)
        next.starts_ns = std::min(known.starts_ns, alert.starts_ns);
    }
  }
  if (tracked.alert == nullptr) {
    if (alert.resolved_at(now_ns)) return false;
  } else if (const NotifiedAlert& known = *tracked.alert;
             known.starts_ns == next.starts_ns && known.ends_ns == next.ends_ns &&
             known.annotations == next.annotations && known.generator_url == next.generator_url) {
    return false;
  }
  tracked.alert = std::make_shared<const NotifiedAlert>(std::move(next));
  return true;
}

void Dispatcher::prepare(std::span<const NotifiedAlert> alerts, StateBatch& batch) {
  std::map<Labels, Tracked> then;  // as they will be
  const MutexLock lock(mutex_);
  for (const NotifiedAlert& alert : alerts) {
    const auto known = alerts_.find(alert.labels);
    const auto [it, first] = then.try_emplace(alert.labels);
    if (first && known != alerts_.end()) it->second = known->second;
    absorb(it->second, alert);
  }
  for (const auto& [labels, tracked] : then) {
    const auto known = alerts_.find(labels);
    if (tracked.alert == nullptr || (known != alerts_.end() && known->second.alert == tracked.alert))
      continue;
    if (known == alerts_.end() && alerts_.size() >= Notifier::kMostAlerts) continue;
    if (known != alerts_.end() && known->second.alert->starts_ns != tracked.alert->starts_ns)
      batch.remove(alert_key(*known->second.alert));
    batch.put(alert_key(*tracked.alert), encode(*tracked.alert));
  }
}

void Dispatcher::commit(std::span<const NotifiedAlert> alerts) {
  static Counter& refused = metrics().counter("silverback_notifications_alerts_refused_total",
                                              "Alerts that were left out because there are too many.");
  const MutexLock lock(mutex_);
  for (const NotifiedAlert& alert : alerts) {
    const auto known = alerts_.find(alert.labels);
    if (known == alerts_.end() && alerts_.size() >= Notifier::kMostAlerts) {
      refused.add();
      continue;
    }
    Tracked fresh;
    Tracked& tracked = known == alerts_.end() ? fresh : known->second;
    if (!absorb(tracked, alert)) continue;
    const AlertPtr taken = tracked.alert;
    if (known == alerts_.end()) alerts_.emplace(alert.labels, std::move(fresh));
    regroup(taken);
  }
  changed_.notify_all();
}

void Dispatcher::regroup(const AlertPtr& alert) {
  inhibitor_.set(*alert);
  for (const Route* route : setup_->routes.match(alert->labels)) insert(*route, alert, false);
}

Status Dispatcher::post(std::vector<NotifiedAlert> alerts) {
  const std::int64_t now_ns = clock_.now_ns();
  Status wrong;
  {
    const MutexLock lock(mutex_);
    if (setup_ == nullptr) return {Code::Unavailable, "notifications are not configured"};
    std::size_t fresh = 0;
    for (NotifiedAlert& alert : alerts) {
      alert.own = false;
      alert.updated_ns = now_ns;
      if (alert.starts_ns == 0) alert.starts_ns = alert.ends_ns == 0 ? now_ns : alert.ends_ns;
      if (alert.ends_ns == 0) {
        alert.assumed_end = true;
        alert.ends_ns = now_ns + setup_->config.resolve_timeout_ms * kNsPerMs;
      }
      const auto it = alerts_.find(alert.labels);
      fresh += it == alerts_.end() ? 1 : 0;
      if (it == alerts_.end() || it->second.alert->resolved_at(now_ns)) continue;
      // An alert that goes on keeps its beginning, whenever the one who posts it thinks it began.
      const NotifiedAlert& before = *it->second.alert;
      if (alert.ends_ns > before.starts_ns) alert.starts_ns = std::min(alert.starts_ns, before.starts_ns);
    }
    std::erase_if(alerts, [&](const NotifiedAlert& alert) {
      const bool bad = alert.ends_ns < alert.starts_ns;
      if (bad && wrong.ok()) {
        wrong = Status(Code::InvalidArgument, "alert " + alert.labels.to_string() + ": start time " +
                                                  format_rfc3339(alert.starts_ns) + " is after its end " +
                                                  format_rfc3339(alert.ends_ns));
      }
      return bad;
    });
    if (alerts_.size() + fresh > Notifier::kMostAlerts) {
      return {Code::ResourceExhausted, "there are " + std::to_string(alerts_.size()) +
                                           " alerts; the most is " + std::to_string(Notifier::kMostAlerts)};
    }
  }
  Status kept = keep_and_commit(alerts);
  return kept.ok() ? wrong : kept;
}

Status Dispatcher::sync(std::vector<NotifiedAlert> firing) {
  const std::int64_t now_ns = clock_.now_ns();
  {
    std::set<Labels> there;
    for (const NotifiedAlert& alert : firing) there.insert(alert.labels);
    const MutexLock lock(mutex_);
    for (auto& [labels, tracked] : alerts_) {
      tracked.sources.clear();
      if (!tracked.alert->own || tracked.alert->resolved_at(now_ns) || there.contains(labels)) continue;
      firing.push_back(*tracked.alert);
      firing.back().ends_ns = firing.back().updated_ns = now_ns;
    }
  }
  Status kept = keep_and_commit(firing);
  const MutexLock lock(mutex_);
  synced_ = true;
  changed_.notify_all();
  return kept;
}

Status Dispatcher::keep_and_commit(std::span<const NotifiedAlert> alerts) {
  const MutexLock one(post_mutex_);
  {
    const MutexLock lock(mutex_);
    for (const NotifiedAlert& alert : alerts) posting_.insert(alert.labels);
  }
  StateBatch batch;
  prepare(alerts, batch);
  Status kept = batch.empty() ? Status() : states_.apply(batch);
  if (kept.ok()) commit(alerts);
  const MutexLock lock(mutex_);
  posting_.clear();
  return kept;
}

void Dispatcher::insert(const Route& route, const AlertPtr& alert, bool restoring) {
  GroupId id{route.id(), route.group_labels(alert->labels)};
  const auto [it, added] = groups_.try_emplace(std::move(id));
  Group& group = it->second;
  if (added) {
    group.route = &route;
    group.labels = it->first.second;
    group.key = route.key() + ":" + group.labels.to_string();
  }
  AlertPtr& slot = group.alerts[alert->labels];
  if (slot == nullptr) ++alerts_[alert->labels].groups;
  slot = alert;
  if (restoring) return;
  const std::int64_t now_ns = clock_.now_ns();
  const bool waited = alert->starts_ns + group.wait_ns() <= now_ns;
  if (added) {
    set_due(it->first, group, waited ? now_ns : now_ns + group.wait_ns());
  } else if (!group.flushed && waited) {
    set_due(it->first, group, now_ns);
  }
}

void Dispatcher::set_due(const GroupId& id, Group& group, std::int64_t when_ns) {
  due_.erase({group.next_ns, id});
  group.next_ns = when_ns;
  due_.emplace(when_ns, id);
  changed_.notify_all();
}

// The alert is out of the group; when it was the last group to have it, it goes altogether.
void Dispatcher::leave(Group& group, const Labels& labels, const AlertPtr& alert, StateBatch& batch) {
  const auto it = group.alerts.find(labels);
  if (it == group.alerts.end() || it->second != alert) return;  // it fires again
  if (posting_.contains(labels)) return;                        // perhaps it does in a moment
  group.alerts.erase(it);
  const auto tracked = alerts_.find(labels);
  if (tracked == alerts_.end() || --tracked->second.groups != 0) return;
  batch.remove(alert_key(*tracked->second.alert));
  inhibitor_.remove(labels);
  alerts_.erase(tracked);
}

void Dispatcher::forget_ended(Group& group, StateBatch& batch) {
  for (const auto& [labels, alert] : group.ending) leave(group, labels, alert, batch);
  group.ending.clear();
}

const Dispatcher::Ways& Dispatcher::ways(const Group& group) const {
  static const Ways none;
  const auto it = setup_->receivers.find(group.route->spec().receiver);
  return it == setup_->receivers.end() ? none : it->second;
}

bool Dispatcher::under_way(const Group& group) const {
  for (const Way& way : ways(group)) {
    const auto it = deliveries_.find(delivery_key(group.key, group.route->spec().receiver, way.name));
    if (it != deliveries_.end() && !it->second.over) return true;
  }
  return false;
}

AlertView Dispatcher::view(const Tracked& tracked, std::int64_t now_ns) const {
  AlertView view;
  view.alert = *tracked.alert;
  if (view.alert.ends_ns == 0) view.alert.ends_ns = now_ns + setup_->config.resolve_timeout_ms * kNsPerMs;
  for (const Route* route : setup_->routes.match(view.alert.labels)) {
    view.receivers.push_back(route->spec().receiver);
    time_muted(*route, now_ns, &view.muted_by);
  }
  view.silenced_by = silences_.silencing(view.alert.labels, now_ns);
  view.inhibited_by = inhibitor_.inhibiting(view.alert.labels, now_ns);
  view.state = view.silenced_by.empty() && view.inhibited_by.empty() ? AlertView::State::Active
                                                                     : AlertView::State::Suppressed;
  return view;
}

std::vector<AlertView> Dispatcher::alerts() const {
  const std::int64_t now_ns = clock_.now_ns();
  std::vector<AlertView> views;
  const MutexLock lock(mutex_);
  if (setup_ == nullptr) return views;
  for (const auto& [labels, tracked] : alerts_) {
    if (!tracked.alert->resolved_at(now_ns)) views.push_back(view(tracked, now_ns));
  }
  return views;
}

std::vector<GroupView> Dispatcher::groups() const {
  const std::int64_t now_ns = clock_.now_ns();
  std::vector<GroupView> views;
  const MutexLock lock(mutex_);
  if (setup_ == nullptr) return views;
  for (const auto& [id, group] : groups_) {
    GroupView shown{group.labels, group.route->spec().receiver, {}};
    std::vector<std::string> muted_by;  // of this route; an alert may be in groups of several
    time_muted(*group.route, now_ns, &muted_by);
    for (const auto& [labels, alert] : group.alerts) {
      const auto tracked = alerts_.find(labels);
      if (tracked == alerts_.end() || alert->resolved_at(now_ns)) continue;
      shown.alerts.push_back(view(tracked->second, now_ns));
      shown.alerts.back().muted_by = muted_by;
    }
    std::ranges::sort(shown.alerts, before, &AlertView::alert);
    if (!shown.alerts.empty()) views.push_back(std::move(shown));
  }
  std::ranges::sort(views, [](const GroupView& a, const GroupView& b) {
    return a.labels == b.labels ? a.receiver < b.receiver : labels_before(a.labels, b.labels);
  });
  return views;
}

NotifyConfig Dispatcher::config() const {
  const MutexLock lock(mutex_);
  return setup_ == nullptr ? NotifyConfig{} : setup_->config;
}

std::size_t Dispatcher::waiting() const {
  const MutexLock lock(mutex_);
  return deliveries_.size();
}

}  // namespace silverback::notify
