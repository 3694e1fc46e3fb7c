#include "server/self_scrape.h"

#include <algorithm>
#include <array>
#include <functional>
#include <set>
#include <utility>

#include "base/log.h"
#include "base/number.h"

namespace silverback::server {
namespace {

using std::chrono::steady_clock;

constexpr std::string_view kPrefix = "silverback_";

void append_gauge(std::string& text, std::string_view name, std::string_view help, double value) {
  text +=
      "# HELP " + std::string(name) + " " + std::string(help) + "\n# TYPE " + std::string(name) + " gauge\n";
  text += std::string(name) + " ";
  append_float_exponent(text, value);
  text += '\n';
}

// Of two families that would be stored under one name (the build infos) the first is.
void rename_for_store(std::vector<MetricFamily>& families) {
  std::set<std::string, std::less<>> taken;
  for (const MetricFamily& family : families) {
    if (family.name.starts_with(kPrefix)) taken.insert(family.name);
  }
  std::erase_if(families, [&](MetricFamily& family) {
    if (family.name.starts_with(kPrefix)) return false;
    family.name = stored_name(family.name);
    return !taken.insert(family.name).second;
  });
}

}  // namespace

std::string stored_name(std::string_view name) {
  if (name.starts_with(kPrefix)) return std::string(name);
  constexpr std::string_view kAlias = "prometheus_";
  if (name.starts_with(kAlias)) name.remove_prefix(kAlias.size());
  return std::string(kPrefix) + std::string(name);
}

SelfScrape::SelfScrape(const ingest::WriteTargets& targets, const Metrics& metrics, std::string instance,
                       std::chrono::milliseconds interval)
    : from_(metrics),
      instance_(std::move(instance)),
      writer_(targets, {}),
      interval_(interval),
      thread_([this] { run(); }) {}

SelfScrape::~SelfScrape() {
  const MutexLock lock(mutex_);
  stopping_ = true;
  changed_.notify_all();
}

void SelfScrape::set_interval(std::chrono::milliseconds interval) {
  const MutexLock lock(mutex_);
  interval_ = interval;
  changed_.notify_all();
}

void SelfScrape::run() {
  auto next = steady_clock::now();
  for (;;) {
    {
      const MutexLock lock(mutex_);
      while (!stopping_ && (interval_.count() == 0 || steady_clock::now() < next)) {
        if (interval_.count() == 0) {
          changed_.wait(mutex_);
        } else {
          next = std::min(next, steady_clock::now() + interval_);  // a shorter interval counts at once
          changed_.wait_for(mutex_, next - steady_clock::now());
        }
      }
      if (stopping_) return;
      // Keeps its pace; after a pause it goes on from now instead of catching up.
      next = std::max(next + interval_, steady_clock::now());
    }
    scrape();
  }
}

void SelfScrape::scrape() {
  const auto begin = steady_clock::now();
  std::vector<MetricFamily> families = from_.collect();
  rename_for_store(families);
  std::size_t samples = 0;
  for (const MetricFamily& family : families) samples += family.points.size();
  std::string text = expose(families, /*open_metrics=*/false);
  append_gauge(text, "silverback_up", "1 while the server stores its own metrics.", 1);
  append_gauge(text, "silverback_scrape_duration_seconds", "Time that the last scrape took.",
               last_duration_s_);
  append_gauge(text, "silverback_scrape_samples_scraped", "Samples in a scrape.",
               static_cast<double>(samples));

  const std::array<std::pair<std::string, std::string>, 2> labels = {
      {{"job", "silverback"}, {"instance", instance_}}};
  const auto report = writer_.write(kDefaultTenant, text, {ingest::TextFormat::Prometheus, labels});
  last_duration_s_ = std::chrono::duration<double>(steady_clock::now() - begin).count();

  const bool failed = !report || !report->complete();
  if (failed && !failing_) {  // once per spell: a full disk would otherwise fill the log as well
    log(LogLevel::Warn, "own metrics could not be stored",
        {{"err", report ? report->message : std::string(report.status().message())}});
  }
  failing_ = failed;
}

}  // namespace silverback::server
