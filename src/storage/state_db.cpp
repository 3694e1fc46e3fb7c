#include "storage/state_db.h"

#include <rocksdb/db.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <utility>

#include "storage/store_db.h"

namespace silverback::storage {
namespace {

rocksdb::Options options() {
  rocksdb::BlockBasedTableOptions table;
  table.format_version = 5;
  table.no_block_cache = true;  // read at a start, hardly afterwards
  rocksdb::Options options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.create_if_missing = true;
  options.compression = rocksdb::kZSTD;
  options.write_buffer_size = 4 << 20;
  options.max_write_buffer_number = 2;
  options.max_total_wal_size = 16 << 20;
  options.keep_log_file_num = 1;
  options.info_log_level = rocksdb::WARN_LEVEL;
  options.max_open_files = 32;
  // A batch that was answered is whole; one that a kill cut off at the end of the log never was.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  return options;
}

std::string_view view(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

}  // namespace

StateDb::StateDb(std::unique_ptr<rocksdb::DB> db) : db_(std::move(db)) {}
StateDb::~StateDb() = default;

Result<std::unique_ptr<StateDb>> StateDb::open(const std::string& path) {
  rocksdb::DB* opened = nullptr;
  if (const rocksdb::Status status = rocksdb::DB::Open(options(), path, &opened); !status.ok()) {
    return from_rocksdb(status, "opening " + path);
  }
  return std::unique_ptr<StateDb>(new StateDb(std::unique_ptr<rocksdb::DB>(opened)));
}

Status StateDb::apply(const StateBatch& batch) {
  rocksdb::WriteBatch write;
  for (const auto& [key, value] : batch.changes()) {
    if (value) {
      write.Put(key, *value);
    } else {
      write.Delete(key);
    }
  }
  rocksdb::WriteOptions synced;
  synced.sync = true;
  if (const rocksdb::Status status = db_->Write(synced, &write); !status.ok()) {
    return from_rocksdb(status, "writing states");
  }
  return {};
}

Status StateDb::scan(std::string_view prefix,
                     const std::function<bool(std::string_view key, std::string_view value)>& each) const {
  return scan_from(prefix, prefix, each);
}

Status StateDb::scan_from(
    std::string_view prefix, std::string_view from,
    const std::function<bool(std::string_view key, std::string_view value)>& each) const {
  const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(rocksdb::ReadOptions()));
  const std::string_view first = std::max(prefix, from);
  for (it->Seek({first.data(), first.size()}); it->Valid(); it->Next()) {
    if (!view(it->key()).starts_with(prefix) || !each(view(it->key()), view(it->value()))) break;
  }
  if (!it->status().ok()) return from_rocksdb(it->status(), "reading states");
  return {};
}

}  // namespace silverback::storage
