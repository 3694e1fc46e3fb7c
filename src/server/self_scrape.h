// SelfScrape: the server's own metrics into its own store, as Prometheus would scrape them.
//
// Each round stores what /metrics shows, with job="silverback" and the instance, and beside it
// `silverback_up`, `silverback_scrape_duration_seconds` and `silverback_scrape_samples_scraped`. Every stored
// name begins with silverback_ (stored_name()), so that a server's own series never mix with those that a
// Prometheus sends it: `sum(process_resident_memory_bytes)` stays what the user meant. The first round runs
// at once, so that the first query of a fresh server has something to show.
//
// Threads: set_interval() any; one thread of its own, joined by the destructor.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "base/metrics.h"
#include "base/mutex.h"
#include "ingest/write.h"

namespace silverback::server {

/// The name under which a metric of ours is stored: silverback_x as it is, prometheus_x as silverback_x,
/// anything else with silverback_ before it.
std::string stored_name(std::string_view name);

class SelfScrape {
 public:
  /// @param targets  outlive this, as do the metrics
  SelfScrape(const ingest::WriteTargets& targets, const Metrics& metrics, std::string instance,
             std::chrono::milliseconds interval);
  ~SelfScrape();
  SelfScrape(const SelfScrape&) = delete;
  SelfScrape& operator=(const SelfScrape&) = delete;

  /// Zero pauses.
  void set_interval(std::chrono::milliseconds interval) EXCLUDES(mutex_);

 private:
  void run() EXCLUDES(mutex_);
  void scrape();

  // Fixed after construction.
  const Metrics& from_;
  const std::string instance_;

  ingest::TextWriter writer_;  // the thread's
  double last_duration_s_ = 0;
  bool failing_ = false;

  Mutex mutex_;
  Condition changed_;
  std::chrono::milliseconds interval_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;

  std::jthread thread_;  // last: joined before the rest goes away
};

}  // namespace silverback::server
