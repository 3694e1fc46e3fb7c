// What the tests of the store speak: write samples to named series, read them back, compare bit for bit.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/hash.h"
#include "storage/tsdb.h"
#include "tests/storage/temp_dir.h"

namespace silverback::storage {

/// Resolves runs to the series that were put into the batch.
class Request final : public SeriesResolver {
 public:
  Request& series(const Labels& labels, ValueType type = ValueType::Float64) {
    std::string raw(labels.bytes());
    raw.push_back(static_cast<char>(type));
    batch.add_series(hash128(raw, process_hash_seed()));
    series_.push_back({labels, type, {}, {}, {}});
    return *this;
  }
  Request& field(const Labels& labels, ValueType type, std::string database, std::string measurement,
                 std::string name) {
    series(labels, type);
    series_.back().database = std::move(database);
    series_.back().measurement = std::move(measurement);
    series_.back().field = std::move(name);
    return *this;
  }
  Request& sample(std::int64_t time_ns, double value) {
    batch.add_sample(time_ns, value);
    return *this;
  }
  Request& bits(std::int64_t time_ns, std::uint64_t value) {
    batch.add_sample(time_ns, value);
    return *this;
  }
  Request& text(std::int64_t time_ns, std::string_view value) {
    batch.add_string(time_ns, value);
    return *this;
  }
  Result<NewSeries> resolve(std::size_t run) override {
    ++resolved;
    return series_[run];
  }
  void clear() {
    batch.clear();
    series_.clear();
  }

  Batch batch;
  std::size_t resolved = 0;

 private:
  std::vector<NewSeries> series_;
};

/// Time to value: the bits of a number as its type stores it, or the text.
using Samples = std::map<std::int64_t, std::string>;

template <typename T>
std::string number(T value) {
  static_assert(sizeof value == 8);
  return std::string(reinterpret_cast<const char*>(&value), sizeof value);
}

inline Samples samples_of(const Columns& columns) {
  Samples out;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns.type == ValueType::Float64) {
      out[columns.times[i]] = number(columns.floats[i]);
    } else if (columns.type == ValueType::String) {
      out[columns.times[i]] = columns.strings[i];
    } else {
      out[columns.times[i]] = number(static_cast<std::uint64_t>(columns.ints[i]));
    }
  }
  return out;
}

/// Everything that matches, by labels, in nanoseconds and own types.
inline std::map<std::string, Samples> read_all(Tsdb& tsdb, const std::vector<Matcher>& matchers = {},
                                               TimeRange range = {}) {
  std::map<std::string, Samples> out;
  auto querier = tsdb.querier(kDefaultTenant, range);
  auto cursor = querier->select(matchers, {TimeUnit::Nanoseconds, false, true, 0});
  EXPECT_TRUE(cursor) << cursor.status().message();
  if (!cursor) return out;
  Columns columns;
  while ((*cursor)->next()) {
    const Status read = (*cursor)->read(columns);
    EXPECT_TRUE(read.ok()) << read.message();
    for (std::size_t i = 1; i < columns.size(); ++i) EXPECT_LT(columns.times[i - 1], columns.times[i]);
    Samples samples = samples_of(columns);
    if (!samples.empty()) out[(*cursor)->labels().to_string()] = std::move(samples);
  }
  return out;
}

/// A store in a directory of its own that a test may close, copy and open again.
class TsdbTest : public ::testing::Test {
 protected:
  static constexpr std::int64_t kNow = 1'800'000'000 * kNsPerSecond;

  TsdbOptions options() const { return options_in((dir_ / "data").string()); }
  static TsdbOptions options_in(const std::string& path) {
    TsdbOptions options;
    options.path = path;
    options.background = false;
    options.shards = 4;
    options.block_cache_bytes = 8 << 20;
    options.wal_segment_bytes = 64 << 10;
    return options;
  }
  void open() { open(options()); }
  void open(TsdbOptions options) {
    tsdb_.reset();
    auto opened = Tsdb::open(std::move(options), clock_);
    ASSERT_TRUE(opened) << opened.status().message();
    tsdb_ = std::move(*opened);
  }
  AppendOutcome write(Request& request) {
    auto outcome = tsdb_->append(kDefaultTenant, request.batch, request);
    EXPECT_TRUE(outcome) << outcome.status().message();
    return outcome ? *outcome : AppendOutcome{};
  }

  TempDir dir_;
  ManualClock clock_{kNow};
  std::unique_ptr<Tsdb> tsdb_;
};

}  // namespace silverback::storage
