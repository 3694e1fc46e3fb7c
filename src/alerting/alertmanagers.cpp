#include "alerting/alertmanagers.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "alerting/text_functions.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/number.h"

namespace silverback::alerting {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t kQueue = 10'000;
constexpr std::size_t kBatch = 256;
constexpr auto kDrain = std::chrono::seconds(5);

template <typename Pairs>
void append_pairs(std::string& out, std::string_view name, const Pairs& pairs) {
  append_json_key(out, name);
  append_json_pairs(out, pairs);
}

}  // namespace

std::string alert_json(const Alert& alert, const Labels& labels, std::string_view generator_url) {
  std::string out = "{";
  append_pairs(out, "labels", labels);
  if (!alert.annotations.empty()) append_pairs(out += ',', "annotations", alert.annotations);
  const std::int64_t ends_ms = alert.state == AlertState::Inactive ? alert.resolved_ms : alert.valid_until_ms;
  out += R"(,"startsAt":")" + format_rfc3339(alert.fired_ms * kNsPerMs);
  out += R"(","endsAt":")" + format_rfc3339(ends_ms * kNsPerMs) + "\",";
  append_json_key(out, "generatorURL");
  append_json_string(out, generator_url);
  return out + "}";
}

struct Alertmanagers::Told {
  const Alert* alert;
  Labels labels;
  std::string url;
  std::string json;
};

class Alertmanagers::Sender {
 public:
  explicit Sender(AlertmanagerTarget target)
      : target_(std::move(target)),
        relabel_(target_.alert_relabel),
        client_(target_.http),
        lease_(metrics(), {{"alertmanager", target_.url}}),
        sent_(counter("prometheus_notifications_sent_total", "Total number of alerts sent.")),
        errors_(counter("prometheus_notifications_errors_total",
                        "Total number of sent alerts affected by errors.")),
        dropped_(counter("prometheus_notifications_dropped_total",
                         "Total number of alerts dropped due to errors when sending to Alertmanager.")),
        latency_(metrics().histogram("silverback_notifications_latency_seconds",
                                     "Time that requests to Alertmanagers took.", duration_buckets(),
                                     label())),
        latency_quantiles_(metrics().summary("prometheus_notifications_latency_seconds",
                                             "Latency quantiles for sending alert notifications.", label())),
        length_(metrics().callback(MetricType::Gauge, "prometheus_notifications_queue_length",
                                   "The number of alert notifications in the queue.", label(),
                                   [this] {
                                     const MutexLock lock(mutex_);
                                     return static_cast<double>(queue_.size());
                                   })),
        capacity_(metrics().callback(MetricType::Gauge, "prometheus_notifications_queue_capacity",
                                     "The capacity of the alert notifications queue.", label(),
                                     [] { return static_cast<double>(kQueue); })),
        thread_([this] { run(); }) {}

  ~Sender() {
    {
      const MutexLock lock(mutex_);
      stopping_ = true;
      deadline_ = steady_clock::now() + kDrain;
      changed_.notify_all();
      while (!done_ && steady_clock::now() < deadline_)
        changed_.wait_for(mutex_, deadline_ - steady_clock::now());
    }
    client_.stop();
    thread_.join();
  }
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  void push(const std::vector<Told>& alerts) {
    std::vector<std::string> own;
    for (const Told& told : alerts) {
      if (relabel_.empty()) {
        own.push_back(told.json);
      } else if (const auto labels = relabel_.apply(told.labels)) {
        own.push_back(alert_json(*told.alert, *labels, told.url));
      }
    }
    const MutexLock lock(mutex_);
    for (std::string& alert : own) {
      if (queue_.size() == kQueue) {
        queue_.pop_front();
        dropped_.add();
      }
      queue_.push_back(std::move(alert));
    }
    changed_.notify_all();
  }

  const std::string& url() const { return target_.url; }

 private:
  const MetricLabels& label() const { return lease_.labels(); }
  Counter& counter(std::string_view name, std::string_view help) const {
    return metrics().counter(name, help, label());
  }

  void run() {
    for (;;) {
      std::vector<std::string> batch;
      {
        const MutexLock lock(mutex_);
        while (queue_.empty() && !stopping_) changed_.wait(mutex_);
        if (queue_.empty() || (stopping_ && steady_clock::now() >= deadline_)) {
          dropped_.add(queue_.size());
          done_ = true;
          changed_.notify_all();
          return;
        }
        while (!queue_.empty() && batch.size() < kBatch) {
          batch.push_back(std::move(queue_.front()));
          queue_.pop_front();
        }
      }
      send(batch);
    }
  }

  void send(const std::vector<std::string>& batch) {
    std::string body = "[";
    for (const std::string& alert : batch) {
      if (body.size() > 1) body += ',';
      body += alert;
    }
    body += ']';
    const auto begin = steady_clock::now();
    const auto reply =
        client_.post(target_.url, body, {{"Content-Type", "application/json"}, {"User-Agent", "Silverback"}},
                     target_.timeout_ms);
    const double seconds = std::chrono::duration<double>(steady_clock::now() - begin).count();
    latency_.observe(seconds);
    latency_quantiles_.observe(seconds);
    sent_.add(batch.size());
    const bool good = reply && reply->status / 100 == 2;
    if (!good) {
      errors_.add(batch.size());
      dropped_.add(batch.size());
    }
    if (!good && !failing_) {  // once per spell
      log(LogLevel::Warn, "an Alertmanager does not take alerts",
          {{"url", target_.url},
           {"err", reply ? "status " + std::to_string(reply->status) + ": " + reply->body.substr(0, 200)
                         : std::string(reply.status().message())}});
    }
    failing_ = !good;
  }

  // Fixed after construction.
  const AlertmanagerTarget target_;
  const Relabeller relabel_;

  HttpClient client_;  // of the thread; stop() by the destructor
  bool failing_ = false;
  const Metrics::Lease lease_;  // of the references below
  Counter& sent_;
  Counter& errors_;
  Counter& dropped_;
  Histogram& latency_;
  Summary& latency_quantiles_;

  Mutex mutex_;
  Condition changed_;
  std::deque<std::string> queue_ GUARDED_BY(mutex_);  // alerts as JSON
  bool stopping_ GUARDED_BY(mutex_) = false;
  bool done_ GUARDED_BY(mutex_) = false;
  steady_clock::time_point deadline_ GUARDED_BY(mutex_){};

  Metrics::Handle length_;
  Metrics::Handle capacity_;
  std::thread thread_;
};

Alertmanagers::Alertmanagers(std::vector<AlertmanagerTarget> targets,
                             std::shared_ptr<const ToldLabels> labels, std::string external_url)
    : labels_(std::move(labels)), external_url_(std::move(external_url)) {
  for (AlertmanagerTarget& target : targets) senders_.push_back(std::make_unique<Sender>(std::move(target)));
  metrics()
      .gauge("prometheus_notifications_alertmanagers_discovered",
             "The number of alertmanagers discovered and active.")
      .set(static_cast<double>(senders_.size()));
}
Alertmanagers::~Alertmanagers() = default;

void Alertmanagers::post(std::span<const AlertEvent> events) {
  if (senders_.empty()) return;
  std::vector<Told> alerts;
  for (const AlertEvent& event : events) {
    if (!event.due) continue;
    auto labels = labels_->of(event.alert->labels);
    if (!labels) continue;
    std::string url = external_url_ + table_link(event.expression);
    std::string json = alert_json(*event.alert, *labels, url);
    alerts.push_back({event.alert, std::move(*labels), std::move(url), std::move(json)});
  }
  if (alerts.empty()) return;
  for (const auto& sender : senders_) sender->push(alerts);
}

std::vector<std::string> Alertmanagers::urls() const {
  std::vector<std::string> all;
  for (const auto& sender : senders_) all.push_back(sender->url());
  return all;
}

}  // namespace silverback::alerting
