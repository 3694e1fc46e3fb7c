// Reading: pages of records, label queries, and what a query is asked for its memory.
#include <limits>

#include "tests/storage/tsdb_vocabulary.h"

namespace silverback::storage {
namespace {

constexpr std::int64_t kSecond = kNsPerSecond;
constexpr std::int64_t kHour = 3'600 * kSecond;

Labels named(int i) { return {{"__name__", "m"}, {"i", std::to_string(1000 + i)}}; }

class TsdbReadTest : public TsdbTest {
 protected:
  /// Every minute for six hours, of series [0, count); values tell series, time and round.
  void fill(int count, int round, std::int64_t step = 60 * kSecond) {
    Request request;
    for (int i = 0; i < count; ++i) {
      request.series(named(i));
      for (std::int64_t at = 0; at < 6 * kHour; at += step) {
        request.sample(at, i * 1e6 + round * 1e5 + static_cast<double>(at / kSecond));
      }
    }
    write(request);
  }
  std::map<std::string, Samples> one(int i) {
    return read_all(*tsdb_, {Matcher::equal("i", std::to_string(1000 + i))});
  }
};

TEST_F(TsdbReadTest, PagesGiveWhatLookUpsGiveAndALaterFlushShows) {
  open();
  for (int round = 0; round < 3; ++round) {
    SCOPED_TRACE(round);
    fill(300, round, round == 1 ? 7 * 60 * kSecond : 60 * kSecond);
    const auto in_head = read_all(*tsdb_);
    ASSERT_TRUE(tsdb_->flush().ok());

    // One series: looked up, then by a page that is made, then by a page that is there.
    for (int i = 0; i < 300; i += 37) {
      for (int again = 0; again < 3; ++again) {
        const auto alone = one(i);
        ASSERT_EQ(alone.size(), 1u);
        ASSERT_EQ(alone.begin()->second, in_head.at(alone.begin()->first)) << i << ' ' << again;
      }
    }
    EXPECT_EQ(read_all(*tsdb_), in_head);
    EXPECT_EQ(read_all(*tsdb_), in_head);
  }
}

TEST_F(TsdbReadTest, LongStringsDoNotFillTheCache) {
  open();
  Request request;
  for (int i = 0; i < 64; ++i) {
    request.series(named(i), ValueType::String);
    for (int k = 0; k < 20; ++k) {
      std::string text(3'000, 'a');
      for (std::size_t at = 0; at < text.size(); ++at)
        text[at] = static_cast<char>(
            '!' + hash64(std::to_string(i * 100'000 + k * 4'000) + std::to_string(at)) % 90);
      request.text(k * kSecond, text);
    }
  }
  write(request);
  const auto in_head = read_all(*tsdb_);
  ASSERT_TRUE(tsdb_->flush().ok());

  EXPECT_EQ(read_all(*tsdb_), in_head);
  EXPECT_EQ(read_all(*tsdb_), in_head);
  EXPECT_EQ(one(5).begin()->second, in_head.at("m{i=\"1005\"}"));
}

TEST_F(TsdbReadTest, AsksBeforeItTakesMemoryAndStopsWhenRefused) {
  open();
  Request request;
  request.series(named(0));
  constexpr int kSamples = 400'000;
  for (int i = 0; i < kSamples; ++i) request.sample(i * kSecond, i * 0.1);
  write(request);
  ASSERT_TRUE(tsdb_->flush().ok());
  std::uint64_t asked = 0;
  std::uint64_t limit = std::numeric_limits<std::uint64_t>::max();
  Select select;
  select.hold = [&](std::uint64_t bytes) {
    asked = std::max(asked, bytes);
    return bytes <= limit ? Status() : Status(Code::ResourceExhausted, "no more");
  };
  const auto read = [&](Columns& columns) {
    auto cursor = tsdb_->querier(kDefaultTenant, {})->select({}, select);
    EXPECT_TRUE(cursor);
    EXPECT_TRUE((*cursor)->next());
    return (*cursor)->read(columns);
  };

  Columns columns;
  ASSERT_TRUE(read(columns).ok());
  EXPECT_EQ(columns.size(), kSamples);
  EXPECT_GT(asked, kSamples * 16u) << "columns and records";
  EXPECT_LT(asked, kSamples * 16u + (8u << 20));

  // Refused before the columns are made, and before the records are read.
  for (const std::uint64_t at_most : {std::uint64_t{4} << 20, std::uint64_t{1} << 10}) {
    SCOPED_TRACE(at_most);
    limit = at_most;
    Columns none;
    const Status refused = read(none);
    EXPECT_EQ(refused.code(), Code::ResourceExhausted);
    EXPECT_EQ(refused.message(), "no more");
    EXPECT_EQ(none.times.capacity() + none.floats.capacity(), 0u);
  }
}

TEST_F(TsdbReadTest, ManySeriesAreCountedBeforeTheyAreGrouped) {
  open();
  fill(200, 0, kHour);
  Select select;
  select.hold = [](std::uint64_t) { return Status(Code::ResourceExhausted, "no more"); };

  const auto cursor = tsdb_->querier(kDefaultTenant, {})->select({}, select);

  EXPECT_EQ(cursor.status().code(), Code::ResourceExhausted);
}

TEST_F(TsdbReadTest, LabelNamesAreThoseOfLiveSeries) {
  open();
  Request request;
  request.series({{"__name__", "old"}, {"gone", "x"}}).sample(0, 1.0);
  request.series({{"__name__", "m"}, {"host", "a"}}).sample(kNow, 1.0);
  request.series({{"__name__", "m"}, {"host", "b"}}).sample(0, 1.0);  // the newest of its names
  write(request);
  using Names = std::vector<std::string>;
  for (int round = 0; round < 2; ++round) {
    SCOPED_TRACE(round);
    const auto names = [&](TimeRange range) {
      const auto answer = tsdb_->querier(kDefaultTenant, range)->label_names({});
      return answer ? answer->values : Names{std::string(answer.status().message())};
    };

    EXPECT_EQ(names({kNow - kHour, kNow}), (Names{"__name__", "host"}));
    EXPECT_EQ(names({0, kHour}), (Names{"__name__", "gone", "host"}));
    EXPECT_EQ(names({kNow / 2, kNow / 2 + kHour}), Names{});
    ASSERT_TRUE(tsdb_->flush().ok());
  }
}

}  // namespace
}  // namespace silverback::storage
