// What the store does by itself: windows by the clock, retention, checkpoints; and everything at once.
#include <atomic>
#include <thread>

#include "tests/storage/tsdb_vocabulary.h"

namespace silverback::storage {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

const Labels kUp{{"__name__", "up"}};

class TsdbBackground : public TsdbTest {
 protected:
  void write_at(std::int64_t time_ns, double value) {
    Request request;
    request.series(kUp).sample(time_ns, value);
    write(request);
  }
  void maintain() {
    const Status done = tsdb_->maintain();
    ASSERT_TRUE(done.ok()) << done.message();
  }
};

TEST_F(TsdbBackground, AWindowGoesToDiskWhenTheClockIsPastItsGrace) {
  open();
  write_at(kNow, 1.0);
  maintain();
  EXPECT_EQ(tsdb_->stats(0).windows, 0u);

  clock_.advance(hours(2) + minutes(11));
  maintain();

  EXPECT_EQ(tsdb_->stats(0).windows, 1u);
  EXPECT_EQ(tsdb_->stats(0).head_samples, 0u);
  EXPECT_EQ(read_all(*tsdb_)["up"].size(), 1u);
}

TEST_F(TsdbBackground, AFarFutureSampleClosesNothing) {
  open();
  write_at(kNow, 1.0);
  write_at(kNow + kNsPerSecond * 3'600 * 24 * 365 * 100, 2.0);
  clock_.advance(minutes(1));

  maintain();

  EXPECT_EQ(tsdb_->stats(0).windows, 0u);
}

TEST_F(TsdbBackground, ABackfillIsWrittenOnceItIsQuiet) {
  open();
  for (int day = 0; day < 30; ++day) write_at(kNow - kNsPerSecond * 24 * 3'600 * (40 - day), day);
  maintain();
  EXPECT_EQ(tsdb_->stats(0).windows, 0u);

  clock_.advance(minutes(1));
  maintain();

  EXPECT_EQ(tsdb_->stats(0).head_samples, 0u);
  EXPECT_EQ(read_all(*tsdb_)["up"].size(), 30u);
}

TEST_F(TsdbBackground, RetentionDropsOldWindowsAndTheirFiles) {
  auto kept = options();
  kept.retention = hours(24 * 10);
  open(kept);
  write_at(kNow - kNsPerSecond * 24 * 3'600 * 20, 1.0);
  ASSERT_TRUE(tsdb_->flush().ok());
  write_at(kNow, 2.0);
  ASSERT_TRUE(tsdb_->flush().ok());
  EXPECT_EQ(tsdb_->stats(0).windows, 2u);

  maintain();

  EXPECT_EQ(tsdb_->stats(0).windows, 1u);
  const Samples left = read_all(*tsdb_)["up"];
  EXPECT_EQ(left, (Samples{{kNow, number(2.0)}}));
}

TEST_F(TsdbBackground, ACheckpointEndsTheReplay) {
  open();
  for (int i = 0; i < 100; ++i) write_at(kNow + i * kNsPerSecond, i);
  clock_.advance(minutes(11));
  maintain();
  maintain();

  EXPECT_LT(tsdb_->stats(0).wal_bytes, 4'096u + 100 * 64);
  open();

  EXPECT_EQ(read_all(*tsdb_)["up"].size(), 100u);
}

TEST_F(TsdbBackground, WritersReadersAndFlushesAtOnce) {
  constexpr std::size_t kWriters = 3;
  constexpr std::size_t kRounds = 150;
  constexpr std::size_t kSeries = 30;
  open();
  std::atomic<bool> done{false};
  std::vector<std::jthread> threads;
  std::jthread flusher([&] {
    for (int i = 0; !done; ++i) EXPECT_TRUE((i % 2 == 0 ? tsdb_->flush() : tsdb_->checkpoint()).ok());
  });
  std::jthread reader([&] {
    std::size_t before = 0;
    while (!done) {
      std::size_t now = 0;
      for (const auto& [labels, samples] : read_all(*tsdb_)) now += samples.size();
      EXPECT_GE(now, before);  // what was found once is found again
      before = now;
    }
  });
  for (std::size_t writer = 0; writer < kWriters; ++writer) {
    threads.emplace_back([&, writer] {
      for (std::size_t round = 0; round < kRounds; ++round) {
        Request request;
        for (std::size_t i = 0; i < kSeries; ++i) {
          request.series(
              Labels{{"__name__", "m"}, {"i", std::to_string(i)}, {"writer", std::to_string(writer)}});
          request.sample(kNow + static_cast<std::int64_t>(round) * 60 * kNsPerSecond,
                         static_cast<double>(round));
        }
        const auto outcome = tsdb_->append(kDefaultTenant, request.batch, request);
        EXPECT_TRUE(outcome && outcome->stored == kSeries);
      }
    });
  }
  threads.clear();
  done = true;
  flusher.join();
  reader.join();

  std::size_t found = 0;
  for (const auto& [labels, samples] : read_all(*tsdb_)) found += samples.size();
  EXPECT_EQ(found, kWriters * kRounds * kSeries);
}

}  // namespace
}  // namespace silverback::storage
