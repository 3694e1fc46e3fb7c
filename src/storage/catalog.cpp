#include "storage/catalog.h"

#include <algorithm>

namespace silverback::storage {

std::string_view field_type_name(ValueType type) {
  switch (type) {
    case ValueType::Float64: return "float";
    case ValueType::Int64: return "integer";
    case ValueType::Uint64: return "unsigned";
    case ValueType::Bool: return "boolean";
    case ValueType::String: return "string";
    case ValueType::Histogram: break;
  }
  return "histogram";
}

FieldCatalog::Database& FieldCatalog::find_or_add(Tenant tenant, std::string_view database) {
  Databases& databases = tenants_[tenant];
  auto found = databases.find(database);
  if (found == databases.end()) {
    found = databases.emplace(database, Database()).first;
    found->second.added = next_++;
  }
  return found->second;
}

const FieldCatalog::Database* FieldCatalog::find(Tenant tenant, std::string_view database) const {
  const auto databases = tenants_.find(tenant);
  if (databases == tenants_.end()) return nullptr;
  const auto found = databases->second.find(database);
  return found == databases->second.end() ? nullptr : &found->second;
}

const FieldCatalog::Measurement* FieldCatalog::find(Tenant tenant, std::string_view database,
                                                    std::string_view measurement) const {
  const Database* const of_database = find(tenant, database);
  if (of_database == nullptr) return nullptr;
  const auto found = of_database->measurements.find(measurement);
  return found == of_database->measurements.end() ? nullptr : &found->second;
}

bool FieldCatalog::has_database(Tenant tenant, std::string_view database) const {
  const ReaderLock lock(mutex_);
  return find(tenant, database) != nullptr;
}

bool FieldCatalog::add_database(Tenant tenant, std::string_view database) {
  const WriterLock lock(mutex_);
  const std::uint64_t before = next_;
  find_or_add(tenant, database);
  return next_ != before;
}

std::vector<std::string> FieldCatalog::databases(Tenant tenant) const {
  std::vector<std::string> names;
  const ReaderLock lock(mutex_);
  const auto databases = tenants_.find(tenant);
  if (databases == tenants_.end()) return names;
  for (const auto& [name, database] : databases->second) names.push_back(name);
  return names;
}

std::optional<ValueType> FieldCatalog::field_type(Tenant tenant, std::string_view database,
                                                  std::string_view measurement,
                                                  std::string_view field) const {
  const ReaderLock lock(mutex_);
  const Measurement* const of_measurement = find(tenant, database, measurement);
  if (of_measurement == nullptr) return std::nullopt;
  const auto found = of_measurement->fields.find(field);
  if (found == of_measurement->fields.end()) return std::nullopt;
  return found->second.type;
}

Result<bool> FieldCatalog::add_field(Tenant tenant, std::string_view database, std::string_view measurement,
                                     std::string_view field, ValueType type) {
  std::optional<ValueType> known =
      field_type(tenant, database, measurement, field);  // mostly: a shared lock will do
  if (!known) {
    const WriterLock lock(mutex_);
    auto& measurements = find_or_add(tenant, database).measurements;
    auto of_measurement = measurements.find(measurement);
    if (of_measurement == measurements.end())
      of_measurement = measurements.emplace(measurement, Measurement()).first;
    const auto [at, fresh] =
        of_measurement->second.fields.try_emplace(std::string(field), Field{type, next_});
    if (fresh) {
      ++next_;
      return true;
    }
    known = at->second.type;
  }
  if (*known == type) return false;
  return Status(Code::InvalidArgument, "field type conflict: input field \"" + std::string(field) +
                                           "\" on measurement \"" + std::string(measurement) + "\" is type " +
                                           std::string(field_type_name(type)) + ", already exists as type " +
                                           std::string(field_type_name(*known)));
}

std::vector<std::string> FieldCatalog::measurements(Tenant tenant, std::string_view database) const {
  std::vector<std::string> names;
  const ReaderLock lock(mutex_);
  const Database* const of_database = find(tenant, database);
  if (of_database == nullptr) return names;
  for (const auto& [name, measurement] : of_database->measurements) names.push_back(name);
  return names;
}

std::vector<std::pair<std::string, ValueType>> FieldCatalog::fields(Tenant tenant, std::string_view database,
                                                                    std::string_view measurement) const {
  std::vector<std::pair<std::string, ValueType>> fields;
  const ReaderLock lock(mutex_);
  const Measurement* const of_measurement = find(tenant, database, measurement);
  if (of_measurement == nullptr) return fields;
  for (const auto& [name, field] : of_measurement->fields) fields.emplace_back(name, field.type);
  return fields;
}

FieldCatalog::Rows FieldCatalog::rows_since(std::uint64_t from) const {
  Rows rows;
  const ReaderLock lock(mutex_);
  rows.next = next_;
  if (from == next_) return rows;
  for (const auto& [tenant, databases] : tenants_) {
    for (const auto& [database, of_database] : databases) {
      if (of_database.added >= from) rows.databases.emplace_back(tenant, database);
      for (const auto& [measurement, of_measurement] : of_database.measurements) {
        for (const auto& [name, field] : of_measurement.fields) {
          if (field.added >= from) rows.fields.push_back({tenant, database, measurement, name, field.type});
        }
      }
    }
  }
  return rows;
}

}  // namespace silverback::storage
