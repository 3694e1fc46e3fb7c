#include "storage/engine.h"

#include <algorithm>
#include <bit>
#include <filesystem>

#include "base/log.h"
#include "storage/engine_figures.h"
#include "storage/engine_replay.h"
#include "storage/window.h"

namespace silverback::storage {
namespace {

namespace fs = std::filesystem;

Status check_options(const TsdbOptions& options) {
  const auto wrong = [](std::string words) { return Status(Code::InvalidArgument, std::move(words)); };
  if (options.path.empty()) return wrong("the storage path is empty");
  if (!std::has_single_bit(options.shards) || options.shards > 1024) {
    return wrong("the number of shards must be a power of two up to 1024, not " +
                 std::to_string(options.shards));
  }
  if (options.wal_segment_bytes < (64u << 10)) return wrong("a log segment must be at least 64 KiB");
  if (options.retention.count() < 0) return wrong("the retention must not be negative");
  if (options.head_memory_bytes < (1u << 20)) return wrong("the memory budget must be at least 1 MiB");
  return {};
}

}  // namespace

Engine::Engine(TsdbOptions options, const Clock& clock, DirectoryLock lock)
    : options_(std::move(options)),
      clock_(clock),
      lock_(std::move(lock)),
      metadata_(options_.max_metadata),
      head_(options_.shards),
      figures_(std::make_unique<Figures>()) {}

Result<std::unique_ptr<Engine>> Engine::open(TsdbOptions options, const Clock& clock) {
  if (Status bad = check_options(options); !bad.ok()) return bad;
  std::error_code failed;
  fs::create_directories(options.path, failed);
  if (failed)
    return Status(Code::Unavailable, options.path + ": cannot create the directory: " + failed.message());
  auto lock = DirectoryLock::take(fs::path(options.path) / "LOCK");
  if (!lock) return lock.status();
  std::unique_ptr<Engine> engine(new Engine(std::move(options), clock, std::move(*lock)));
  if (Status bad = engine->recover(); !bad.ok()) return bad;
  engine->register_metrics();
  if (engine->options_.background) {
    Engine* self = engine.get();
    engine->background_ = std::jthread([self](const std::stop_token& stop) { self->run_background(stop); });
  }
  return engine;
}

Engine::~Engine() {
  if (background_.joinable()) {
    {
      const MutexLock lock(background_mutex_);
      background_.request_stop();
      background_wake_.notify_all();
    }
    background_.join();
  }
  metric_handles_.clear();
  if (wal_ == nullptr) return;  // never opened whole
  if (wal_->stats().records > 0 || !clean_start_) {
    // A quick start next time. Should it fail, the log has everything.
    if (const Status done = checkpoint(); !done.ok())
      log(LogLevel::Warn, "no checkpoint at the end", {{"error", done.message()}});
  }
}

void Engine::note_trouble(const Status& status) {
  if (status.ok() && !troubled_.load(std::memory_order_relaxed)) return;
  const MutexLock lock(trouble_mutex_);
  const bool was = !trouble_.ok();
  trouble_ = status;
  troubled_.store(!status.ok(), std::memory_order_relaxed);
  if (!status.ok()) figures_->log_failures.add();
  if (!status.ok() && !was)
    log(LogLevel::Error, "the log cannot be written, refusing writes", {{"error", status.message()}});
  if (status.ok() && was) log(LogLevel::Info, "the log can be written again");
}

Status Engine::ready() const {
  const MutexLock lock(trouble_mutex_);
  return trouble_;
}

StorageStats Engine::stats(std::size_t top) const {
  StorageStats stats;
  index_.fill_stats(kDefaultTenant, top, stats);
  const auto figures = head_.figures();
  stats.head_chunks = figures.chunks;
  stats.head_samples = figures.samples;
  stats.head_bytes = head_.memory_bytes();
  stats.head_series = stats.total_series;
  const std::vector<WindowUse> uses = activity_.list();
  if (!uses.empty()) {
    stats.head_min_ns = window_range(uses.front().window).min_ns;
    stats.head_max_ns = window_range(uses.back().window).max_ns;
  }
  const WalStats wal = wal_->stats();
  stats.wal_bytes = wal.bytes;
  stats.wal_segment = wal.segment;
  const auto table = store_->table();
  stats.windows = table->windows.size() - table->first_live;
  return stats;
}

void Engine::register_metrics() {
  const auto add = [this](MetricType type, std::string_view name, std::string_view help,
                          std::function<double()> read) {
    metric_handles_.push_back(metrics().callback(type, name, help, {}, std::move(read)));
  };
  const auto gauge = [&](std::string_view name, std::string_view help, auto read) {
    add(MetricType::Gauge, name, help, [read] { return static_cast<double>(read()); });
  };
  const auto counter = [&](std::string_view name, std::string_view help, auto read) {
    add(MetricType::Counter, name, help, [read] { return static_cast<double>(read()); });
  };
  gauge("prometheus_tsdb_head_series", "Series that the store knows.",
        [this] { return index_.series_count(); });
  gauge("prometheus_tsdb_head_chunks", "Sealed chunks in memory.", [this] { return head_.figures().chunks; });
  gauge("silverback_storage_head_samples", "Samples in memory, not yet in windows on disk.",
        [this] { return head_.figures().samples; });
  gauge("silverback_storage_head_bytes", "Memory of recent samples and series, without labels.",
        [this] { return head_.memory_bytes(); });
  gauge("silverback_storage_index_bytes", "Memory of labels and postings.",
        [this] { return index_.memory().total(); });
  gauge("silverback_storage_windows", "Windows on disk.", [this] {
    const auto table = store_->table();
    return table->windows.size() - table->first_live;
  });
  gauge("prometheus_tsdb_storage_blocks_bytes", "Bytes of windows on disk.",
        [this] { return store_->disk_bytes(); });
  gauge("silverback_storage_cache_bytes", "Memory of cached blocks of windows.",
        [this] { return store_->cache_bytes(); });
  gauge("prometheus_tsdb_wal_segment_current", "Number of the log segment being written.",
        [this] { return wal_->stats().segment; });
  gauge("prometheus_tsdb_wal_storage_size_bytes", "Bytes of the log on disk.",
        [this] { return wal_->stats().bytes; });
  gauge("prometheus_tsdb_clean_start", "1 when the last start found nothing to replay, 0 when it did.",
        [this] { return clean_start_ ? 1 : 0; });
  gauge("prometheus_tsdb_retention_limit_seconds", "Age at which data is dropped, 0 for never.",
        [this] { return std::chrono::duration<double>(options_.retention).count(); });
  counter("prometheus_tsdb_out_of_order_samples_appended_total", "Samples stored that came out of order.",
          [this] { return head_.figures().late; });
  counter("silverback_storage_wal_written_bytes_total", "Bytes written to the log.",
          [this] { return wal_->stats().written_bytes; });
  counter("silverback_storage_wal_writes_total", "Groups of batches written to the log.",
          [this] { return wal_->stats().writes; });
  counter("silverback_storage_wal_syncs_total", "Syncs of the log.", [this] { return wal_->stats().syncs; });
  counter("silverback_storage_wal_sync_failures_total", "Syncs of the log that failed.",
          [this] { return wal_->stats().sync_failures; });
  const auto edge = [this](bool newest) {
    const auto uses = activity_.list();
    if (uses.empty()) return 0.0;
    const TimeRange range = window_range(newest ? uses.back().window : uses.front().window);
    return static_cast<double>(newest ? range.max_ns : range.min_ns) / static_cast<double>(kNsPerSecond);
  };
  gauge("prometheus_tsdb_head_min_time_seconds", "Beginning of the oldest window in memory.",
        [edge] { return edge(false); });
  gauge("prometheus_tsdb_head_max_time_seconds", "End of the newest window in memory.",
        [edge] { return edge(true); });
}

}  // namespace silverback::storage
