// Engine: the parts of the store and what ties them together; the inside of Tsdb.
//
//   append     engine_append.cpp   batch -> log -> head
//   flush      engine_flush.cpp    head -> windows on disk, checkpoints, retention
//   recover    engine_recover.cpp  disk -> head, at start
//   read       tsdb_querier.cpp    head and windows -> columns
//
// Lock order: maintenance_mutex_, gate_, create_mutex_, then a shard's mutex; LabelIndex, FieldCatalog, Wal
// and ChunkStore lock for themselves and call nobody.
//
// Threads: as Tsdb.
#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "storage/catalog.h"
#include "storage/chunk_store.h"
#include "storage/commit_gate.h"
#include "storage/file_io.h"
#include "storage/head.h"
#include "storage/label_index.h"
#include "storage/metadata_table.h"
#include "storage/progress_table.h"
#include "storage/tsdb.h"
#include "storage/wal.h"
#include "storage/wal_record.h"
#include "storage/window_activity.h"

namespace silverback::storage {

class Engine {
 public:
  static Result<std::unique_ptr<Engine>> open(TsdbOptions options, const Clock& clock);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  Result<AppendOutcome> append(Tenant tenant, const Batch& batch, SeriesResolver& resolver,
                               const AppendExtras& extras);
  Status put_metadata(Tenant tenant, std::vector<Metadata> entries);
  Status create_database(Tenant tenant, std::string_view name);

  Status flush() EXCLUDES(maintenance_mutex_);
  Status maintain() EXCLUDES(maintenance_mutex_);
  Status checkpoint() EXCLUDES(maintenance_mutex_);

  StorageStats stats(std::size_t top) const;
  Status ready() const EXCLUDES(trouble_mutex_);

  // For the querier.
  const LabelIndex& index() const { return index_; }
  const FieldCatalog& catalog() const { return catalog_; }
  const MetadataTable& metadata() const { return metadata_; }
  const ProgressTable& progress() const { return progress_; }
  const ChunkStore& store() const { return *store_; }
  Head& head() { return head_; }

 private:
  Engine(TsdbOptions options, const Clock& clock, DirectoryLock lock);

  // engine_append.cpp
  struct Unknown;
  Status resolve_unknown(std::uint64_t mix, Tenant tenant, const Batch& batch, SeriesResolver& resolver,
                         std::vector<SeriesRef>& refs, AppendOutcome& outcome) EXCLUDES(create_mutex_);
  Status create_slice(std::uint64_t mix, Tenant tenant, const Batch& batch, std::span<Unknown> slice,
                      std::vector<SeriesRef>& refs, AppendOutcome& outcome) EXCLUDES(create_mutex_);
  Status log_series(Tenant tenant, std::span<Unknown> slice) REQUIRES(create_mutex_);
  Status memory_limit() const;

  // engine_flush.cpp
  Status flush_windows(std::int32_t first, std::int32_t last) REQUIRES(maintenance_mutex_);
  Status flush_due() REQUIRES(maintenance_mutex_);
  Status flush_uses(std::span<const WindowUse> due) REQUIRES(maintenance_mutex_);
  Status save_registry() REQUIRES(maintenance_mutex_);
  Status write_checkpoint_now(bool keep_previous) REQUIRES(maintenance_mutex_);
  Status drop_expired() REQUIRES(maintenance_mutex_);
  void run_background(const std::stop_token& stop);

  // engine_recover.cpp
  Status recover();
  Status check_format();
  Status load_registry();
  Status load_checkpoints(WalPosition& from);
  Status replay(WalPosition from);
  Status replay_record(WalPosition position, RecordType type, std::string_view payload);
  Status replay_samples(WalPosition position, std::string_view payload);
  Status replay_samples_of_sources(WalPosition position, std::string_view payload);
  Status replay_series(std::string_view payload);
  WalPosition flushed_at(std::int32_t window);

  void note_trouble(const Status& status) EXCLUDES(trouble_mutex_);
  void register_metrics();

  std::filesystem::path wal_dir() const { return std::filesystem::path(options_.path) / "wal"; }
  std::filesystem::path checkpoint_dir() const { return std::filesystem::path(options_.path) / "checkpoint"; }

  // Fixed after construction, or after open().
  const TsdbOptions options_;
  const Clock& clock_;
  DirectoryLock lock_;
  std::unique_ptr<ChunkStore> store_;
  std::unique_ptr<Wal> wal_;

  // Each synchronises itself.
  LabelIndex index_;
  FieldCatalog catalog_;
  MetadataTable metadata_;
  ProgressTable progress_;
  Head head_;
  WindowActivity activity_;
  CommitGate gate_;

  // Held while series are made: a series stands in the log, written, before anybody else can use it.
  Mutex create_mutex_;
  std::unordered_set<std::uint32_t> unlogged_ GUARDED_BY(create_mutex_);  // made, but the log refused them

  // One flush or checkpoint at a time.
  Mutex maintenance_mutex_;
  std::uint64_t next_checkpoint_ GUARDED_BY(maintenance_mutex_) = 1;
  std::uint64_t previous_checkpoint_segment_ GUARDED_BY(maintenance_mutex_) = 0;  // its log is still there
  std::int64_t last_checkpoint_ns_ GUARDED_BY(maintenance_mutex_) = 0;
  std::uint64_t last_checkpoint_written_ GUARDED_BY(maintenance_mutex_) = 0;  // log bytes then
  std::int64_t last_complaint_ns_ GUARDED_BY(maintenance_mutex_) = 0;
  std::int64_t last_tight_flush_ns_ GUARDED_BY(maintenance_mutex_) = 0;
  bool background_failed_ GUARDED_BY(maintenance_mutex_) = false;

  mutable Mutex trouble_mutex_;
  Status trouble_ GUARDED_BY(trouble_mutex_);  // why the log cannot be written, when it cannot
  std::atomic<bool> troubled_{false};          // so that a good append takes no lock; guards nothing

  std::atomic<std::uint64_t> memory_bytes_{0};  // as of the last look; orders nothing

  // Of recovery alone.
  struct Replay;
  std::unique_ptr<Replay> replay_;
  bool clean_start_ = false;

  struct Figures;
  std::unique_ptr<Figures> figures_;
  std::vector<Metrics::Handle> metric_handles_;

  Mutex background_mutex_;
  Condition background_wake_;
  std::jthread background_;  // last member: joined before the rest goes away
};

}  // namespace silverback::storage
