#include "base/metrics.h"

#include <algorithm>

#include "base/number.h"

namespace silverback {
namespace {

void append_escaped(std::string& out, std::string_view text, bool quotes) {
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && quotes) {
      out += "\\\"";
    } else {
      out += c;
    }
  }
}

std::string_view type_name(MetricType type) {
  switch (type) {
    case MetricType::Counter: return "counter";
    case MetricType::Gauge: return "gauge";
    case MetricType::Histogram: return "histogram";
    case MetricType::Summary: return "summary";
  }
  return "unknown";
}

void append_point(std::string& out, const MetricFamily& family, const MetricPoint& point) {
  out += family.name;
  out += point.suffix;
  if (!point.labels.empty()) {
    char separator = '{';
    for (const auto& [name, value] : point.labels) {
      out += separator;
      out += name;
      out += "=\"";
      append_escaped(out, value, true);
      out += '"';
      separator = ',';
    }
    out += '}';
  }
  out += ' ';
  append_float_exponent(out, point.value);
  out += '\n';
}

void append_histogram(std::vector<MetricPoint>& points, const MetricLabels& labels,
                      const Histogram& histogram) {
  const auto snapshot = histogram.snapshot();
  for (std::size_t i = 0; i < snapshot.cumulative.size(); ++i) {
    MetricLabels with_bound = labels;
    with_bound.emplace_back("le", i < snapshot.bounds.size() ? format_float(snapshot.bounds[i]) : "+Inf");
    points.push_back({"_bucket", std::move(with_bound), static_cast<double>(snapshot.cumulative[i])});
  }
  points.push_back({"_sum", labels, snapshot.sum});
  points.push_back({"_count", labels, static_cast<double>(snapshot.cumulative.back())});
}

void append_summary(std::vector<MetricPoint>& points, const MetricLabels& labels, Summary& summary) {
  const auto snapshot = summary.snapshot();
  for (std::size_t i = 0; i < snapshot.values.size(); ++i) {
    MetricLabels with_quantile = labels;
    with_quantile.emplace_back("quantile", format_float(summary.quantiles()[i]));
    points.push_back({"", std::move(with_quantile), snapshot.values[i]});
  }
  points.push_back({"_sum", labels, snapshot.sum});
  points.push_back({"_count", labels, static_cast<double>(snapshot.count)});
}

}  // namespace

Histogram::Histogram(std::vector<double> upper_bounds)
    : bounds_(std::move(upper_bounds)), counts_(bounds_.size() + 1) {}

void Histogram::observe(double v, std::uint64_t times) {
  const auto at = std::lower_bound(bounds_.begin(), bounds_.end(), v) - bounds_.begin();
  counts_[static_cast<std::size_t>(at)].fetch_add(times, std::memory_order_relaxed);
  sum_.fetch_add(v * static_cast<double>(times), std::memory_order_relaxed);
}

Histogram::Snapshot Histogram::snapshot() const {
  Snapshot out{bounds_, {}, sum_.load(std::memory_order_relaxed)};
  std::uint64_t total = 0;
  for (const auto& count : counts_) out.cumulative.push_back(total += count.load(std::memory_order_relaxed));
  return out;
}

Counter& Metrics::counter(std::string_view name, std::string_view help, MetricLabels labels) {
  const MutexLock lock(mutex_);
  auto& family = counter_families_[std::string(name)];
  family.help = help;
  auto& member = family.members[std::move(labels)];
  if (member == nullptr) member = std::make_unique<Counter>();
  return *member;
}

Gauge& Metrics::gauge(std::string_view name, std::string_view help, MetricLabels labels) {
  const MutexLock lock(mutex_);
  auto& family = gauge_families_[std::string(name)];
  family.help = help;
  auto& member = family.members[std::move(labels)];
  if (member == nullptr) member = std::make_unique<Gauge>();
  return *member;
}

Histogram& Metrics::histogram(std::string_view name, std::string_view help, std::vector<double> upper_bounds,
                              MetricLabels labels) {
  const MutexLock lock(mutex_);
  auto& family = histogram_families_[std::string(name)];
  family.help = help;
  auto& member = family.members[std::move(labels)];
  if (member == nullptr) member = std::make_unique<Histogram>(std::move(upper_bounds));
  return *member;
}

Summary& Metrics::summary(std::string_view name, std::string_view help, MetricLabels labels,
                          std::vector<double> quantiles) {
  const MutexLock lock(mutex_);
  auto& family = summary_families_[std::string(name)];
  family.help = help;
  auto& member = family.members[std::move(labels)];
  if (member == nullptr) member = std::make_unique<Summary>(std::move(quantiles));
  return *member;
}

Metrics::Handle Metrics::callback(MetricType type, std::string_view name, std::string_view help,
                                  MetricLabels labels, std::function<double()> read) {
  const MutexLock lock(mutex_);
  const std::uint64_t id = next_callback_++;
  callbacks_.emplace(
      id, Callback{std::string(name), std::string(help), type, std::move(labels), std::move(read)});
  return {this, id};
}

Metrics::Handle::~Handle() {
  if (metrics_ == nullptr) return;
  const MutexLock lock(metrics_->mutex_);
  metrics_->callbacks_.erase(id_);
}

template <typename T>
void Metrics::remove(Families<T>& families, const MetricLabels& labels) {
  for (auto it = families.begin(); it != families.end();) {
    it->second.members.erase(labels);
    it = it->second.members.empty() ? families.erase(it) : std::next(it);
  }
}

Metrics::Lease::Lease(Metrics& metrics, MetricLabels labels)
    : metrics_(&metrics), labels_(std::move(labels)) {
  const MutexLock lock(metrics.mutex_);
  ++metrics.leases_[labels_];
}

Metrics::Lease::~Lease() {
  if (metrics_ == nullptr) return;
  const MutexLock lock(metrics_->mutex_);
  const auto it = metrics_->leases_.find(labels_);
  if (--it->second != 0) return;
  metrics_->leases_.erase(it);
  remove(metrics_->counter_families_, labels_);
  remove(metrics_->gauge_families_, labels_);
  remove(metrics_->histogram_families_, labels_);
  remove(metrics_->summary_families_, labels_);
}

std::vector<MetricFamily> Metrics::collect() const {
  std::map<std::string, MetricFamily> families;
  const auto family = [&](const std::string& name, const std::string& help,
                          MetricType type) -> MetricFamily& {
    MetricFamily& out = families[name];
    out.name = name;
    out.help = help;
    out.type = type;
    return out;
  };
  const MutexLock lock(mutex_);
  for (const auto& [name, members] : counter_families_) {
    auto& out = family(name, members.help, MetricType::Counter);
    for (const auto& [labels, counter] : members.members) {
      out.points.push_back({"", labels, static_cast<double>(counter->value())});
    }
  }
  for (const auto& [name, members] : gauge_families_) {
    auto& out = family(name, members.help, MetricType::Gauge);
    for (const auto& [labels, gauge] : members.members) out.points.push_back({"", labels, gauge->value()});
  }
  for (const auto& [name, members] : histogram_families_) {
    auto& out = family(name, members.help, MetricType::Histogram);
    for (const auto& [labels, histogram] : members.members) append_histogram(out.points, labels, *histogram);
  }
  for (const auto& [name, members] : summary_families_) {
    auto& out = family(name, members.help, MetricType::Summary);
    for (const auto& [labels, summary] : members.members) append_summary(out.points, labels, *summary);
  }
  for (const auto& [id, callback] : callbacks_) {
    family(callback.name, callback.help, callback.type)
        .points.push_back({"", callback.labels, callback.read()});
  }
  std::vector<MetricFamily> out;
  out.reserve(families.size());
  for (auto& [name, one] : families) out.push_back(std::move(one));
  return out;
}

Metrics& metrics() {
  static Metrics* const instance = new Metrics;  // never destroyed: threads may count until the very end
  return *instance;
}

std::string expose(std::span<const MetricFamily> families, bool open_metrics) {
  std::string out;
  for (const MetricFamily& family : families) {
    std::string_view name = family.name;
    // OpenMetrics names a counter's family without the suffix that its samples carry.
    if (open_metrics && family.type == MetricType::Counter && name.ends_with("_total")) name.remove_suffix(6);
    out += "# HELP ";
    out += name;
    out += ' ';
    append_escaped(out, family.help, open_metrics);
    out += "\n# TYPE ";
    out += name;
    out += ' ';
    out += type_name(family.type);
    out += '\n';
    for (const MetricPoint& point : family.points) append_point(out, family, point);
  }
  if (open_metrics) out += "# EOF\n";
  return out;
}

std::vector<double> duration_buckets() {
  return {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
          0.1,    0.25,    0.5,    1,     2.5,    5,     10,   30};
}

}  // namespace silverback
