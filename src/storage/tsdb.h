// Tsdb: the store. The one header of this room that others include.
//
// Samples go to a write-ahead log and to the head (memory, sharded); closed windows of data time are
// packed into RocksDB files; queries merge both. The design is in docs/storage.md, the bytes on disk in
// docs/format/.
//
//   auto tsdb = Tsdb::open({.path = "data"}, clock);
//   if (!tsdb) return tsdb.status();            // says what is wrong and what to do
//   (*tsdb)->append(kDefaultTenant, batch, resolver);
//
// Invariants
//   (1) What append() has counted as stored is found by every query that begins afterwards, and after
//       kill -9; after a power cut too with WalSync::Always.
//   (2) A sample keeps its time and its value bit for bit, whatever they are.
//   (3) No sample, however old or far in the future, changes how another is treated.
//
// Threads: all methods any thread. The destructor waits for background work, writes a checkpoint so that
// the next open() is quick, and must not run beside other calls.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "model/admin.h"
#include "model/appender.h"
#include "model/querier.h"
#include "storage/wal_sync.h"

namespace silverback::storage {

struct TsdbOptions {
  std::string path;  // a directory; made when it is not there

  WalSync wal_sync = WalSync::Interval;
  std::chrono::milliseconds wal_sync_interval{1'000};
  std::uint64_t wal_segment_bytes = 64ull << 20;
  bool salvage_wal = false;  // start although the log is damaged before its end; what is behind is dropped

  std::chrono::nanoseconds grace = std::chrono::minutes(10);  // a window closes so long after its end
  std::chrono::nanoseconds quiet = std::chrono::seconds(30);  // backfilled windows are written after so long
  std::chrono::nanoseconds retention{0};                      // older data goes; 0 keeps everything
  std::chrono::nanoseconds checkpoint_interval = std::chrono::minutes(10);
  std::uint64_t checkpoint_wal_bytes = 256ull << 20;  // or after so much log

  std::uint64_t head_memory_bytes = 2ull << 30;  // above: windows are written early; at twice this: 429
  std::uint64_t max_series = 0;                  // 0 is no limit
  std::uint64_t max_metadata = 100'000;          // metric names with type and help
  std::uint64_t block_cache_bytes = 128ull << 20;

  std::uint32_t shards = 16;         // a power of two
  std::uint32_t replay_threads = 0;  // that apply the log at start; 1: the one that reads it; 0: by the cores
  bool background = true;  // false: nothing happens unless maintain() or flush() is called, for tests
};

class Engine;

class Tsdb final : public Appender,
                   public Queryable,
                   public ProgressStore,
                   public MetadataStore,
                   public Catalog,
                   public StorageAdmin {
 public:
  /// Opens or makes the store and recovers what the log holds; returns when it can serve.
  ///
  /// @param clock  outlives the store
  /// @returns Unavailable when another process holds the directory or the disk fails; InvalidArgument when
  ///          an option is wrong or the files are of a newer version; DataLoss when the log is damaged before
  ///          its end (start with salvage_wal to go on without the damaged part)
  static Result<std::unique_ptr<Tsdb>> open(TsdbOptions options, const Clock& clock);
  ~Tsdb() override;

  Result<AppendOutcome> append_with(Tenant tenant, const Batch& batch, SeriesResolver& resolver,
                                    const AppendExtras& extras) override;
  std::vector<Progress> progress(std::string_view prefix) const override;
  std::unique_ptr<Querier> querier(Tenant tenant, TimeRange range) override;

  Status put(Tenant tenant, std::vector<Metadata> entries) override;
  std::vector<Metadata> get(Tenant tenant, std::string_view metric, std::size_t limit) const override;

  bool has_database(Tenant tenant, std::string_view name) const override;
  Status create_database(Tenant tenant, std::string_view name) override;
  std::vector<std::string> databases(Tenant tenant) const override;
  std::optional<ValueType> field_type(Tenant tenant, std::string_view database, std::string_view measurement,
                                      std::string_view field) const override;

  /// Everything in memory to windows on disk, the log emptied; appends go on meanwhile.
  Status flush() override;
  StorageStats stats(std::size_t top) const override;
  /// Unavailable while the log cannot be written (disk full, I/O error), with the reason.
  Status ready() const override;

  /// One round of background work by the clock: closed windows to disk, checkpoint, retention. The
  /// background thread calls it every second.
  Status maintain();
  /// Head to a checkpoint file, older log removed.
  Status checkpoint();

 private:
  explicit Tsdb(std::unique_ptr<Engine> engine);
  std::unique_ptr<Engine> engine_;
};

}  // namespace silverback::storage
