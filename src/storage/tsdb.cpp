#include "storage/tsdb.h"

#include "storage/engine.h"
#include "storage/tsdb_querier.h"

namespace silverback::storage {

Tsdb::Tsdb(std::unique_ptr<Engine> engine) : engine_(std::move(engine)) {}
Tsdb::~Tsdb() = default;

Result<std::unique_ptr<Tsdb>> Tsdb::open(TsdbOptions options, const Clock& clock) {
  auto engine = Engine::open(std::move(options), clock);
  if (!engine) return engine.status();
  return std::unique_ptr<Tsdb>(new Tsdb(std::move(*engine)));
}

Result<AppendOutcome> Tsdb::append_with(Tenant tenant, const Batch& batch, SeriesResolver& resolver,
                                        const AppendExtras& extras) {
  return engine_->append(tenant, batch, resolver, extras);
}

std::vector<Progress> Tsdb::progress(std::string_view prefix) const {
  return engine_->progress().durable(prefix);
}

std::unique_ptr<Querier> Tsdb::querier(Tenant tenant, TimeRange range) {
  return std::make_unique<TsdbQuerier>(*engine_, tenant, range);
}

Status Tsdb::put(Tenant tenant, std::vector<Metadata> entries) {
  return engine_->put_metadata(tenant, std::move(entries));
}
std::vector<Metadata> Tsdb::get(Tenant tenant, std::string_view metric, std::size_t limit) const {
  return engine_->metadata().get(tenant, metric, limit);
}

bool Tsdb::has_database(Tenant tenant, std::string_view name) const {
  return engine_->catalog().has_database(tenant, name);
}
Status Tsdb::create_database(Tenant tenant, std::string_view name) {
  return engine_->create_database(tenant, name);
}
std::vector<std::string> Tsdb::databases(Tenant tenant) const { return engine_->catalog().databases(tenant); }
std::optional<ValueType> Tsdb::field_type(Tenant tenant, std::string_view database,
                                          std::string_view measurement, std::string_view field) const {
  return engine_->catalog().field_type(tenant, database, measurement, field);
}

Status Tsdb::flush() { return engine_->flush(); }
StorageStats Tsdb::stats(std::size_t top) const { return engine_->stats(top); }
Status Tsdb::ready() const { return engine_->ready(); }
Status Tsdb::maintain() { return engine_->maintain(); }
Status Tsdb::checkpoint() { return engine_->checkpoint(); }

}  // namespace silverback::storage
