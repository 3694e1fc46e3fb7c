#include "query/engine.h"

#include <gtest/gtest.h>

#include <thread>

#include "query/gate.h"
#include "tests/query/memory_store.h"

namespace silverback::query {
namespace {

class EngineTest : public testing::Test {
 protected:
  void add(const Labels& labels, std::size_t samples, std::int64_t interval_ms = 15'000) {
    auto& series = store_.series(labels);
    for (std::size_t i = 0; i < samples; ++i) {
      series.times_ms.push_back(static_cast<std::int64_t>(i) * interval_ms);
      series.values.push_back(static_cast<double>(i));
    }
  }
  Result<QueryResult> instant(std::string text, std::int64_t time_ms) {
    return engine_.run({.text = std::move(text), .start_ms = time_ms, .limits = limits_});
  }
  Result<QueryResult> range(std::string text, std::int64_t start_ms, std::int64_t end_ms,
                            std::int64_t step_ms) {
    return engine_.run({.text = std::move(text),
                        .instant = false,
                        .start_ms = start_ms,
                        .end_ms = end_ms,
                        .step_ms = step_ms,
                        .limits = limits_});
  }

  MemoryStore store_;
  Engine engine_{store_, {}};
  std::optional<Limits> limits_;
};

TEST_F(EngineTest, SaysWhatKindOfResultItIs) {
  add({{"__name__", "up"}}, 10);

  EXPECT_EQ(instant("1", 0)->type, ResultType::Scalar);
  EXPECT_EQ(instant("'text'", 0)->type, ResultType::String);
  EXPECT_EQ(instant("up", 0)->type, ResultType::Vector);
  EXPECT_EQ(instant("up[1m]", 60'000)->type, ResultType::Matrix);
  EXPECT_EQ(range("1", 0, 60'000, 15'000)->type, ResultType::Matrix);
}

TEST_F(EngineTest, GivesStoredSamplesForARangeVector) {
  add({{"__name__", "up"}}, 10);

  const auto result = instant("up[1m]", 60'000);

  ASSERT_TRUE(result);
  ASSERT_EQ(result->raw.size(), 1u);
  EXPECT_EQ(result->raw[0].times_ms,
            (std::vector<std::int64_t>{15'000, 30'000, 45'000, 60'000}));  // open on the left
}

TEST_F(EngineTest, NamesThePlaceOfAMistake) {
  const auto result = instant("sum(up", 0);

  EXPECT_EQ(result.status().code(), Code::InvalidArgument);
  EXPECT_NE(result.status().message().find("1:"), std::string_view::npos);
}

TEST_F(EngineTest, RefusesARangeQueryOfARange) {
  EXPECT_EQ(range("up[5m]", 0, 60'000, 15'000).status().code(), Code::InvalidArgument);
  EXPECT_EQ(range("up", 0, 60'000, 0).status().code(), Code::InvalidArgument);
  EXPECT_EQ(range("up", 60'000, 0, 1000).status().code(), Code::InvalidArgument);
}

TEST_F(EngineTest, TellsLabelMistakesInTheDataFromMistakesInTheText) {
  add({{"__name__", "a"}, {"x", "1"}}, 1);
  add({{"__name__", "a"}, {"x", "2"}}, 1);

  EXPECT_EQ(instant("a * on() a", 0).status().code(), Code::Unprocessable);
}

TEST_F(EngineTest, TrimsNoScalars) {
  add({{"__name__", "a"}}, 1);

  EXPECT_EQ(instant("1 >/ 2", 0).status().message(),
            "operator \">/\" trims native histograms: it is not allowed between scalars");
  EXPECT_EQ(instant("1 </ 2 > a", 0).status().code(), Code::Unprocessable);
}

TEST_F(EngineTest, StopsAtTheLimitOfSamples) {
  for (int i = 0; i < 100; ++i) add({{"__name__", "up"}, {"i", std::to_string(i)}}, 100);
  limits_ = Limits{.max_samples = 5'000};

  const auto result = range("up", 0, 1'485'000, 15'000);

  EXPECT_EQ(result.status().code(), Code::ResourceExhausted);
  EXPECT_NE(result.status().message().find("5000"), std::string_view::npos);
  EXPECT_TRUE(range("sum(up)", 0, 1'485'000, 15'000)) << "series that are folded are not held";
}

TEST_F(EngineTest, StopsAtTheLimitOfBytesAndOfSeries) {
  for (int i = 0; i < 100; ++i) add({{"__name__", "up"}, {"i", std::to_string(i)}}, 100);

  limits_ = Limits{.max_bytes = 10'000};
  EXPECT_EQ(range("up", 0, 1'485'000, 15'000).status().code(), Code::ResourceExhausted);
  limits_ = Limits{.max_series = 99};
  EXPECT_EQ(instant("up", 0).status().code(), Code::ResourceExhausted);
}

TEST_F(EngineTest, CountsWhatStorageHoldsAndGivesItBack) {
  for (int i = 0; i < 10; ++i) add({{"__name__", "up"}, {"i", std::to_string(i)}}, 100);
  limits_ = Limits{.max_bytes = 100'000};

  store_.held_by_cursor = 40'000;
  EXPECT_TRUE(range("sum(up) + sum(up offset 1d)", 0, 60'000, 15'000)) << "one cursor after the other";
  store_.held_by_cursor = 100'001;
  const auto refused = range("sum(up)", 0, 60'000, 15'000);

  EXPECT_EQ(refused.status().code(), Code::ResourceExhausted);
  EXPECT_NE(refused.status().message().find("100000"), std::string_view::npos);
  store_.held_by_cursor = 40'000;
  EXPECT_TRUE(range("sum(up)", 0, 60'000, 15'000));
}

TEST_F(EngineTest, AnswersABoundlessSubqueryQuickly) {
  const auto begin = std::chrono::steady_clock::now();

  EXPECT_EQ(instant("count_over_time(vector(1)[1000000s:1ms])", 0).status().code(), Code::ResourceExhausted);
  EXPECT_EQ(instant("max_over_time((max_over_time(vector(1)[1y:1ms]))[10y:1ms])", 0).status().code(),
            Code::ResourceExhausted);

  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
}

TEST_F(EngineTest, StopsAtTheDeadlineAndWhenCancelled) {
  add({{"__name__", "up"}}, 10);
  QueryRequest late{.text = "up"};
  late.deadline = std::chrono::steady_clock::now() - std::chrono::seconds(1);
  std::stop_source stop;
  stop.request_stop();
  QueryRequest cancelled{.text = "up", .cancel = stop.get_token()};

  EXPECT_EQ(engine_.run(late).status().code(), Code::DeadlineExceeded);
  EXPECT_EQ(engine_.run(cancelled).status().code(), Code::Cancelled);
}

TEST_F(EngineTest, SurvivesTimesAtTheEndsOfTheWorld) {
  add({{"__name__", "up"}}, 10);
  constexpr auto kMin = std::numeric_limits<std::int64_t>::min();
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();

  EXPECT_TRUE(instant("rate(up[5m] offset 1y)", kMin));
  EXPECT_TRUE(instant("up @ 1e12 offset -100y", kMax))
      << instant("up @ 1e12 offset -100y", kMax).status().message();
  EXPECT_TRUE(instant("sum_over_time(up[1y:1y] offset 100y)", kMin));
  EXPECT_TRUE(range("up", kMin, kMax, kMax));
}

TEST_F(EngineTest, ReadsASelectionThatIsUsedTwiceOnce) {
  add({{"__name__", "c_total"}}, 100);

  ASSERT_TRUE(
      range("rate(c_total[5m]) / rate(c_total[10m]) + rate(c_total[5m])", 600'000, 1'200'000, 60'000));
  EXPECT_EQ(store_.selects, 1u);
  ASSERT_TRUE(range("c_total - c_total offset 1w", 600'000, 1'200'000, 60'000));
  EXPECT_EQ(store_.selects, 3u) << "the week between is not read";
}

TEST_F(EngineTest, CountsSamples) {
  add({{"__name__", "c_total"}}, 100);
  QueryRequest request{.text = "rate(c_total[1m])", .instant = false};
  request.start_ms = 60'000;
  request.end_ms = 120'000;
  request.step_ms = 30'000;
  request.per_step_stats = true;

  const auto result = engine_.run(request);

  ASSERT_TRUE(result);
  EXPECT_EQ(result->stats.total_queryable_samples, 12u);
  EXPECT_EQ(result->stats.total_queryable_samples_per_step, (std::vector<std::uint64_t>{4, 4, 4}));
}

TEST_F(EngineTest, TurnsAwayWhatDoesNotFitIntoTheQueue) {
  const auto in = [](int ms) { return std::chrono::steady_clock::now() + std::chrono::milliseconds(ms); };
  Gate gate("queries", 1, 1, std::chrono::milliseconds(50));
  Gate full("queries", 1, 0, std::chrono::milliseconds(50));
  const auto inside = gate.enter(in(1'000), {});
  const auto only = full.enter(in(1'000), {});

  EXPECT_EQ(full.enter(in(1'000), {}).status().code(), Code::Unavailable);
  EXPECT_EQ(gate.enter(in(20), {}).status().code(), Code::DeadlineExceeded);
  EXPECT_EQ(gate.enter(in(1'000), {}).status().code(), Code::Unavailable);  // after the gate's patience
}

TEST_F(EngineTest, BoundsWhatAllQueriesHoldTogether) {
  Engine engine(store_, {.max_total_bytes = 4 << 20});
  const std::string fine = "sum_over_time(vector(1)[1h:10ms])";  // 360 000 steps, twice 8 bytes each

  EXPECT_EQ(engine.run({.text = fine, .start_ms = 3'600'000}).status().code(), Code::ResourceExhausted);
  EXPECT_TRUE(engine.run({.text = "sum_over_time(vector(1)[1h:1s])", .start_ms = 3'600'000}));
}

TEST_F(EngineTest, AnswersHoldTheirMemoryUntilTheyGo) {
  add({{"__name__", "up"}}, 100'000);
  Engine engine(store_, {.max_total_bytes = 4 << 20});
  QueryRequest request{.text = "up[30d]", .start_ms = 100'000 * 15'000LL};

  {
    const auto first = engine.run(request);
    ASSERT_TRUE(first);
    EXPECT_GE(first->memory.bytes(), 100'000u * 16);
    const auto second = engine.run(request);
    EXPECT_EQ(second.status().code(), Code::Unavailable);
  }
  EXPECT_TRUE(engine.run(request));
}

TEST(Budget, AsksOnceWhenItsQueryIsLarge) {
  int asked = 0;
  const auto later = std::chrono::steady_clock::now() + std::chrono::hours(1);
  Budget welcome({}, later, {}, nullptr, [&] {
    ++asked;
    return Status();
  });
  EXPECT_TRUE(welcome.take(0, 1 << 20).ok());
  EXPECT_EQ(asked, 0);
  EXPECT_TRUE(welcome.take(0, 32 << 20).ok());
  EXPECT_TRUE(welcome.take(0, 32 << 20).ok());
  EXPECT_EQ(asked, 1);

  MemoryPool pool(1 << 30);
  Budget refused({}, later, {}, &pool, [] { return Status(Code::Unavailable, "busy"); });
  EXPECT_EQ(refused.take(0, 32 << 20).code(), Code::Unavailable);
  EXPECT_EQ(pool.used(), 0u);
}

TEST_F(EngineTest, StopsInTheMiddleOfALongSeries) {
  QueryRequest request{.text = "sum_over_time(sum_over_time(vector(1)[1h:10ms])[10h:1s])",
                       .start_ms = 360'000'000};
  std::stop_source cancel;
  request.cancel = cancel.get_token();
  std::jthread client([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    cancel.request_stop();
  });

  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(engine_.run(request).status().code(), Code::Cancelled);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(3));
}

TEST_F(EngineTest, AnswersFromManyThreads) {
  for (int i = 0; i < 20; ++i) add({{"__name__", "c_total"}, {"i", std::to_string(i)}}, 100);
  std::atomic<int> failures = 0;  // read after the threads have joined

  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int n = 0; n < 20; ++n) {
          const auto result = range("sum(rate(c_total[5m]))", 600'000, 1'200'000, 60'000);
          if (!result || result->matrix.rows() != 1) ++failures;
        }
      });
    }
  }

  EXPECT_EQ(failures, 0);
}

TEST_F(EngineTest, TakesNamesAwayAtOnceWhenAskedTo) {
  add({{"__name__", "a_total"}}, 100);
  add({{"__name__", "b_total"}}, 100);
  Engine at_once(store_, {.delayed_name_removal = false});

  const auto both =
      at_once.run({.text = "sum by (__name__) (rate({__name__=~\".+_total\"}[5m]))", .start_ms = 600'000});
  const auto one = at_once.run({.text = "sum by (__name__) (rate(a_total[5m]))", .start_ms = 600'000});

  EXPECT_EQ(both.status().code(), Code::Unprocessable);
  ASSERT_TRUE(one);
  EXPECT_TRUE(one->matrix.labels(0).empty());
}

TEST(ParseSelectors, SayWhichOneIsWrong) {
  const std::vector<std::string> texts = {"up", "{a=~"};

  const auto parsed = parse_selectors(texts);

  EXPECT_EQ(parsed.status().code(), Code::InvalidArgument);
  EXPECT_NE(parsed.status().message().find("{a=~"), std::string_view::npos);
}

}  // namespace
}  // namespace silverback::query
