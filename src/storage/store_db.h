// The RocksDB side of ChunkStore, for its own .cpp files alone.
#pragma once

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/options.h>

#include <memory>
#include <string>

#include "base/status.h"
#include "storage/chunk_store.h"

namespace silverback::storage {

struct ChunkStore::Db {
  std::string path;
  std::shared_ptr<rocksdb::Cache> cache;
  rocksdb::Options chunk_options;
  std::unique_ptr<rocksdb::DB> db;
  rocksdb::ColumnFamilyHandle* chunks = nullptr;
  rocksdb::ColumnFamilyHandle* registry = nullptr;
  std::uint64_t next_file = 1;

  ~Db();
};

/// RocksDB's failure in our words: what is damaged is DataLoss, the rest may pass.
Status from_rocksdb(const rocksdb::Status& status, std::string_view doing);

/// The value of a Mark record.
struct MarkRecord {
  FlushMark mark;
  std::vector<WindowInfo> windows;  // generations: the one that was written

  std::string encode() const;
  static Result<MarkRecord> decode(std::string_view bytes);
};

/// The value of a Live record: ascending runs.
std::string encode_runs(const std::vector<std::pair<std::uint32_t, std::uint32_t>>& runs);
Status decode_runs(std::string_view bytes, std::vector<std::pair<std::uint32_t, std::uint32_t>>& runs);

}  // namespace silverback::storage
