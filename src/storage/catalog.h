// FieldCatalog: the databases, measurements and field types that line protocol has made known.
//
// Field types are InfluxDB's: the first write of a field decides, within a database and measurement, and
// a write of another type is refused in InfluxDB's words.
// Source:
// https://docs.influxdata.com/influxdb/v1/troubleshooting/frequently-asked-questions/#why-am-i-getting-a-partial-write-field-type-conflict
//
// This is memory; the engine makes it durable: databases by a Catalog record, fields by the series entry
// that brought them, both by Registry rows.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "model/sample.h"

namespace silverback::storage {

/// InfluxDB's name: float, integer, unsigned, boolean, string.
std::string_view field_type_name(ValueType type);

struct FieldRow {
  Tenant tenant = kDefaultTenant;
  std::string database;
  std::string measurement;
  std::string field;
  ValueType type = ValueType::Float64;
  friend bool operator==(const FieldRow&, const FieldRow&) = default;
};

class FieldCatalog {
 public:
  bool has_database(Tenant tenant, std::string_view database) const EXCLUDES(mutex_);
  /// @returns whether it is new
  bool add_database(Tenant tenant, std::string_view database) EXCLUDES(mutex_);
  std::vector<std::string> databases(Tenant tenant) const EXCLUDES(mutex_);  // sorted

  /// Notes the field, its database included. The same type again is fine.
  /// @returns whether it is new; InvalidArgument for another type than it has
  Result<bool> add_field(Tenant tenant, std::string_view database, std::string_view measurement,
                         std::string_view field, ValueType type) EXCLUDES(mutex_);

  std::optional<ValueType> field_type(Tenant tenant, std::string_view database, std::string_view measurement,
                                      std::string_view field) const EXCLUDES(mutex_);

  std::vector<std::string> measurements(Tenant tenant, std::string_view database) const EXCLUDES(mutex_);
  /// Name and type, sorted by name.
  std::vector<std::pair<std::string, ValueType>> fields(Tenant tenant, std::string_view database,
                                                        std::string_view measurement) const EXCLUDES(mutex_);

  /// What was added since number `from` (0: everything), for Registry.
  struct Rows {
    std::vector<std::pair<Tenant, std::string>> databases;
    std::vector<FieldRow> fields;
    std::uint64_t next = 0;  // the `from` of the next call
  };
  Rows rows_since(std::uint64_t from) const EXCLUDES(mutex_);

 private:
  struct Field {
    ValueType type;
    std::uint64_t added;
  };
  struct Measurement {
    std::map<std::string, Field, std::less<>> fields;
  };
  struct Database {
    std::uint64_t added = 0;
    std::map<std::string, Measurement, std::less<>> measurements;
  };
  using Databases = std::map<std::string, Database, std::less<>>;

  Database& find_or_add(Tenant tenant, std::string_view database) REQUIRES(mutex_);
  const Database* find(Tenant tenant, std::string_view database) const REQUIRES_SHARED(mutex_);
  const Measurement* find(Tenant tenant, std::string_view database, std::string_view measurement) const
      REQUIRES_SHARED(mutex_);

  mutable SharedMutex mutex_;
  std::map<Tenant, Databases> tenants_ GUARDED_BY(mutex_);
  std::uint64_t next_ GUARDED_BY(mutex_) = 1;  // counts additions
};

}  // namespace silverback::storage
