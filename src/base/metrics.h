// Our own metrics: counters, gauges, histograms and summaries, registered once and kept for the process's
// life, or, where their labels name something that may go, for as long as somebody holds a lease of those.
//
//   Counter& appended = metrics().counter("silverback_samples_appended_total", "Samples stored.",
//                                         {{"protocol", "remote_write"}});
//   appended.add(1000);
//
// Rooms keep the reference; adding is one relaxed atomic. What is expensive to keep current is
// registered as a callback and asked for at collection.
//
// Threads: any.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/summary.h"

namespace silverback {

class Counter {
 public:
  void add(std::uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};  // a statistic; orders nothing
};

class Gauge {
 public:
  void set(double v) { value_.store(v, std::memory_order_relaxed); }
  void add(double v) { value_.fetch_add(v, std::memory_order_relaxed); }
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

/// Classic histogram with cumulative buckets at exposition.
class Histogram {
 public:
  explicit Histogram(std::vector<double> upper_bounds);
  void observe(double v, std::uint64_t times = 1);

  struct Snapshot {
    std::vector<double> bounds;             // without +Inf
    std::vector<std::uint64_t> cumulative;  // one more than bounds
    double sum = 0;
  };
  Snapshot snapshot() const;

 private:
  const std::vector<double> bounds_;
  std::vector<std::atomic<std::uint64_t>> counts_;
  std::atomic<double> sum_{0};
};

using MetricLabels = std::vector<std::pair<std::string, std::string>>;
enum class MetricType : std::uint8_t { Counter, Gauge, Histogram, Summary };

/// One line of an exposition: suffix is "", "_bucket", "_sum" or "_count".
struct MetricPoint {
  std::string_view suffix;
  MetricLabels labels;
  double value = 0;
};
struct MetricFamily {
  std::string name;
  std::string help;
  MetricType type = MetricType::Gauge;
  std::vector<MetricPoint> points;
};

class Metrics {
 public:
  /// The same name and labels give the same object. A counter's name ends in _total.
  Counter& counter(std::string_view name, std::string_view help, MetricLabels labels = {});
  Gauge& gauge(std::string_view name, std::string_view help, MetricLabels labels = {});
  Histogram& histogram(std::string_view name, std::string_view help, std::vector<double> upper_bounds,
                       MetricLabels labels = {});
  Summary& summary(std::string_view name, std::string_view help, MetricLabels labels = {},
                   std::vector<double> quantiles = {0.5, 0.9, 0.99});

  /// Asked at each collection. The returned handle takes the callback away again when destroyed;
  /// it must not outlive the Metrics.
  class Handle {
   public:
    Handle() = default;
    Handle(Metrics* metrics, std::uint64_t id) : metrics_(metrics), id_(id) {}
    Handle(Handle&& other) noexcept : metrics_(std::exchange(other.metrics_, nullptr)), id_(other.id_) {}
    Handle& operator=(Handle&& other) noexcept {
      std::swap(metrics_, other.metrics_);
      std::swap(id_, other.id_);
      return *this;
    }
    ~Handle();

   private:
    Metrics* metrics_ = nullptr;
    std::uint64_t id_ = 0;
  };
  [[nodiscard]] Handle callback(MetricType type, std::string_view name, std::string_view help,
                                MetricLabels labels, std::function<double()> read);

  /// While somebody holds a lease of exactly these labels, counters, gauges, histograms and summaries with
  /// them stay; with the last one they go, and references to them are no longer good. For labels that name a
  /// rule group or an Alertmanager: a reload may take it away.
  class Lease {
   public:
    Lease() = default;
    Lease(Metrics& metrics, MetricLabels labels);
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease();

    const MetricLabels& labels() const { return labels_; }

   private:
    Metrics* metrics_ = nullptr;
    MetricLabels labels_;
  };

  /// All families, sorted by name.
  std::vector<MetricFamily> collect() const;

 private:
  struct Callback {
    std::string name;
    std::string help;
    MetricType type;
    MetricLabels labels;
    std::function<double()> read;
  };
  template <typename T>
  struct Family {
    std::string help;
    std::map<MetricLabels, std::unique_ptr<T>> members;  // references stay good
  };
  template <typename T>
  using Families = std::map<std::string, Family<T>, std::less<>>;
  template <typename T>
  static void remove(Families<T>& families, const MetricLabels& labels);

  mutable Mutex mutex_;
  Families<Counter> counter_families_ GUARDED_BY(mutex_);
  Families<Gauge> gauge_families_ GUARDED_BY(mutex_);
  Families<Histogram> histogram_families_ GUARDED_BY(mutex_);
  Families<Summary> summary_families_ GUARDED_BY(mutex_);
  std::map<MetricLabels, std::size_t> leases_ GUARDED_BY(mutex_);
  std::map<std::uint64_t, Callback> callbacks_ GUARDED_BY(mutex_);
  std::uint64_t next_callback_ GUARDED_BY(mutex_) = 1;
};

/// The process's metrics.
Metrics& metrics();

/// Text exposition format 0.0.4, or OpenMetrics 1.0.0 with its "# EOF".
std::string expose(std::span<const MetricFamily> families, bool open_metrics);

/// From 0.1 ms to 30 s, for durations in seconds.
std::vector<double> duration_buckets();

}  // namespace silverback
