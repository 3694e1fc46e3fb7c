// The store against a std::map: whatever is written, in whatever order, with flushes, checkpoints, restarts
// and kills between, is what comes back.
#include <filesystem>
#include <random>

#include "tests/storage/tsdb_vocabulary.h"

namespace silverback::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kSecond = kNsPerSecond;

class TsdbProperty : public TsdbTest {
 protected:
  static Labels labels_of(std::size_t i) {
    return Labels{{"__name__", "series"}, {"number", std::to_string(i)}, {"shard", std::to_string(i % 3)}};
  }
  static ValueType type_of(std::size_t i) {
    constexpr ValueType kTypes[] = {ValueType::Float64, ValueType::Float64, ValueType::Int64,
                                    ValueType::Uint64,  ValueType::Bool,    ValueType::String};
    return kTypes[i % std::size(kTypes)];
  }

  std::int64_t some_time(std::size_t i) {
    switch (random_() % 12) {
      case 0: return static_cast<std::int64_t>(random_());                             // anything
      case 1: return kNow - static_cast<std::int64_t>(random_() % 200'000) * kSecond;  // late, often a repeat
      case 2: return newest_[i];                                                       // the newest again
      case 3: return newest_[i] - static_cast<std::int64_t>(random_() % 20) * kSecond;  // a little late
      case 4: return newest_[i] = newest_[i] + static_cast<std::int64_t>(random_() % 9'000) * kSecond;
      default: return newest_[i] = newest_[i] + kSecond;
    }
  }
  std::uint64_t some_bits(ValueType type) {
    if (type == ValueType::Bool) return random_() % 2;
    if (type == ValueType::Float64 && random_() % 8 != 0)
      return std::bit_cast<std::uint64_t>(static_cast<double>(random_() % 1'000) / 10);
    return random_() % 4 == 0 ? random_() : random_() % 1'000;
  }

  void write_some() {
    Request request;
    const std::size_t runs = 1 + random_() % 12;
    for (std::size_t run = 0; run < runs; ++run) {
      const std::size_t i = random_() % kSeries;
      request.series(labels_of(i), type_of(i));
      Samples& expected = model_[labels_of(i).to_string()];
      const std::size_t count = 1 + random_() % (random_() % 10 == 0 ? 300 : 4);
      for (std::size_t n = 0; n < count; ++n) {
        const std::int64_t time = some_time(i);
        if (type_of(i) == ValueType::String) {
          const std::string text(random_() % 40, static_cast<char>('a' + random_() % 26));
          request.text(time, text);
          expected[time] = text;
        } else {
          const std::uint64_t bits = some_bits(type_of(i));
          request.bits(time, bits);
          expected[time] = number(bits);
        }
      }
    }
    write(request);
  }

  void expect_all() {
    const auto stored = read_all(*tsdb_);
    ASSERT_EQ(stored.size(), model_.size());
    for (const auto& [labels, samples] : model_) {
      SCOPED_TRACE(labels);
      const auto it = stored.find(labels);
      ASSERT_NE(it, stored.end());
      ASSERT_EQ(it->second.size(), samples.size());
      ASSERT_TRUE(it->second == samples);
    }
  }
  void expect_range() {
    const std::int64_t middle = kNow - static_cast<std::int64_t>(random_() % 100'000) * kSecond;
    const TimeRange range{middle, middle + static_cast<std::int64_t>(random_() % 50'000) * kSecond};
    const auto stored = read_all(*tsdb_, {Matcher::equal("shard", "1")}, range);
    for (std::size_t i = 1; i < kSeries; i += 3) {
      const std::string labels = labels_of(i).to_string();
      Samples expected;
      for (const auto& [time, value] : model_[labels]) {
        if (range.contains(time)) expected[time] = value;
      }
      const auto it = stored.find(labels);
      ASSERT_TRUE(it == stored.end() ? expected.empty() : it->second == expected) << labels;
    }
  }
  /// What a kill -9 leaves: the files as they stand, while the process goes on elsewhere.
  void kill() {
    const fs::path from = options().path;
    const fs::path copy = from.string() + ".killed";
    fs::remove_all(copy);
    fs::copy(from, copy, fs::copy_options::recursive);
    tsdb_.reset();
    fs::remove_all(from);
    fs::rename(copy, from);
    open();
  }

  static constexpr std::size_t kSeries = 18;
  std::mt19937_64 random_;
  std::map<std::size_t, std::int64_t> newest_;
  std::map<std::string, Samples> model_;
};

TEST_F(TsdbProperty, ReadsWhatWasWrittenThroughEverything) {
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    SCOPED_TRACE(seed);
    tsdb_.reset();
    fs::remove_all(options().path);
    model_.clear();
    random_.seed(seed);
    for (std::size_t i = 0; i < kSeries; ++i)
      newest_[i] = kNow - static_cast<std::int64_t>(random_() % 20'000) * kSecond;
    open();
    for (int step = 0; step < 90; ++step) {
      SCOPED_TRACE(step);
      write_some();
      switch (random_() % 24) {
        case 0: ASSERT_TRUE(tsdb_->flush().ok()); break;
        case 1: open(); break;
        case 2: kill(); break;
        case 3: ASSERT_TRUE(tsdb_->checkpoint().ok()); break;
        case 4:
          clock_.advance(std::chrono::minutes(random_() % 60));
          ASSERT_TRUE(tsdb_->maintain().ok());
          break;
        case 5: ASSERT_NO_FATAL_FAILURE(expect_all()); break;
        case 6: ASSERT_NO_FATAL_FAILURE(expect_range()); break;
        default: break;
      }
      ASSERT_FALSE(HasFatalFailure());
    }
    ASSERT_NO_FATAL_FAILURE(expect_all());
    kill();
    ASSERT_NO_FATAL_FAILURE(expect_all());
  }
}

}  // namespace
}  // namespace silverback::storage
