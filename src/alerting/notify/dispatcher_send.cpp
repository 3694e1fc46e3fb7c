// What the lanes ask for and report.
#include <algorithm>
#include <cmath>
#include <random>
#include <thread>
#include <utility>

#include "alerting/notify/dispatcher.h"
#include "alerting/notify/dispatcher_keys.h"
#include "base/log.h"

namespace silverback::notify {
namespace {

// Half a second, half as much more each time, up to a minute, half of it by chance.
std::int64_t backoff_ms(unsigned attempts) {
  static thread_local std::minstd_rand random{std::random_device{}()};
  const double full = std::min(60'000.0, 500 * std::pow(1.5, std::min(attempts, 30u) - 1));
  return static_cast<std::int64_t>(full * std::uniform_real_distribution(0.5, 1.0)(random));
}

constexpr std::int64_t kMostRetryAfter_ms = 600'000;
constexpr auto kRetryKeeping = std::chrono::milliseconds(200);

}  // namespace

Counter& Dispatcher::notifications(const IntegrationSpec& spec) {
  return metrics().counter("alertmanager_notifications_total", "The total number of attempted notifications.",
                           {{"integration", std::string(spec.kind())}});
}

Counter& Dispatcher::failed(const IntegrationSpec& spec, std::string_view reason) {
  return metrics().counter("alertmanager_notifications_failed_total",
                           "The total number of failed notifications.",
                           {{"integration", std::string(spec.kind())}, {"reason", std::string(reason)}});
}

// With 0 from the beginning, so that the first failure is a rise.
void Dispatcher::show_counters(const IntegrationSpec& spec) {
  notifications(spec);
  failed(spec, "clientError");
  failed(spec, "serverError");
}

LogEntry Dispatcher::log_entry(std::int64_t time_ns, std::int64_t repeat_ms, const ToldAlerts& told) {
  constexpr std::int64_t kLongest_ms = 10LL * 365 * 24 * 3'600'000;
  return {time_ns, time_ns + 2 * std::min(repeat_ms, kLongest_ms) * kNsPerMs, told};
}

std::shared_ptr<const Notification> Dispatcher::begin(const std::string& id) {
  const MutexLock lock(mutex_);
  const auto it = deliveries_.find(id);
  if (it == deliveries_.end() || it->second.busy || !it->second.kept || paused_) return nullptr;
  it->second.busy = true;
  return it->second.notification;
}

std::optional<std::int64_t> Dispatcher::finish(const std::string& id, const Outcome& outcome) {
  StateBatch batch;
  {
    const MutexLock lock(mutex_);
    const auto it = deliveries_.find(id);
    if (it == deliveries_.end()) return std::nullopt;
    if (outcome.kind == Outcome::Kind::Retry) return try_again(it->second, outcome);
    batch = settle(id, it->second, outcome);
  }
  keep_surely(batch);
  const MutexLock lock(mutex_);
  const auto it = deliveries_.find(id);
  if (it == deliveries_.end()) return std::nullopt;
  const auto group = groups_.find(it->second.group);
  if (it->second.again && group != groups_.end()) set_due(group->first, group->second, clock_.now_ns());
  deliveries_.erase(it);
  return std::nullopt;
}

std::int64_t Dispatcher::try_again(Delivery& delivery, const Outcome& outcome) {
  delivery.busy = false;
  delivery.maybe.add(delivery.told);
  if (++delivery.attempts == 1 && !paused_) {  // once per notification
    log(LogLevel::Warn, "a notification did not arrive and is tried again",
        {{"receiver", delivery.notification->receiver},
         {"integration", delivery.notification->integration},
         {"group", delivery.notification->group_key},
         {"err", outcome.error}});
  }
  const auto group = groups_.find(delivery.group);
  if (std::exchange(delivery.again, false) && group != groups_.end())
    set_due(group->first, group->second, clock_.now_ns());
  return std::max(backoff_ms(delivery.attempts), std::min(outcome.retry_after_ms, kMostRetryAfter_ms));
}

// What is to be kept of a delivery that is over. It stays busy until that is kept.
StateBatch Dispatcher::settle(const std::string& id, Delivery& delivery, const Outcome& outcome) {
  StateBatch batch;
  delivery.over = true;
  batch.remove(std::string(kOutPrefix) + id);
  const auto group = groups_.find(delivery.group);
  if (outcome.kind == Outcome::Kind::Refused) {
    failed(*delivery.way->spec, "clientError").add();
    if (group != groups_.end()) group->second.refused = true;
    log(LogLevel::Error, "a notification was refused; the group tries again when it is due the next time",
        {{"receiver", delivery.notification->receiver},
         {"integration", delivery.notification->integration},
         {"group", delivery.notification->group_key},
         {"err", outcome.error}});
  } else if (group != groups_.end()) {
    // What arrived long after it was due counts from now.
    const std::int64_t now_ns = clock_.now_ns();
    const bool late = now_ns - delivery.notification->time_ns > group->second.interval_ns();
    LogEntry entry = log_entry(late ? now_ns : delivery.notification->time_ns,
                               group->second.route->spec().repeat_interval_ms, delivery.told);
    batch.put(std::string(kLogPrefix) + id, encode(entry));
    log_[id] = std::move(entry);
  }
  if (group != groups_.end() && !group->second.refused && !paused_ && !under_way(group->second))
    forget_ended(group->second, batch);
  return batch;
}

// Until the disk takes it; when the lanes end meanwhile, it is left to the next time that a group is due.
void Dispatcher::keep_surely(const StateBatch& batch) {
  for (bool told = false;; std::this_thread::sleep_for(kRetryKeeping)) {
    const Status kept = states_.apply(batch);
    if (kept.ok()) return;
    if (!std::exchange(told, true))
      log(LogLevel::Error, "what was notified could not be kept", {{"err", kept.message()}});
    const MutexLock lock(mutex_);
    if (!paused_) continue;
    unkept_.append(batch);
    return;
  }
}

}  // namespace silverback::notify
