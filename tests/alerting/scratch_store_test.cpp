#include "alerting/scratch_store.h"

#include <gtest/gtest.h>

#include "alerting/instant_query.h"
#include "alerting/sample_writer.h"
#include "base/number.h"
#include "query/engine.h"

namespace silverback::alerting {
namespace {

const Labels kA = {{"__name__", "m"}, {"i", "a"}};
const Labels kB = {{"__name__", "m"}, {"i", "b"}};
const Labels kC = {{"__name__", "n"}, {"i", "c"}};

void put(Appender& store, const Labels& labels, std::int64_t time_ms, double value) {
  SampleWriter writer(store);
  const std::vector<RuleSample> samples = {{labels, value}};
  ASSERT_TRUE(writer.write(samples, time_ms).ok());
}

// {i="a"} 1 2 3: the series that match, with all their samples up to a time.
std::string shown(Queryable& store, const std::string& selector, std::int64_t min_ms = 0,
                  std::int64_t max_ms = 1'000'000) {
  const auto matchers = query::parse_selector(selector);
  const auto querier = store.querier(kDefaultTenant, {min_ms * 1'000'000, max_ms * 1'000'000});
  auto cursor = querier->select(*matchers, {});
  EXPECT_TRUE(cursor);
  std::string out;
  std::size_t count = 0;
  const std::size_t promised = (*cursor)->size();
  Columns columns;
  for (; (*cursor)->next(); ++count) {
    EXPECT_TRUE((*cursor)->read(columns).ok());
    out += std::string((*cursor)->labels().get("i")) + ":";
    for (std::size_t i = 0; i < columns.size(); ++i)
      out += std::to_string(columns.times[i]) + "=" + format_float(columns.floats[i]) + " ";
  }
  EXPECT_EQ(count, promised);
  return out;
}

TEST(ScratchStore, GivesBackWhatWasPutInOrderOfTime) {
  ScratchStore store;
  put(store, kA, 20, 2);
  put(store, kA, 10, 1);
  put(store, kA, 20, 3);
  put(store, kC, 10, 9);

  EXPECT_EQ(shown(store, "m"), "a:10=1 20=3 ");
  EXPECT_EQ(shown(store, "{i=~\".+\"}", 11, 20), "a:20=3 c:");
  EXPECT_EQ(store.samples(), 3U);
}

TEST(ScratchStore, LiesOverTheStoreBelow) {
  ScratchStore below;
  put(below, kA, 10, 1);
  put(below, kA, 20, 1);
  put(below, kA, 30, 1);
  put(below, kC, 10, 1);
  ScratchStore store(&below);
  put(store, kA, 20, 2);
  put(store, kA, 40, 2);
  put(store, kB, 10, 2);

  EXPECT_EQ(shown(store, "m"), "a:10=1 20=2 30=1 40=2 b:10=2 ");
  EXPECT_EQ(shown(store, "n"), "c:10=1 ");
}

TEST(ScratchStore, HidesFromATimeOn) {
  ScratchStore below;
  for (int i = 1; i < 4; ++i) put(below, kA, 10 * i, 1);
  for (int i = 1; i < 4; ++i) put(below, kB, 10 * i, 1);
  ScratchStore store(&below);
  store.hide({.labels = kA, .from_ms = 20});
  put(store, kA, 30, 2);

  EXPECT_EQ(shown(store, "m"), "a:10=1 30=2 b:10=1 20=1 30=1 ");
}

TEST(ScratchStore, IsBounded) {
  ScratchStore store(nullptr, 2);
  put(store, kA, 10, 1);
  put(store, kA, 20, 1);
  SampleWriter writer(store);
  const std::vector<RuleSample> samples = {{kA, 3}};

  EXPECT_EQ(writer.write(samples, 30).code(), Code::ResourceExhausted);
}

TEST(ScratchStore, AnswersLabelQueries) {
  ScratchStore below;
  put(below, kC, 10, 1);
  ScratchStore store(&below);
  put(store, kA, 10, 1);
  put(store, kB, 10, 1);
  const auto querier = store.querier(kDefaultTenant, {});

  EXPECT_EQ(querier->label_values("i", {})->values, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(querier->label_names({})->values, (std::vector<std::string>{"__name__", "i"}));
  bool truncated = false;
  EXPECT_EQ(querier->series({.selectors = {}, .limit = 2}, truncated)->size(), 2U);
  EXPECT_TRUE(truncated);
}

}  // namespace
}  // namespace silverback::alerting
