// Several threads apply the log at start; what they leave is what one thread leaves.
#include <fstream>
#include <random>

#include "storage/parallel_apply.h"
#include "tests/storage/tsdb_vocabulary.h"

namespace silverback::storage {
namespace {

namespace fs = std::filesystem;

// ThreadSanitizer makes everything ten times slower; what it looks for shows in a tenth as well.
#ifdef __SANITIZE_THREAD__
constexpr int kRounds = 8;
constexpr std::uint32_t kSeeds = 1;
#else
constexpr int kRounds = 60;
constexpr std::uint32_t kSeeds = 3;
#endif

struct State {
  std::map<std::string, Samples> samples;
  std::uint64_t head_samples = 0;
  std::uint64_t head_chunks = 0;
  std::uint64_t head_bytes = 0;
  friend bool operator==(const State&, const State&) = default;
};

class Replay : public TsdbTest {
 protected:
  static Labels labels_of(std::size_t i) {
    return Labels{{"__name__", "m" + std::to_string(i % 7)}, {"i", std::to_string(i)}};
  }
  static ValueType type_of(std::size_t i) {
    constexpr ValueType kTypes[] = {ValueType::Float64, ValueType::Int64, ValueType::Float64,
                                    ValueType::String, ValueType::Bool};
    return kTypes[i % 5];
  }

  /// Series in a row; samples in order, late, repeated and corrected, across windows.
  void write_rounds(std::uint32_t seed, int rounds) {
    std::mt19937 random(seed);
    for (int round = 0; round < rounds; ++round) {
      Request request;
      const std::size_t first = random() % 2'000;
      const std::size_t count = 1 + random() % 1'500;
      for (std::size_t i = first; i < first + count; ++i) {
        request.series(labels_of(i), type_of(i));
        const std::size_t samples = 1 + (random() % 16 == 0 ? random() % 200 : random() % 3);
        for (std::size_t k = 0; k < samples; ++k) {
          std::int64_t time = kNow + (round * 240 + static_cast<std::int64_t>(k)) * kNsPerSecond;
          if (random() % 20 == 0) time -= static_cast<std::int64_t>(random() % 9'000) * kNsPerSecond;
          if (type_of(i) == ValueType::String) {
            request.text(time, std::to_string(random() % 100));
          } else if (type_of(i) == ValueType::Bool) {
            request.bits(time, random() % 2);
          } else {
            request.sample(time, static_cast<double>(random() % 1'000) / 4);
          }
        }
      }
      write(request);
    }
  }
  void keep_a_copy() {
    fs::remove_all(dir_.path() / "copy");
    fs::copy(dir_.path() / "data", dir_.path() / "copy", fs::copy_options::recursive);
  }
  /// Opens a fresh copy of the kept one.
  State state(std::uint32_t threads, bool salvage = false) {
    tsdb_.reset();
    fs::remove_all(dir_.path() / "data");
    fs::copy(dir_.path() / "copy", dir_.path() / "data", fs::copy_options::recursive);
    TsdbOptions with = options();
    with.replay_threads = threads;
    with.salvage_wal = salvage;
    with.shards = 16;
    open(with);
    State out;
    if (tsdb_ == nullptr) return out;
    const StorageStats stats = tsdb_->stats(0);
    out.head_samples = stats.head_samples;
    out.head_chunks = stats.head_chunks;
    out.head_bytes = stats.head_bytes;
    out.samples = read_all(*tsdb_);
    return out;
  }
  void expect_equal_states(bool salvage = false) {
    const State one = state(1, salvage);
    ASSERT_FALSE(one.samples.empty());
    ASSERT_GT(one.head_samples, 0u);
    for (const std::uint32_t threads : {2u, 4u, 16u}) {
      SCOPED_TRACE(threads);
      EXPECT_TRUE(state(threads, salvage) == one);
    }
  }
  fs::path log(std::size_t number) const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(dir_.path() / "copy" / "wal"))
      files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    return files.at(number);
  }
};

TEST_F(Replay, ByThreadsIsThatOfOne) {
  for (std::uint32_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE(seed);
    tsdb_.reset();
    fs::remove_all(dir_.path() / "data");
    open();
    write_rounds(seed, kRounds);
    keep_a_copy();

    expect_equal_states();
  }
}

TEST_F(Replay, BehindFlushesAndACheckpointIsThatOfOne) {
  open();
  write_rounds(4, 20);
  ASSERT_TRUE(tsdb_->flush().ok());
  write_rounds(5, 20);
  ASSERT_TRUE(tsdb_->checkpoint().ok());
  write_rounds(6, 20);
  keep_a_copy();

  expect_equal_states();
}

TEST_F(Replay, OfATornTailIsThatOfOne) {
  open();
  write_rounds(7, 40);
  keep_a_copy();
  std::size_t last = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator(dir_.path() / "copy" / "wal")) ++last;
  fs::resize_file(log(last - 1), fs::file_size(log(last - 1)) - 1'000);

  expect_equal_states();
}

TEST_F(Replay, WithSalvageIsThatOfOne) {
  open();
  write_rounds(8, 40);
  keep_a_copy();
  std::fstream file(log(3), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(9'000);
  file.write("damaged!", 8);
  file.close();

  expect_equal_states(/*salvage=*/true);
}

// A series whose record was lost leaves its samples out, and its number to nobody.
TEST_F(Replay, SamplesOfALostSeriesGoToNoOther) {
  open();
  Request first;
  first.series(labels_of(0)).sample(kNow, 1);
  write(first);
  Request second;
  second.series(labels_of(1)).sample(kNow, 2);
  write(second);
  std::mt19937_64 random(1);
  for (int i = 0; i < 40; ++i) {  // so that it is damage in the middle of the log, not its end
    Request filler;
    filler.series(labels_of(0));
    for (int k = 0; k < 1'000; ++k) filler.bits(kNow + 1'000 * i + k + 2, random());
    write(filler);
  }
  keep_a_copy();
  tsdb_.reset();
  fs::remove_all(dir_.path() / "data");
  fs::copy(dir_.path() / "copy", dir_.path() / "data", fs::copy_options::recursive);
  // Records: series 0, samples, series 1, samples. The third's checksum no longer fits.
  const fs::path path = dir_.path() / "data" / "wal" / log(0).filename();
  std::string bytes;
  {
    std::ifstream in(path, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(in), {});
  }
  const std::size_t at = bytes.find(
      "\1i\1"
      "1");
  ASSERT_NE(at, std::string::npos);
  bytes[at] = '\2';
  std::ofstream(path, std::ios::binary) << bytes;
  TsdbOptions salvaging = options();
  salvaging.salvage_wal = true;
  open(salvaging);
  ASSERT_NE(tsdb_, nullptr);

  Request third;
  third.series(labels_of(2)).sample(kNow + 1, 3);
  write(third);
  const auto before = read_all(*tsdb_);
  EXPECT_EQ(before.at(labels_of(0).to_string()).size(), 40'001u);
  EXPECT_FALSE(before.contains(labels_of(1).to_string()));
  open(salvaging);

  EXPECT_EQ(read_all(*tsdb_), before);
  EXPECT_EQ(before.at(labels_of(2).to_string()).size(), 1u);
}

// Larger than everything that may wait, and many that fill no group.
TEST(ParallelApply, TakesRecordsOfAnySizeInOrder) {
  Head head(8);
  constexpr std::uint32_t kSeries = 5'000;
  for (std::uint32_t ref = 1; ref <= kSeries; ++ref) head.add_series(SeriesRef{ref}, ValueType::Int64);
  std::uint64_t samples = 0;
  {
    ParallelApply apply(head, 4);
    for (int round = 0; round < 300; ++round) {
      auto& [batch, refs] = apply.next();
      batch.clear();
      refs.clear();
      const std::uint32_t of_each = round == 100 ? 60 : 1;
      const auto step = static_cast<std::uint32_t>(round % 7 + 1);
      for (std::uint32_t ref = step; ref <= kSeries; ref += step) {
        refs.push_back(SeriesRef{ref});
        batch.add_series({});
        for (std::uint32_t k = 0; k < of_each; ++k)
          batch.add_sample(round * 100 + static_cast<int>(k), static_cast<std::uint64_t>(round));
      }
      samples += refs.size() * of_each;
      apply.submit();
    }
  }

  EXPECT_EQ(head.figures().samples, samples);
  EXPECT_EQ(head.figures().late, 0u) << "out of order";
}

}  // namespace
}  // namespace silverback::storage
