#include "storage/catalog.h"

#include <gtest/gtest.h>

namespace silverback::storage {
namespace {

TEST(FieldCatalog, AFieldKeepsItsFirstType) {
  FieldCatalog catalog;

  EXPECT_TRUE(*catalog.add_field(kDefaultTenant, "db", "m", "f", ValueType::Float64));
  EXPECT_FALSE(*catalog.add_field(kDefaultTenant, "db", "m", "f", ValueType::Float64));
  const auto conflict = catalog.add_field(kDefaultTenant, "db", "m", "f", ValueType::Int64);

  ASSERT_FALSE(conflict);
  EXPECT_EQ(conflict.status().code(), Code::InvalidArgument);
  EXPECT_EQ(conflict.status().message(),
            "field type conflict: input field \"f\" on measurement \"m\" is type integer, already exists as "
            "type float");
  EXPECT_EQ(catalog.field_type(kDefaultTenant, "db", "m", "f"), ValueType::Float64);
}

TEST(FieldCatalog, TypesAreOfOneMeasurementDatabaseAndTenant) {
  FieldCatalog catalog;
  EXPECT_TRUE(*catalog.add_field(kDefaultTenant, "db", "m", "f", ValueType::Float64));
  EXPECT_TRUE(*catalog.add_field(kDefaultTenant, "db", "n", "f", ValueType::String));
  EXPECT_TRUE(*catalog.add_field(kDefaultTenant, "other", "m", "f", ValueType::Bool));
  EXPECT_TRUE(*catalog.add_field(Tenant{1}, "db", "m", "f", ValueType::Uint64));

  EXPECT_EQ(catalog.databases(kDefaultTenant), (std::vector<std::string>{"db", "other"}));
  EXPECT_EQ(catalog.measurements(kDefaultTenant, "db"), (std::vector<std::string>{"m", "n"}));
  EXPECT_EQ(catalog.fields(kDefaultTenant, "db", "n").front().second, ValueType::String);
  EXPECT_FALSE(catalog.field_type(Tenant{2}, "db", "m", "f"));
}

TEST(FieldCatalog, TellsWhatIsNew) {
  FieldCatalog catalog;
  EXPECT_TRUE(catalog.add_database(kDefaultTenant, "a"));
  EXPECT_FALSE(catalog.add_database(kDefaultTenant, "a"));
  EXPECT_TRUE(catalog.has_database(kDefaultTenant, "a"));
  const auto first = catalog.rows_since(0);
  EXPECT_TRUE(*catalog.add_field(kDefaultTenant, "a", "m", "f", ValueType::Bool));

  const auto second = catalog.rows_since(first.next);

  EXPECT_EQ(first.databases.size(), 1u);
  EXPECT_TRUE(second.databases.empty());
  EXPECT_EQ(second.fields, (std::vector<FieldRow>{{kDefaultTenant, "a", "m", "f", ValueType::Bool}}));
  EXPECT_TRUE(catalog.rows_since(second.next).fields.empty());
}

}  // namespace
}  // namespace silverback::storage
