#include "storage/chunk_store.h"

#include <rocksdb/convenience.h>
#include <rocksdb/env.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <filesystem>
#include <map>

#include "base/log.h"
#include "storage/store_db.h"
#include "storage/store_keys.h"
#include "storage/window.h"

namespace silverback::storage {
namespace {

namespace fs = std::filesystem;

rocksdb::Options chunk_options(const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_size = 32 << 10;
  table.format_version = 5;
  table.block_cache = cache;
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.filter_policy = nullptr;  // keys that are asked for exist
  rocksdb::Options options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.compression = rocksdb::kZSTD;
  options.compression_opts.level = 1;
  options.bottommost_compression = rocksdb::kZSTD;
  options.bottommost_compression_opts.level = 1;
  options.bottommost_compression_opts.enabled = true;
  options.write_buffer_size = 1 << 20;  // nothing is ever put into it
  options.level_compaction_dynamic_level_bytes = true;
  options.target_file_size_base = 64 << 20;
  // Late generations land above the window's own file; fold them together only when there are many.
  options.level0_file_num_compaction_trigger = 16;
  options.level0_slowdown_writes_trigger = 1'000;
  options.level0_stop_writes_trigger = 2'000;
  return options;
}

rocksdb::ColumnFamilyOptions registry_options(const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_size = 16 << 10;
  table.format_version = 5;
  table.block_cache = cache;
  rocksdb::ColumnFamilyOptions options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.compression = rocksdb::kZSTD;
  options.compression_opts.level = 1;
  options.write_buffer_size = 8 << 20;
  options.max_write_buffer_number = 2;
  options.level_compaction_dynamic_level_bytes = true;
  return options;
}

/// RocksDB's own log is 40 KiB of settings at each start, in files beside the data: take its warnings, no
/// file.
class RocksdbLog final : public rocksdb::Logger {
 public:
  RocksdbLog() : Logger(rocksdb::WARN_LEVEL) {}
  using Logger::Logv;
  void LogHeader(const char* /*format*/, va_list /*arguments*/) override {}
  void Logv(const char* format, va_list arguments) override {
    char text[1024];
    std::vsnprintf(text, sizeof text, format, arguments);
    log(LogLevel::Warn, "RocksDB", {{"says", std::string_view(text)}});
  }
};

rocksdb::DBOptions db_options() {
  rocksdb::DBOptions options;
  options.info_log = std::make_shared<RocksdbLog>();
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  options.max_open_files = -1;
  options.max_background_jobs = 2;
  options.max_total_wal_size = 16 << 20;
  options.info_log_level = rocksdb::WARN_LEVEL;
  options.skip_stats_update_on_db_open = true;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.max_manifest_file_size = 4 << 20;
  options.avoid_flush_during_shutdown = true;
  options.allow_fallocate = false;  // a small store should be small on disk
  return options;
}

}  // namespace

Status from_rocksdb(const rocksdb::Status& status, std::string_view doing) {
  if (status.ok()) return {};
  const bool damaged = status.IsCorruption() || status.IsNotFound();
  return Status(damaged ? Code::DataLoss : Code::Unavailable, std::string(doing) + ": " + status.ToString());
}

std::pair<std::size_t, std::size_t> WindowTable::overlapping(TimeRange range) const {
  // min_ns ascends with the window, max_ns need not: a sparse series' chunk may reach far. So the first is
  // found by a walk, which stops early in the common case because windows are few.
  const auto live = windows.begin() + static_cast<std::ptrdiff_t>(first_live);
  const auto end =
      std::upper_bound(live, windows.end(), range.max_ns,
                       [](std::int64_t time, const WindowInfo& info) { return time < info.min_ns; });
  const auto begin =
      std::find_if(live, end, [&](const WindowInfo& info) { return info.max_ns >= range.min_ns; });
  return {static_cast<std::size_t>(begin - windows.begin()), static_cast<std::size_t>(end - windows.begin())};
}

ChunkStore::Db::~Db() {
  if (db == nullptr) return;
  if (chunks != nullptr) db->DestroyColumnFamilyHandle(chunks);
  if (registry != nullptr) db->DestroyColumnFamilyHandle(registry);
  db->Close().PermitUncheckedError();
}

ChunkStore::ChunkStore(std::unique_ptr<Db> db, std::size_t pages_bytes)
    : db_(std::move(db)),
      registry_(std::make_unique<Registry>(db_->db.get(), db_->registry)),
      pages_(pages_bytes) {}

ChunkStore::~ChunkStore() = default;

Result<std::unique_ptr<ChunkStore>> ChunkStore::open(const StoreOptions& options) {
  auto db = std::make_unique<Db>();
  db->path = options.path;
  db->cache = rocksdb::NewLRUCache(options.block_cache_bytes / 2);
  db->chunk_options = chunk_options(db->cache);

  // What a killed flush left behind was never part of the store.
  std::error_code failed;
  const fs::path incoming = fs::path(options.path) / "incoming";
  fs::remove_all(incoming, failed);
  fs::create_directories(incoming, failed);
  if (failed) return Status(Code::Unavailable, incoming.string() + ": " + failed.message());

  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  families.emplace_back(rocksdb::kDefaultColumnFamilyName, rocksdb::ColumnFamilyOptions());
  families.emplace_back("chunks", rocksdb::ColumnFamilyOptions(db->chunk_options));
  families.emplace_back("registry", registry_options(db->cache));
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* opened = nullptr;
  const auto status = rocksdb::DB::Open(db_options(), options.path, families, &handles, &opened);
  if (!status.ok()) return from_rocksdb(status, "opening " + options.path);
  db->db.reset(opened);
  opened->DestroyColumnFamilyHandle(handles[0]);
  db->chunks = handles[1];
  db->registry = handles[2];

  std::unique_ptr<ChunkStore> store(new ChunkStore(std::move(db), options.block_cache_bytes / 2));
  if (const Status bad = store->load_table(); !bad.ok()) return bad.in(options.path);
  return store;
}

Status ChunkStore::load_table() {
  // Each window's keys end with its marks, if it has any: walk from the last window to the first.
  rocksdb::ReadOptions read;
  read.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> it(db_->db->NewIterator(read, db_->chunks));
  std::map<std::int32_t, WindowInfo> windows;
  auto table = std::make_shared<WindowTable>();
  for (it->SeekToLast(); it->Valid();) {
    StoreKey key;
    if (!StoreKey::decode({it->key().data(), it->key().size()}, key)) {
      return Status(Code::DataLoss,
                    "the chunk store has a key of " + std::to_string(it->key().size()) + " bytes");
    }
    if (key.kind != RecordKind::Mark) {
      it->SeekForPrev(StoreKey{key.window, static_cast<RecordKind>(0), 0, 0}.encode());
      continue;
    }
    const auto record = MarkRecord::decode({it->value().data(), it->value().size()});
    if (!record) return record.status();
    table->marks.push_back(record->mark);
    next_generation_ = std::max(next_generation_, key.generation + 1);
    for (const WindowInfo& info : record->windows) {
      auto [at, fresh] = windows.try_emplace(info.window, info);
      WindowInfo& sum = at->second;
      sum.generations.push_back(key.generation);
      if (fresh) continue;
      sum.min_ns = std::min(sum.min_ns, info.min_ns);
      sum.max_ns = std::max(sum.max_ns, info.max_ns);
      sum.samples += info.samples;
      sum.series = std::max(sum.series, info.series);
    }
    it->Prev();
  }
  if (!it->status().ok()) return from_rocksdb(it->status(), "reading the windows");
  for (auto& [window, info] : windows) {
    std::sort(info.generations.begin(), info.generations.end());
    table->windows.push_back(std::move(info));
  }
  const MutexLock lock(mutex_);
  table_ = std::move(table);
  return {};
}

std::shared_ptr<const WindowTable> ChunkStore::table() const {
  const MutexLock lock(mutex_);
  return table_;
}

Result<std::size_t> ChunkStore::drop_before(std::int64_t time_ns) {
  const auto old = table();
  std::size_t end = old->first_live;
  while (end < old->windows.size() && old->windows[end].max_ns < time_ns) ++end;
  if (end == old->first_live) return std::size_t{0};
  auto next = std::make_shared<WindowTable>(*old);
  ++next->version;
  const std::size_t dropped = end - old->first_live;
  next->first_live = end;
  {
    const MutexLock lock(mutex_);
    table_ = std::move(next);
  }
  // Files that lie wholly before the end go at once; one that reaches beyond goes with its last window.
  const std::string begin_key =
      StoreKey{old->windows.front().window, static_cast<RecordKind>(0), 0, 0}.encode();
  const std::string end_key =
      StoreKey{old->windows[end - 1].window, static_cast<RecordKind>(0xff), 0, 0}.encode();
  const rocksdb::Slice from(begin_key);
  const rocksdb::Slice to(end_key);
  const auto status =
      rocksdb::DeleteFilesInRange(db_->db.get(), db_->chunks, &from, &to, /*include_end=*/false);
  if (!status.ok()) return from_rocksdb(status, "dropping old windows");
  return dropped;
}

Status ChunkStore::live_series(const WindowInfo& window,
                               std::vector<std::pair<std::uint32_t, std::uint32_t>>& runs) const {
  for (const std::uint32_t generation : window.generations) {
    rocksdb::PinnableSlice value;
    const auto status =
        db_->db->Get(rocksdb::ReadOptions(), db_->chunks,
                     StoreKey{window.window, RecordKind::Live, 0, generation}.encode(), &value);
    if (status.IsNotFound()) continue;
    if (!status.ok()) return from_rocksdb(status, "reading live series");
    if (const Status bad = decode_runs({value.data(), value.size()}, runs); !bad.ok()) return bad;
  }
  return {};
}

void ChunkStore::resume() {
  const auto status = db_->db->Resume();
  if (!status.ok()) log(LogLevel::Warn, "the chunk store cannot go on yet", {{"error", status.ToString()}});
}

std::uint64_t ChunkStore::disk_bytes() const {
  std::uint64_t bytes = 0;
  db_->db->GetIntProperty(db_->chunks, rocksdb::DB::Properties::kTotalSstFilesSize, &bytes);
  return bytes;
}

std::uint64_t ChunkStore::cache_bytes() const { return db_->cache->GetUsage() + pages_.bytes(); }

}  // namespace silverback::storage
