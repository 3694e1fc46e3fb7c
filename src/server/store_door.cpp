#include "server/store_door.h"

#include "storage/tsdb.h"

namespace silverback::server {
namespace {

Status not_open() {
  return {Code::Unavailable, "the store is not open: starting up or stopping, try again later"};
}

/// What a query meets while there is no store.
class ClosedQuerier final : public Querier {
 public:
  Result<std::unique_ptr<SeriesCursor>> select(std::span<const Matcher>, const Select&) override {
    return not_open();
  }
  Result<LabelAnswer> label_names(const LabelQuery&) override { return not_open(); }
  Result<LabelAnswer> label_values(std::string_view, const LabelQuery&) override { return not_open(); }
  Result<std::vector<Labels>> series(const LabelQuery&, bool&) override { return not_open(); }
};

}  // namespace

Result<AppendOutcome> StoreDoor::append_with(Tenant tenant, const Batch& batch, SeriesResolver& resolver,
                                             const AppendExtras& extras) {
  storage::Tsdb* const store = inside();
  if (store == nullptr) return not_open();
  return store->append_with(tenant, batch, resolver, extras);
}

std::vector<Progress> StoreDoor::progress(std::string_view prefix) const {
  const storage::Tsdb* const store = inside();
  return store == nullptr ? std::vector<Progress>() : store->progress(prefix);
}

std::unique_ptr<Querier> StoreDoor::querier(Tenant tenant, TimeRange range) {
  storage::Tsdb* const store = inside();
  if (store == nullptr) return std::make_unique<ClosedQuerier>();
  return store->querier(tenant, range);
}

Status StoreDoor::put(Tenant tenant, std::vector<Metadata> entries) {
  storage::Tsdb* const store = inside();
  return store == nullptr ? not_open() : store->put(tenant, std::move(entries));
}

std::vector<Metadata> StoreDoor::get(Tenant tenant, std::string_view metric, std::size_t limit) const {
  const storage::Tsdb* const store = inside();
  return store == nullptr ? std::vector<Metadata>{} : store->get(tenant, metric, limit);
}

bool StoreDoor::has_database(Tenant tenant, std::string_view name) const {
  const storage::Tsdb* const store = inside();
  return store != nullptr && store->has_database(tenant, name);
}

Status StoreDoor::create_database(Tenant tenant, std::string_view name) {
  storage::Tsdb* const store = inside();
  return store == nullptr ? not_open() : store->create_database(tenant, name);
}

std::vector<std::string> StoreDoor::databases(Tenant tenant) const {
  const storage::Tsdb* const store = inside();
  return store == nullptr ? std::vector<std::string>{} : store->databases(tenant);
}

std::optional<ValueType> StoreDoor::field_type(Tenant tenant, std::string_view database,
                                               std::string_view measurement, std::string_view field) const {
  const Catalog* const store = inside();
  return store == nullptr ? std::nullopt : store->field_type(tenant, database, measurement, field);
}

Status StoreDoor::flush() {
  storage::Tsdb* const store = inside();
  return store == nullptr ? not_open() : store->flush();
}

StorageStats StoreDoor::stats(std::size_t top) const {
  const storage::Tsdb* const store = inside();
  return store == nullptr ? StorageStats{} : store->stats(top);
}

Status StoreDoor::ready() const { return is_open() ? Status() : not_open(); }

Status StoreDoor::writable() const {
  const storage::Tsdb* const store = inside();
  return store == nullptr ? not_open() : store->ready();
}

}  // namespace silverback::server
