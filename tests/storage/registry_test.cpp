#include "storage/registry.h"

#include <gtest/gtest.h>
#include <rocksdb/db.h>

#include <map>

#include "tests/storage/temp_dir.h"

namespace silverback::storage {
namespace {

std::string hex(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    out += kDigits[static_cast<unsigned char>(c) >> 4];
    out += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

class RegistryRows : public testing::Test {
 protected:
  RegistryRows() {
    rocksdb::Options options;
    options.create_if_missing = true;
    EXPECT_TRUE(rocksdb::DB::Open(options, (dir_ / "db").string(), &db_).ok());
  }
  ~RegistryRows() override { delete db_; }

  Registry registry() { return Registry(db_, db_->DefaultColumnFamily()); }
  SeriesRef add(const Labels& labels, ValueType type = ValueType::Float64, Tenant tenant = kDefaultTenant) {
    SeriesToAdd series{&labels, type};
    index_.add(tenant, {&series, 1});
    return series.ref;
  }
  std::map<std::string, std::string> rows() {
    std::map<std::string, std::string> rows;
    const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator({}));
    for (at->SeekToFirst(); at->Valid(); at->Next())
      rows[hex(at->key().ToString())] = hex(at->value().ToString());
    return rows;
  }
  void put(std::string_view key, std::string_view value) { EXPECT_TRUE(db_->Put({}, key, value).ok()); }
  Status load_again() {
    LabelIndex index;
    FieldCatalog catalog;
    return registry().load(index, catalog).status();
  }

  TempDir dir_;
  rocksdb::DB* db_ = nullptr;
  LabelIndex index_;
  FieldCatalog catalog_;
};

TEST_F(RegistryRows, AreAsThePageSays) {
  Registry registry = this->registry();
  add({{"__name__", "up"}, {"job", "a"}});
  add({{"__name__", "up"}, {"job", "up"}}, ValueType::Int64, Tenant{300});
  ASSERT_TRUE(catalog_.add_field(Tenant{1}, "db", "m", "f", ValueType::String));
  ASSERT_TRUE(registry.save(index_, catalog_).ok());
  const Metadata metadata[] = {{"up", "gauge", "h", ""}};
  ASSERT_TRUE(registry.save_metadata(kDefaultTenant, metadata).ok());

  const std::map<std::string, std::string> expected = {
      {"63"
       "00000001"
       "6462",
       ""},
      {"66"
       "00000001"
       "026462"
       "016d"
       "0166",
       "04"},
      {"6d"
       "00000000"
       "7570",
       "056761756765"
       "0168"
       "00"},
      {"6e"
       "00000000",
       "00"
       "00"
       "0002"},
      {"6e"
       "00000001",
       "ac02"
       "01"
       "0002"},
      {"74"
       "00000001",
       "00"
       "03"
       "00"
       "0103"
       "01"
       "03"
       "01"
       "0101"},
      {"76",
       "02"
       "03"
       "02"
       "04"},
      {"7a"
       "00000000",
       "085f5f6e616d655f5f"
       "027570"
       "036a6f62"
       "0161"},
  };
  EXPECT_EQ(rows(), expected);
}

TEST_F(RegistryRows, EverythingComesBack) {
  Registry registry = this->registry();
  std::vector<std::pair<SeriesRef, Labels>> model;
  for (int i = 0; i < 30'000; ++i) {
    LabelsBuilder builder;
    builder.set("__name__", "metric_" + std::to_string(i % 40));
    builder.set("host", "h" + std::to_string(i / 40));
    if (i % 3 == 0) builder.set("extra", std::to_string(i));
    const Labels labels = builder.build();
    model.emplace_back(add(labels, i % 5 == 0 ? ValueType::Int64 : ValueType::Float64), labels);
    if (i % 7'000 == 0) {
      EXPECT_TRUE(registry.save(index_, catalog_).ok());
    }
  }
  EXPECT_TRUE(catalog_.add_database(kDefaultTenant, "empty"));
  EXPECT_TRUE(registry.save(index_, catalog_).ok());

  LabelIndex index;
  FieldCatalog catalog;
  Registry second = this->registry();
  const auto loaded = second.load(index, catalog);

  ASSERT_TRUE(loaded) << loaded.status().message();
  EXPECT_EQ(loaded->series, model.size());
  EXPECT_TRUE(catalog.has_database(kDefaultTenant, "empty"));
  for (const auto& [ref, labels] : model) {
    ASSERT_EQ(index.labels(ref), labels);
    ASSERT_EQ(index.find(kDefaultTenant, labels, index.type(ref)), ref);
  }
  const Matcher matchers[] = {Matcher::equal("__name__", "metric_3")};
  EXPECT_EQ(index.select(kDefaultTenant, matchers), index_.select(kDefaultTenant, matchers));
  EXPECT_EQ(index.label_values(kDefaultTenant, "host"), index_.label_values(kDefaultTenant, "host"));
  EXPECT_EQ(index.next_ref(), index_.next_ref());

  // And it goes on: only what is new is written, under new numbers.
  const Labels fresh{{"__name__", "fresh"}};
  SeriesToAdd series{&fresh};
  index.add(kDefaultTenant, {&series, 1});
  EXPECT_EQ(series.ref, index_.next_ref());
  EXPECT_TRUE(second.save(index, catalog).ok());
  LabelIndex third;
  FieldCatalog third_catalog;
  EXPECT_EQ(this->registry().load(third, third_catalog)->series, model.size() + 1);
}

TEST_F(RegistryRows, RemovedSeriesStayAwayAndTheirNumbersToo) {
  Registry registry = this->registry();
  const Labels kept{{"a", "1"}};
  add(kept);
  const SeriesRef gone[] = {add({{"a", "2"}})};
  ASSERT_TRUE(registry.save(index_, catalog_).ok());
  index_.remove(gone);
  ASSERT_TRUE(registry.remove_series(gone).ok());
  const std::string metric[] = {"m"};
  const Metadata entry[] = {{"m", "gauge", "", ""}};
  ASSERT_TRUE(registry.save_metadata(kDefaultTenant, entry).ok());
  ASSERT_TRUE(registry.remove_metadata(kDefaultTenant, metric).ok());

  LabelIndex index;
  FieldCatalog catalog;
  const auto loaded = this->registry().load(index, catalog);

  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->series, 1u);
  EXPECT_TRUE(loaded->metadata.empty());
  EXPECT_EQ(index.select(kDefaultTenant, {}).size(), 1u);
  EXPECT_EQ(index.next_ref(), SeriesRef{3});
}

// As version 1 wrote them, one row each; and what is new behind them.
TEST_F(RegistryRows, OfVersionOneAreReadAndGoneOnWith) {
  put(std::string("y\0\0\0\0", 5), "__name__");
  put(std::string("y\0\0\0\1", 5), "up");
  put(std::string("n\0\0\0\0", 5), std::string("\0\0\0", 3));
  put(std::string("s\0\0\0\1", 5), std::string("\0\1", 2));
  put("v", std::string("\1\2\1\2", 4));
  Registry registry = this->registry();
  ASSERT_TRUE(registry.load(index_, catalog_));
  const Labels old{{"__name__", "up"}};
  ASSERT_EQ(index_.labels(SeriesRef{1}), old);
  const Labels fresh{{"__name__", "fresh"}};
  ASSERT_EQ(add(fresh), SeriesRef{2});
  ASSERT_TRUE(registry.save(index_, catalog_).ok());

  LabelIndex index;
  FieldCatalog catalog;
  const auto loaded = this->registry().load(index, catalog);

  ASSERT_TRUE(loaded) << loaded.status().message();
  EXPECT_EQ(index.labels(SeriesRef{1}), old);
  EXPECT_EQ(index.labels(SeriesRef{2}), fresh);
}

TEST_F(RegistryRows, RemovedOnesLeaveTheirGroupsAndTheOthersStay) {
  Registry registry = this->registry();
  std::vector<SeriesRef> gone;
  for (int i = 1; i <= 1'000; ++i) {
    const SeriesRef ref = add({{"a", std::to_string(i)}});
    if (i % 3 == 0 || (i >= 300 && i < 600)) gone.push_back(ref);
    if (i % 70 == 0) {
      ASSERT_TRUE(registry.save(index_, catalog_).ok());  // several groups for the same 256 refs
    }
  }
  ASSERT_TRUE(registry.save(index_, catalog_).ok());
  index_.remove(gone);
  ASSERT_TRUE(registry.remove_series(gone).ok());

  LabelIndex index;
  FieldCatalog catalog;
  ASSERT_TRUE(this->registry().load(index, catalog));

  EXPECT_EQ(index.select(kDefaultTenant, {}), index_.select(kDefaultTenant, {}));
  EXPECT_EQ(index.labels(SeriesRef{1'000}), (Labels{{"a", "1000"}}));
}

TEST_F(RegistryRows, ASeriesRestoredUnderAnOldNumberIsSavedToo) {
  Registry registry = this->registry();
  index_.skip_refs(SeriesRef{100});
  ASSERT_TRUE(registry.save(index_, catalog_).ok());
  ASSERT_TRUE(index_.restore(SeriesRef{50}, kDefaultTenant, ValueType::Float64, Labels{{"a", "1"}}));
  ASSERT_TRUE(registry.save(index_, catalog_).ok());

  LabelIndex index;
  FieldCatalog catalog;
  EXPECT_EQ(this->registry().load(index, catalog)->series, 1u);
  EXPECT_EQ(index.next_ref(), SeriesRef{101});
}

TEST_F(RegistryRows, MalformedRowsAreNamed) {
  Registry registry = this->registry();
  add({{"a", "1"}});
  ASSERT_TRUE(registry.save(index_, catalog_).ok());
  const std::pair<std::string, std::string> kRows[] = {
      {std::string("t\0\0\0\1", 5), ""},
      {std::string("t\0\0\0\1", 5), std::string("\0\3\0\1", 4)},          // cut short
      {std::string("t\0\0\0\1", 5), std::string("\xff\1\2\0\1", 5)},      // of another group
      {std::string("t\0\0\0\1", 5), std::string("\0\2\0\1\0\2\0\0", 8)},  // a ref twice, two rows
      {std::string("t\0\0\0\0", 5), std::string("\0\2\0\1", 4)},          // ref 0
      {std::string("t\0\0\0\2", 5), std::string("\0\2\0\x63", 4)},        // no such symbol
      {std::string("s\0\0\0\2", 5), ""},
      {std::string("s\0\0\0\2", 5), std::string("\7\1", 2)},    // no such shape
      {std::string("s\0\0\0\2", 5), std::string("\0\1\1", 3)},  // too many values
      {std::string("s\0\0\0\2", 5), std::string("\0\x63", 2)},  // no such symbol
      {std::string("s\0\0\0\2", 5), std::string("\0\x80\x80\x80\x80\x80\0", 7)},
      {std::string("s\0\0\0\0", 5), std::string("\0\1", 2)},  // ref 0
      {std::string("s\0\0", 3), std::string("\0\1", 2)},
      {std::string("y\0\0\0\5", 5), "gap"},
      {std::string("y\0\0\0\0", 5), ""},
      {std::string("z\0\0\0\2", 5), "\1a"},  // twice
      {std::string("z\0\0\0\0", 5), "\5a"},
      {std::string("z\0\0\0\0", 5), ""},
      {std::string("z\0\0\0\5", 5), "\3gap"},
      {std::string("n\0\0\0\0", 5), std::string("\0\0\x63", 3)},
      {std::string("n\0\0\0\0", 5), std::string("\0\7\0", 3)},
      {std::string("n\0\0\0\0", 5), std::string("\0\0\0\0", 4)},  // a name twice
      {std::string("f\0\0\0\0\1d", 7), std::string("\0", 1)},
      {std::string("m\0\0\0\0x", 6), "\5"},
      {"x", "unknown"},
      {"xxxxx", "unknown"},
      {"v", std::string("\1", 1)},
  };
  for (const auto& [key, value] : kRows) {
    SCOPED_TRACE(hex(key) + " = " + hex(value));
    std::string before;
    const bool existed = db_->Get({}, key, &before).ok();
    put(key, value);
    const Status status = load_again();
    EXPECT_EQ(status.code(), Code::DataLoss);
    EXPECT_NE(status.message().find("registry row"), std::string_view::npos) << status.message();
    if (existed) {
      put(key, before);
    } else {
      EXPECT_TRUE(db_->Delete({}, key).ok());
    }
    EXPECT_TRUE(load_again().ok());
  }
  put("v", std::string("\3\1\0\0", 4));
  EXPECT_EQ(load_again().code(), Code::InvalidArgument) << "a newer format";
}

}  // namespace
}  // namespace silverback::storage
