// The counters that the engine adds to; what it only shows is asked for at collection (engine.cpp).
#pragma once

#include "base/metrics.h"
#include "storage/engine.h"

namespace silverback::storage {

struct Engine::Figures {
  Counter& appended = metrics().counter("prometheus_tsdb_head_samples_appended_total",
                                        "Samples stored in the head, in order or not.");
  Counter& series_created =
      metrics().counter("prometheus_tsdb_head_series_created_total", "Series seen for the first time.");
  Counter& series_refused = metrics().counter("silverback_storage_series_refused_total",
                                              "New series refused because the series limit was reached.");
  Counter& log_failures =
      metrics().counter("prometheus_tsdb_wal_writes_failed_total", "Batches that the log could not keep.");
  Counter& flushes =
      metrics().counter("prometheus_tsdb_compactions_total", "Flushes of windows from memory to disk.");
  Counter& flush_failures =
      metrics().counter("prometheus_tsdb_compactions_failed_total", "Flushes of windows that failed.");
  Counter& flushed_samples =
      metrics().counter("silverback_storage_flushed_samples_total", "Samples written to windows on disk.");
  Histogram& flush_seconds = metrics().histogram("prometheus_tsdb_compaction_duration_seconds",
                                                 "Time that a flush of windows took.", duration_buckets());
  Counter& checkpoints =
      metrics().counter("prometheus_tsdb_checkpoint_creations_total", "Checkpoints of the head begun.");
  Counter& checkpoint_failures = metrics().counter("prometheus_tsdb_checkpoint_creations_failed_total",
                                                   "Checkpoints of the head that failed.");
  Histogram& checkpoint_seconds =
      metrics().histogram("silverback_storage_checkpoint_duration_seconds",
                          "Time that a checkpoint of the head took.", duration_buckets());
  Gauge& replay_seconds = metrics().gauge("prometheus_tsdb_data_replay_duration_seconds",
                                          "Time that recovery took at the last start.");
  Counter& dropped_log_bytes = metrics().counter("silverback_storage_wal_dropped_bytes_total",
                                                 "Bytes at the end of the log that recovery could not use.");
  Counter& windows_dropped =
      metrics().counter("prometheus_tsdb_time_retentions_total", "Windows dropped because of their age.");
};

}  // namespace silverback::storage
