#include "alerting/notify/lane.h"

#include <algorithm>
#include <system_error>

#include "base/log.h"

namespace silverback::notify {

using std::chrono::steady_clock;

namespace {

constexpr auto kFinish = std::chrono::seconds(5);
constexpr auto kLongestRest = std::chrono::milliseconds(60'000);  // news may be urgent

}  // namespace

Lane::Lane(Make make, std::string_view kind, std::string_view receiver, std::string_view name, Jobs& jobs)
    : make_(std::move(make)),
      jobs_(jobs),
      requests_(metrics().counter("alertmanager_notification_requests_total",
                                  "The total number of attempted notification requests.",
                                  {{"integration", std::string(kind)}})),
      failed_requests_(metrics().counter("alertmanager_notification_requests_failed_total",
                                         "The total number of failed notification requests.",
                                         {{"integration", std::string(kind)}})),
      latency_(metrics().histogram("alertmanager_notification_latency_seconds",
                                   "The latency of notifications in seconds.", duration_buckets(),
                                   {{"integration", std::string(kind)}})),
      length_shown_(metrics().callback(
          MetricType::Gauge, "silverback_notifications_waiting",
          "Notifications that are to be sent or tried again.",
          {{"integration", std::string(name)}, {"receiver", std::string(receiver)}},
          [this] { return static_cast<double>(length_.load(std::memory_order_relaxed)); })) {}

void Lane::close() {
  const MutexLock lock(mutex_);
  if (stopping_) return;
  stopping_ = true;
  deadline_ = steady_clock::now() + kFinish;
  changed_.notify_all();
}

Lane::~Lane() {
  close();
  std::deque<Worker> workers;
  {
    const MutexLock lock(mutex_);
    while (sending_ > 0 && steady_clock::now() < deadline_)
      changed_.wait_for(mutex_, deadline_ - steady_clock::now());
    workers.swap(workers_);
  }
  for (Worker& worker : workers) worker.integration->stop();
  for (Worker& worker : workers) worker.thread.join();
}

void Lane::push(const std::string& id) {
  const MutexLock lock(mutex_);
  schedule(id, steady_clock::now());
  const std::size_t idle = workers_.size() - sending_;
  if (stopping_ || times_.size() <= idle || workers_.size() == kThreads) return;
  Worker worker{make_(), {}};
  try {
    worker.thread = std::thread([this, to = worker.integration.get()] { run(*to); });
  } catch (const std::system_error& failed) {  // the system has no thread left: those that there are go on
    log(LogLevel::Error, "a thread for notifications could not be made", {{"err", failed.what()}});
    return;
  }
  workers_.push_back(std::move(worker));
}

void Lane::schedule(const std::string& id, Time when) {
  const auto [it, added] = times_.try_emplace(id, when);
  if (!added) {
    queue_.erase({it->second, id});
    it->second = std::min(it->second, when);  // what is due already keeps its place
  }
  queue_.emplace(it->second, id);
  length_.store(times_.size(), std::memory_order_relaxed);
  changed_.notify_one();
}

std::optional<std::string> Lane::next() {
  const MutexLock lock(mutex_);
  for (;;) {
    if (stopping_) return std::nullopt;
    if (queue_.empty()) {
      changed_.wait(mutex_);
      continue;
    }
    const auto first = queue_.begin();
    const auto now = steady_clock::now();
    const auto due = std::max(first->first, rest_until_);
    if (due > now) {
      changed_.wait_for(mutex_, due - now);
      continue;
    }
    std::string id = first->second;
    times_.erase(id);
    queue_.erase(first);
    length_.store(times_.size(), std::memory_order_relaxed);
    ++sending_;
    if (!queue_.empty()) changed_.notify_one();  // who was woken for it may have waited out a rest instead
    return id;
  }
}

void Lane::run(Integration& integration) {
  while (const auto id = next()) {
    const auto notification = jobs_.begin(*id);
    std::optional<std::int64_t> again_ms;
    std::chrono::milliseconds rest{};
    if (notification != nullptr) {
      const Outcome outcome = send(integration, *notification);
      rest = std::min(std::chrono::milliseconds(outcome.retry_after_ms), kLongestRest);
      again_ms = jobs_.finish(*id, outcome);
    }
    const MutexLock lock(mutex_);
    if (rest.count() > 0) rest_until_ = std::max(rest_until_, steady_clock::now() + rest);
    // Unless somebody has pushed it since.
    if (again_ms && !times_.contains(*id))
      schedule(*id, steady_clock::now() + std::chrono::milliseconds(*again_ms));
    if (--sending_ == 0) changed_.notify_all();
  }
}

Outcome Lane::send(Integration& integration, const Notification& notification) {
  const auto begin = steady_clock::now();
  Outcome outcome = integration.send(notification);
  latency_.observe(std::chrono::duration<double>(steady_clock::now() - begin).count());
  requests_.add();
  if (outcome.kind != Outcome::Kind::Delivered) failed_requests_.add();
  return outcome;
}

}  // namespace silverback::notify
