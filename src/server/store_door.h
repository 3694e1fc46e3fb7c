// StoreDoor: the store as the other rooms see it, also while there is none yet.
//
// The listener opens before the store has replayed its log, so that /-/ready can say how far it is. Until
// open() the door answers Unavailable to everything, and again after close().
//
// Threads: the contracts' methods any; open() and close() the server's. Who entered before close() may still
// be inside when it returns: the listener is stopped first, so nobody is.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/admin.h"
#include "model/appender.h"
#include "model/querier.h"

namespace silverback::storage {
class Tsdb;
}

namespace silverback::server {

class StoreDoor final : public Appender,
                        public Queryable,
                        public ProgressStore,
                        public MetadataStore,
                        public Catalog,
                        public StorageAdmin {
 public:
  /// @param store  stays until close()
  void open(storage::Tsdb& store) { store_.store(&store, std::memory_order_release); }
  void close() { store_.store(nullptr, std::memory_order_release); }
  bool is_open() const { return inside() != nullptr; }

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

  Status flush() override;
  StorageStats stats(std::size_t top) const override;
  /// OK while the store is open, also when its disk is full: queries go on, and a write says what is wrong.
  Status ready() const override;
  /// OK, or why writes are refused at the moment.
  Status writable() const;

 private:
  storage::Tsdb* inside() const { return store_.load(std::memory_order_acquire); }

  std::atomic<storage::Tsdb*> store_{
      nullptr};  // release at open(): who sees the pointer sees the whole store
};

}  // namespace silverback::server
