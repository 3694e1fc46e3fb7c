// ChunkStore: windows of chunks on disk, in RocksDB's column family `chunks`; it also opens the family of the
// Registry. Keys and records are described in docs/format/store.md.
//
// A flush writes one sorted file and ingests it: no memtable, no RocksDB log, one write of each byte. Flushes
// are numbered, and the number is the generation of all that a flush writes; where generations hold the same
// time, the higher one wins. A chunk is filed under the window of its first sample and may reach beyond
// (sparse series): WindowInfo::max_ns says how far.
//
// Threads: any; one StoreFile at a time. Errors: Unavailable for I/O, DataLoss for damaged bytes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "model/sample.h"
#include "model/time_range.h"
#include "storage/decoded_times.h"
#include "storage/record_page.h"
#include "storage/registry.h"
#include "storage/wal.h"

namespace silverback::storage {

/// What is persisted under one window. All generations together.
struct WindowInfo {
  std::int32_t window = 0;
  std::vector<std::uint32_t> generations;  // ascending
  std::int64_t min_ns = 0;                 // of the samples filed here, or a little earlier
  std::int64_t max_ns = 0;                 // or a little later
  std::uint64_t samples = 0;
  std::uint32_t series = 0;  // of the largest generation
};

/// The samples of windows first..last that were in the log before `before` are in the store.
struct FlushMark {
  std::int32_t first = 0;
  std::int32_t last = 0;
  WalPosition before;
};

/// An immutable picture of what there is.
struct WindowTable {
  std::uint64_t version = 0;        // grows with every change
  std::vector<WindowInfo> windows;  // ascending
  std::size_t first_live = 0;       // windows before it are expired; their generations still count
  std::vector<FlushMark> marks;
  /// Indices into `windows` of those that may hold samples of the range: [first, last).
  std::pair<std::size_t, std::size_t> overlapping(TimeRange range) const;
};

struct StoreOptions {
  std::string path;
  std::uint64_t block_cache_bytes = 128ull << 20;  // half for RocksDB's blocks, half for pages of records
};

class ChunkStore;

/// One flush on its way to disk. Windows ascend; within one, series ascend.
class StoreFile {
 public:
  ~StoreFile();  // an unfinished one is deleted

  void begin_window(std::int32_t window);
  Status add_values(SeriesRef ref, std::string_view chunk, std::int64_t first_ns, std::int64_t last_ns,
                    std::uint32_t samples);
  /// The number of the times block with these bytes, for times_ref. Numbers begin with 1 in each window.
  std::uint64_t add_times(std::string bytes);
  Status end_window();
  std::uint64_t bytes() const;

 private:
  friend class ChunkStore;
  struct State;
  explicit StoreFile(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

class ChunkStore {
 public:
  static Result<std::unique_ptr<ChunkStore>> open(const StoreOptions& options);
  ~ChunkStore();

  Registry& registry() { return *registry_; }
  std::shared_ptr<const WindowTable> table() const EXCLUDES(mutex_);

  Result<std::unique_ptr<StoreFile>> begin_file();
  /// The file becomes part of the store, with its mark, at once and durably; or nothing of it.
  Status ingest(std::unique_ptr<StoreFile> file, const FlushMark& mark) EXCLUDES(mutex_);

  /// Forgets windows whose samples all lie before the time, and frees their files.
  /// @returns how many windows
  Result<std::size_t> drop_before(std::int64_t time_ns) EXCLUDES(mutex_);

  /// In windows that have a live-series record: ascending refs with samples there, as (first, count) runs.
  Status live_series(const WindowInfo& window,
                     std::vector<std::pair<std::uint32_t, std::uint32_t>>& runs) const;

  /// After a failed write RocksDB refuses all others until it is told to try again.
  void resume();

  /// Times blocks that queries have decoded lately.
  DecodedTimesCache& decoded_times() const { return decoded_times_; }

  std::uint64_t disk_bytes() const;
  std::uint64_t cache_bytes() const;

 private:
  friend class StoreReader;
  struct Db;
  ChunkStore(std::unique_ptr<Db> db, std::size_t pages_bytes);
  Status load_table() EXCLUDES(mutex_);

  std::unique_ptr<Db> db_;
  std::unique_ptr<Registry> registry_;
  std::uint32_t next_generation_ = 1;  // of the one flush at a time
  // These synchronise themselves.
  mutable DecodedTimesCache decoded_times_{std::size_t{2} << 20};  // 16 MiB
  mutable RecordPages pages_;

  mutable Mutex mutex_;
  std::shared_ptr<const WindowTable> table_ GUARDED_BY(mutex_);
};

/// A Values record as found; the bytes are good until the visitor returns.
struct StoredChunk {
  std::size_t series = 0;  // index into the refs asked for
  std::int32_t window = 0;
  std::uint32_t generation = 0;
  std::string_view bytes;
};

/// Reads for one query. Threads: belongs to one.
class StoreReader {
 public:
  using Visit = std::function<Status(const StoredChunk&)>;

  explicit StoreReader(const ChunkStore& store);
  ~StoreReader();

  /// Every record of `refs` (ascending) in table.windows[first..last), those of one series and window in
  /// order of generation. From pages where many refs of a page are wanted or it is asked for again, else
  /// looked up one by one.
  Status read(const WindowTable& table, std::size_t first, std::size_t last, std::span<const SeriesRef> refs,
              const Visit& visit);
  /// The bytes of a times block; good until the next call.
  Result<std::string_view> times(std::int32_t window, std::uint32_t generation, std::uint64_t number);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace silverback::storage
