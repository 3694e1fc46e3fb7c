#include "storage/tsdb.h"

#include <limits>

#include "tests/storage/tsdb_vocabulary.h"

namespace silverback::storage {
namespace {

const Labels kUp{{"__name__", "up"}, {"job", "x"}};
constexpr std::int64_t kSecond = kNsPerSecond;

TEST_F(TsdbTest, GivesBackEveryTypeBitForBit) {
  open();
  const double odd = std::bit_cast<double>(0x7ff8'dead'beef'0001ull);
  Request request;
  request.series(kUp).sample(1, 1.5).sample(2, stale_nan()).sample(3, odd).sample(4, -0.0);
  request.series({{"__name__", "i"}}, ValueType::Int64)
      .bits(1, static_cast<std::uint64_t>(-5))
      .bits(7, 1ull << 63);
  request.series({{"__name__", "u"}}, ValueType::Uint64).bits(1, ~0ull);
  request.series({{"__name__", "b"}}, ValueType::Bool).bits(1, 1).bits(2, 0);
  request.series({{"__name__", "s"}}, ValueType::String)
      .text(1, "a")
      .text(2, "")
      .text(3, std::string(300, 'z'));
  const std::map<std::string, Samples> expected{
      {"up{job=\"x\"}", {{1, number(1.5)}, {2, number(stale_nan())}, {3, number(odd)}, {4, number(-0.0)}}},
      {"i", {{1, number(static_cast<std::uint64_t>(-5))}, {7, number(1ull << 63)}}},
      {"u", {{1, number(~std::uint64_t{0})}}},
      {"b", {{1, number(std::uint64_t{1})}, {2, number(std::uint64_t{0})}}},
      {"s", {{1, "a"}, {2, ""}, {3, std::string(300, 'z')}}}};

  EXPECT_EQ(write(request).stored, 12u);

  EXPECT_EQ(read_all(*tsdb_), expected);
  ASSERT_TRUE(tsdb_->flush().ok());
  EXPECT_EQ(read_all(*tsdb_), expected);
  open();
  EXPECT_EQ(read_all(*tsdb_), expected);
}

TEST_F(TsdbTest, AsksForLabelsOnceInASeriesLife) {
  open();
  Request request;
  request.series(kUp).sample(1, 1.0);
  write(request);
  Request again;
  again.series(kUp).sample(2, 2.0);

  write(again);

  EXPECT_EQ(request.resolved, 1u);
  EXPECT_EQ(again.resolved, 0u);
}

TEST_F(TsdbTest, FindsSeriesInWhateverOrderTheyCome) {
  open();
  constexpr std::size_t kSeries = 300;
  const auto labels = [](std::size_t i) { return Labels{{"__name__", "m"}, {"i", std::to_string(i)}}; };
  Request first;
  for (std::size_t i = 0; i < kSeries; ++i) first.series(labels(i)).sample(1, 1.0 * static_cast<double>(i));
  write(first);
  std::int64_t time = 1;
  for (const std::size_t step : {1u, 7u, 299u, 101u}) {  // none shares a factor with the number of series
    Request again;
    ++time;
    for (std::size_t k = 0; k < kSeries; ++k) {
      const std::size_t i = k * step % kSeries;
      again.series(labels(i)).sample(time, static_cast<double>(i) + 0.5);
      if (k % 50 == 0)
        again.series(labels(kSeries + i + static_cast<std::size_t>(time) * 1000)).sample(time, 0.0);
    }
    write(again);
    EXPECT_EQ(again.resolved, 6u);
  }

  auto all = read_all(*tsdb_);

  EXPECT_EQ(all.size(), kSeries + 4 * 6);
  for (std::size_t i = 0; i < kSeries; ++i) {
    const Samples& samples = all.at("m{i=\"" + std::to_string(i) + "\"}");
    ASSERT_EQ(samples.size(), 5u) << i;
    EXPECT_EQ(samples.at(1), number(static_cast<double>(i)));
    EXPECT_EQ(samples.at(5), number(static_cast<double>(i) + 0.5));
  }
}

TEST_F(TsdbTest, LaterWriteWinsWhereverTheEarlierOneIs) {
  open();
  Request first;
  first.series(kUp);
  for (int i = 0; i < 1'000; ++i) first.sample(i * 15 * kSecond, 1.0 * i);
  write(first);
  Request second;
  second.series(kUp).sample(0, 100.0).sample(500 * 15 * kSecond, 200.0).sample(999 * 15 * kSecond, 300.0);
  write(second);
  const auto check = [&] {
    const Samples up = read_all(*tsdb_)["up{job=\"x\"}"];
    ASSERT_EQ(up.size(), 1'000u);
    EXPECT_EQ(up.at(0), number(100.0));
    EXPECT_EQ(up.at(500 * 15 * kSecond), number(200.0));
    EXPECT_EQ(up.at(999 * 15 * kSecond), number(300.0));
    EXPECT_EQ(up.at(998 * 15 * kSecond), number(998.0));
  };

  check();
  ASSERT_TRUE(tsdb_->flush().ok());
  check();
  Request third;
  third.series(kUp).sample(0, 1.0).sample(500 * 15 * kSecond, 2.0);
  write(third);
  ASSERT_TRUE(tsdb_->flush().ok());
  const Samples up = read_all(*tsdb_)["up{job=\"x\"}"];
  EXPECT_EQ(up.at(0), number(1.0));
  EXPECT_EQ(up.at(500 * 15 * kSecond), number(2.0));
}

TEST_F(TsdbTest, TimesOfAnyAgeAreDataAndPoisonNothing) {
  open();
  constexpr std::int64_t kFirst = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t kLast = std::numeric_limits<std::int64_t>::max();
  Request request;
  request.series(kUp);
  for (const std::int64_t time :
       {kLast, std::int64_t{0}, kNow, std::int64_t{-1}, kFirst, kFirst + 1, kLast - 1}) {
    request.sample(time, static_cast<double>(time));
  }
  for (int i = 0; i < 300; ++i) request.sample(kNow + i * kSecond, i);
  write(request);

  const auto before = read_all(*tsdb_);
  ASSERT_TRUE(tsdb_->flush().ok());
  open();

  EXPECT_EQ(before.at("up{job=\"x\"}").size(), 306u);
  EXPECT_EQ(read_all(*tsdb_), before);
  const auto old = read_all(*tsdb_, {}, {kFirst, 0});
  EXPECT_EQ(old.at("up{job=\"x\"}").size(), 4u);
}

TEST_F(TsdbTest, MillisecondsAreFlooredAndTheLastOfOneStays) {
  open();
  Request request;
  request.series(kUp).sample(-1, 1.0).sample(1'000'000, 2.0).sample(1'999'999, 3.0).sample(2'000'000, 4.0);
  write(request);
  auto cursor = tsdb_->querier(kDefaultTenant, {})->select({}, {});
  ASSERT_TRUE(cursor);
  Columns columns;
  ASSERT_TRUE((*cursor)->next());
  ASSERT_TRUE((*cursor)->read(columns).ok());

  EXPECT_EQ(columns.times, (std::vector<std::int64_t>{-1, 1, 2}));
  EXPECT_EQ(columns.floats, (UninitialisedVector<double>{1.0, 3.0, 4.0}));
}

TEST_F(TsdbTest, SeriesThatLookAlikeComeAsOne) {
  open();
  Request request;
  request.series({{"__name__", "a_b_c"}, {"__field__", "c"}}).sample(1, 1.0).sample(3, 3.0);
  request.series({{"__name__", "a_b_c"}, {"__field__", "b_c"}}).sample(2, 2.0);
  request.series({{"__name__", "a_b_c"}, {"__field__", "c"}}, ValueType::Int64).bits(4, 4);
  write(request);
  auto cursor =
      tsdb_->querier(kDefaultTenant, {})
          ->select(std::vector{Matcher::equal("__name__", "a_b_c")}, {TimeUnit::Nanoseconds, true, false, 0});
  ASSERT_TRUE(cursor);
  EXPECT_EQ((*cursor)->size(), 1u);
  ASSERT_TRUE((*cursor)->next());
  Columns columns;
  ASSERT_TRUE((*cursor)->read(columns).ok());

  EXPECT_EQ((*cursor)->labels(), (Labels{{"__name__", "a_b_c"}}));
  EXPECT_EQ(columns.floats, (UninitialisedVector<double>{1.0, 2.0, 3.0, 4.0}));
}

TEST_F(TsdbTest, RefusesFieldsOfAnotherTypeAndKeepsTheRest) {
  open();
  Request first;
  first.field({{"__name__", "m_f"}, {"__field__", "f"}}, ValueType::Float64, "db", "m", "f").sample(1, 1.0);
  write(first);
  Request second;
  second.field({{"__name__", "m_f"}, {"__field__", "f"}, {"t", "1"}}, ValueType::Int64, "db", "m", "f")
      .bits(1, 1);
  second.series(kUp).sample(1, 1.0);

  const AppendOutcome outcome = write(second);

  EXPECT_EQ(outcome.stored, 1u);
  ASSERT_EQ(outcome.refused.size(), 1u);
  EXPECT_EQ(outcome.refused[0].run, 0u);
  EXPECT_EQ(outcome.refused[0].why.code(), Code::InvalidArgument);
  EXPECT_TRUE(tsdb_->has_database(kDefaultTenant, "db"));
}

TEST_F(TsdbTest, SeriesLimitRefusesNewSeriesOnly) {
  auto limited = options();
  limited.max_series = 1;
  open(limited);
  Request request;
  request.series(kUp).sample(1, 1.0);
  request.series({{"__name__", "other"}}).sample(1, 1.0).sample(2, 1.0);

  const AppendOutcome outcome = write(request);

  EXPECT_EQ(outcome.stored, 1u);
  ASSERT_EQ(outcome.refused.size(), 1u);
  EXPECT_EQ(outcome.refused[0].samples, 2u);
  EXPECT_EQ(outcome.refused[0].why.code(), Code::ResourceExhausted);
}

TEST_F(TsdbTest, LabelsAreThoseOfSeriesWithSamplesNearTheRange) {
  open();
  Request request;
  request.series({{"__name__", "old"}, {"host", "a"}}).sample(0, 1.0);
  request.series({{"__name__", "new"}, {"host", "b"}}).sample(kNow, 1.0);
  write(request);
  for (int round = 0; round < 2; ++round) {
    SCOPED_TRACE(round);
    auto querier = tsdb_->querier(kDefaultTenant, {kNow - 3'600 * kSecond, kNow});

    const auto values = querier->label_values("host", {});
    bool truncated = true;
    const auto series = querier->series({}, truncated);

    ASSERT_TRUE(values && series);
    EXPECT_EQ(values->values, (std::vector<std::string>{"b"}));
    EXPECT_EQ(series->size(), 1u);
    EXPECT_FALSE(truncated);
    ASSERT_TRUE(tsdb_->flush().ok());
  }
}

TEST_F(TsdbTest, LabelsOfAnOpenWindowBeginWithItsSamples) {
  open();
  constexpr std::int64_t kMinute = 60 * kSecond;
  Request request;
  request.series({{"__name__", "one"}}).sample(60 * kMinute, 1.0);
  request.series({{"__name__", "many"}});
  for (int i = 0; i < 100; ++i) request.sample(30 * kMinute + i * kSecond, i);
  write(request);
  const auto names = [&](std::int64_t from_minute, std::int64_t to_minute) {
    const auto found = tsdb_->querier(kDefaultTenant, {from_minute * kMinute, to_minute * kMinute})
                           ->label_values("__name__", {});
    EXPECT_TRUE(found) << found.status().message();
    return found ? found->values : std::vector<std::string>();
  };

  EXPECT_EQ(names(0, 29), std::vector<std::string>());
  EXPECT_EQ(names(0, 30), std::vector<std::string>{"many"});
  EXPECT_EQ(names(31, 31), std::vector<std::string>{"many"});
  EXPECT_EQ(names(32, 60), std::vector<std::string>{"one"});
  EXPECT_EQ(names(61, 200), std::vector<std::string>());
}

TEST_F(TsdbTest, FlushLeavesAlmostNoLog) {
  open();
  Request request;
  request.series(kUp);
  for (int i = 0; i < 20'000; ++i) request.sample(i * kSecond, i);
  write(request);
  EXPECT_GT(tsdb_->stats(0).wal_bytes, 50'000u);

  ASSERT_TRUE(tsdb_->flush().ok());

  const StorageStats stats = tsdb_->stats(0);
  EXPECT_LT(stats.wal_bytes, 4'096u);
  EXPECT_EQ(stats.head_samples, 0u);
  EXPECT_GE(stats.windows, 1u);
}

TEST_F(TsdbTest, MetadataAndDatabasesOutliveTheProcess) {
  open();
  ASSERT_TRUE(tsdb_->put(kDefaultTenant, {{"up", "gauge", "Whether it is up.", ""}}).ok());
  ASSERT_TRUE(tsdb_->create_database(kDefaultTenant, "telegraf").ok());

  open();

  EXPECT_EQ(tsdb_->get(kDefaultTenant, "up", 0),
            (std::vector<Metadata>{{"up", "gauge", "Whether it is up.", ""}}));
  EXPECT_TRUE(tsdb_->has_database(kDefaultTenant, "telegraf"));
}

TEST_F(TsdbTest, SecondProcessIsRefusedInWords) {
  open();

  const auto second = Tsdb::open(options(), clock_);

  ASSERT_FALSE(second);
  EXPECT_EQ(second.status().code(), Code::Unavailable);
  EXPECT_NE(second.status().message().find("another process"), std::string_view::npos);
}

TEST_F(TsdbTest, ProgressStaysThroughCheckpointsFlushesAndRestarts) {
  open();
  const auto put = [&](std::string source, std::int64_t position) {
    Request nothing;
    const Progress progress{std::move(source), position};
    return tsdb_->append_with(kDefaultTenant, nothing.batch, nothing, {std::span(&progress, 1), 0});
  };
  ASSERT_TRUE(put("kafka/a", 1));
  ASSERT_TRUE(put("kafka/b", 7));
  ASSERT_TRUE(put("other", 3));
  ASSERT_TRUE(tsdb_->checkpoint().ok());
  ASSERT_TRUE(put("kafka/a", 2));
  const std::vector<Progress> expected = {{"kafka/a", 2}, {"kafka/b", 7}};
  EXPECT_EQ(tsdb_->progress("kafka/"), expected);
  open();
  EXPECT_EQ(tsdb_->progress("kafka/"), expected);
  ASSERT_TRUE(tsdb_->flush().ok());
  open();
  EXPECT_EQ(tsdb_->progress("kafka/"), expected);
}

TEST_F(TsdbTest, ProgressWaitsForWhatIsRefused) {
  open();
  class Refusing final : public SeriesResolver {
    Result<NewSeries> resolve(std::size_t) override { return Status(Code::InvalidArgument, "no"); }
  } refusing;
  Request request;
  request.series({{"__name__", "m"}}).sample(1, 1.0);
  const Progress progress{"s", 1};
  const auto outcome =
      tsdb_->append_with(kDefaultTenant, request.batch, refusing, {std::span(&progress, 1), 0});
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->refused.size(), 1u);
  EXPECT_TRUE(tsdb_->progress("s").empty());
}

TEST_F(TsdbTest, ANewSeriesThatComesManyTimesInABatchIsAskedForFewTimes) {
  open();
  Request request;
  for (int i = 0; i < 20'000; ++i)
    request.series({{"__name__", "m"}, {"n", std::to_string(i % 100)}}).sample(i, i);
  write(request);
  EXPECT_LT(request.resolved, 2'000u);
  std::size_t samples = 0;
  const auto all = read_all(*tsdb_);
  for (const auto& [labels, of_series] : all) samples += of_series.size();
  EXPECT_EQ(all.size(), 100u);
  EXPECT_EQ(samples, 20'000u);
}

TEST_F(TsdbTest, TheSameBytesUnderAnotherSaltAreAnotherSeries) {
  open();
  Request plain;
  plain.series({{"__name__", "m"}}).sample(1, 1.0);
  write(plain);
  // The resolver gives other labels for the same key, as one that adds labels does.
  class Labelled final : public SeriesResolver {
    Result<NewSeries> resolve(std::size_t) override {
      NewSeries series;
      series.labels = {{"__name__", "m"}, {"x", "y"}};
      return series;
    }
  } labelled;
  ASSERT_TRUE(tsdb_->append_with(kDefaultTenant, plain.batch, labelled, {{}, 42}));
  EXPECT_EQ(read_all(*tsdb_).size(), 2u);
}

}  // namespace
}  // namespace silverback::storage
