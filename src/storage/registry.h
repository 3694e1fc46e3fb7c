// Registry: series, symbols, the catalogue and metadata in RocksDB's column family `registry`.
//
// save() writes what is new since the last save, so the log need not keep its NewSeries records beyond
// that. load() fills empty structures at start: rows are copied into the index as they stand, postings
// are built while reading. Rows are described in docs/format/registry.md.
//
// Threads: one caller at a time; the index and the catalogue may be in use.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "model/appender.h"
#include "storage/catalog.h"
#include "storage/label_index.h"

namespace rocksdb {
class ColumnFamilyHandle;
class DB;
}  // namespace rocksdb

namespace silverback::storage {

class Registry {
 public:
  /// Borrows both; the engine opened them and closes them after this.
  Registry(rocksdb::DB* db, rocksdb::ColumnFamilyHandle* family) : db_(db), family_(family) {}

  struct Loaded {
    std::uint64_t series = 0;
    std::uint64_t symbols = 0;
    std::uint64_t fields = 0;
    std::vector<std::pair<Tenant, Metadata>> metadata;
  };
  /// Into an empty index and an empty catalogue.
  /// @returns DataLoss naming the row, InvalidArgument for a format newer than this program
  Result<Loaded> load(LabelIndex& index, FieldCatalog& catalog);

  /// What is new since load() or the last save(); returns when it is on the disk. A failed save() is
  /// repeated by the next one.
  Status save(LabelIndex& index, const FieldCatalog& catalog);
  /// Writes over what is there under the same metric.
  Status save_metadata(Tenant tenant, std::span<const Metadata> entries);
  Status remove_metadata(Tenant tenant, std::span<const std::string> metrics);
  /// After LabelIndex::remove(): the rows of these series go too.
  Status remove_series(std::span<const SeriesRef> refs);

 private:
  class Loader;  // registry_load.cpp
  class Writer;
  static Status drop_from_group(Writer& writer, std::string_view key, std::string_view value,
                                std::span<const std::uint32_t> gone);

  rocksdb::DB* const db_;
  rocksdb::ColumnFamilyHandle* const family_;
  std::uint32_t saved_symbols_ = 0;  // how many of each are stored
  std::uint32_t saved_shapes_ = 0;
  std::uint64_t saved_catalog_ = 0;  // FieldCatalog's number of what comes next
};

}  // namespace silverback::storage
