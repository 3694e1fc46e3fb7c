// StateDb: StateStore on a small RocksDB of its own, `<storage path>/state`, with its log synced at each
// batch.
//
// Beside the chunks and not among them: those are written without a log, as whole files; this one is
// written often and little. The directory belongs to whoever holds the store's lock.
//
// Threads: any.
#pragma once

#include <memory>
#include <string>

#include "model/state_store.h"

namespace rocksdb {
class DB;
}

namespace silverback::storage {

class StateDb final : public StateStore {
 public:
  /// Opens or makes it. @returns DataLoss when its files are damaged, Unavailable when the disk fails
  static Result<std::unique_ptr<StateDb>> open(const std::string& path);
  ~StateDb() override;

  Status apply(const StateBatch& batch) override;
  Status scan(std::string_view prefix,
              const std::function<bool(std::string_view key, std::string_view value)>& each) const override;
  Status scan_from(
      std::string_view prefix, std::string_view from,
      const std::function<bool(std::string_view key, std::string_view value)>& each) const override;

 private:
  explicit StateDb(std::unique_ptr<rocksdb::DB> db);
  std::unique_ptr<rocksdb::DB> db_;
};

}  // namespace silverback::storage
