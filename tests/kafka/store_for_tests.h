// The real store, in a folder of its own, and what is in it.
//
// Threads: one, beside those that write.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "ingest/write.h"
#include "model/querier.h"
#include "storage/state_db.h"
#include "storage/tsdb.h"
#include "tests/storage/temp_dir.h"

namespace silverback::kafka {

class TestStore {
 public:
  TestStore() { open(); }
  void open() {
    states.reset();
    tsdb.reset();
    auto opened = storage::Tsdb::open({.path = (dir / "data").string()}, clock);
    EXPECT_TRUE(opened) << opened.status().message();
    tsdb = std::move(*opened);
    auto states_opened = storage::StateDb::open((dir / "state").string());
    EXPECT_TRUE(states_opened) << states_opened.status().message();
    states = std::move(*states_opened);
  }
  ingest::WriteTargets targets() const { return {*tsdb, *tsdb, *tsdb, clock}; }

  /// Times in ns and values, by labels as PromQL writes them.
  using Samples = std::vector<std::pair<std::int64_t, double>>;
  std::map<std::string, Samples> all() const {
    std::map<std::string, Samples> out;
    const auto querier = tsdb->querier(kDefaultTenant, {});
    const auto cursor = querier->select({}, {.unit = TimeUnit::Nanoseconds});
    EXPECT_TRUE(cursor) << cursor.status().message();
    Columns columns;
    while (cursor && (*cursor)->next()) {
      EXPECT_TRUE((*cursor)->read(columns).ok());
      Samples& samples = out[(*cursor)->labels().to_string()];
      for (std::size_t i = 0; i < columns.size(); ++i)
        samples.emplace_back(columns.times[i], columns.floats[i]);
    }
    return out;
  }
  std::size_t count() const {
    std::size_t samples = 0;
    for (const auto& [labels, of_series] : all()) samples += of_series.size();
    return samples;
  }
  std::int64_t position(const std::string& source) const {
    for (const Progress& one : tsdb->progress(source))
      if (one.source == source) return one.position;
    return -1;
  }

  TempDir dir;
  SystemClock clock;
  std::unique_ptr<storage::Tsdb> tsdb;
  std::unique_ptr<storage::StateDb> states;
};

}  // namespace silverback::kafka
