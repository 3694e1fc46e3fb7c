#include "storage/chunk.h"

#include <gtest/gtest.h>

#include <tuple>

#include "base/bytes.h"
#include "storage/aggregates.h"
#include "tests/storage/column_shapes.h"

namespace silverback::storage {
namespace {

std::string chunk_of(ValueType type, const std::vector<std::int64_t>& times,
                     const std::vector<std::uint64_t>& bits, std::uint64_t times_ref = 0) {
  std::string out;
  ScaleHint hint = 0;
  encode_chunk({.type = type, .times_ns = times, .bits = bits, .strings = {}, .times_ref = times_ref}, hint,
               out);
  return out;
}

std::vector<std::int64_t> every_15s(std::size_t n) {
  std::vector<std::int64_t> out;
  for (std::size_t i = 0; i < n; ++i)
    out.push_back((1'700'000'000 + 15 * static_cast<std::int64_t>(i)) * 1'000'000'000);
  return out;
}

/// What the aggregates claim, computed from the samples the plain way.
void expect_true_aggregates(const ChunkHeader& header, const std::vector<double>& values) {
  const ChunkAggregates& a = header.aggregates;
  std::vector<double> kept;
  std::uint32_t stale = 0;
  bool nan = false;
  for (const double v : values) {
    if (is_stale(v)) {
      ++stale;
    } else {
      nan |= std::isnan(v);
      kept.push_back(v);
    }
  }
  ASSERT_EQ(header.stale, stale);
  ASSERT_EQ(header.has_nan, nan);
  if (nan || kept.empty()) {
    ASSERT_FALSE(a.has_range || a.has_sum || a.has_counter);
    return;
  }
  if (!a.has_range) return;
  double sum = 0;
  double correction = 0;
  std::uint32_t resets = 0;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    sum += kept[i];
    if (i > 0 && kept[i] < kept[i - 1]) {
      ++resets;
      correction += kept[i - 1];
    }
  }
  ASSERT_EQ(a.first, std::bit_cast<std::uint64_t>(kept.front()));
  ASSERT_EQ(a.last, std::bit_cast<std::uint64_t>(kept.back()));
  ASSERT_EQ(a.min, std::bit_cast<std::uint64_t>(*std::min_element(kept.begin(), kept.end())));
  ASSERT_EQ(a.max, std::bit_cast<std::uint64_t>(*std::max_element(kept.begin(), kept.end())));
  if (a.has_sum) {
    ASSERT_EQ(static_cast<double>(a.sum), sum);
  }
  if (a.has_counter) {
    ASSERT_EQ(a.resets, resets);
    ASSERT_EQ(a.correction, correction);
  }
}

TEST(Chunk, FloatsTimesAndTrueAggregatesComeBack) {
  for (std::uint64_t seed = 0; seed < 2'000; ++seed) {
    SCOPED_TRACE(seed);
    const std::size_t n = test::random_length(seed);
    const auto times = test::random_times(seed, n);
    const auto values = test::random_floats(seed, n);
    const std::string bytes =
        chunk_of(ValueType::Float64, times, test::bits_of(values), seed % 2 == 0 ? 0 : seed);

    const auto chunk = ChunkView::parse(bytes);

    ASSERT_TRUE(chunk) << chunk.status().message();
    const ChunkHeader& header = chunk->header();
    ASSERT_EQ(header.count, n);
    ASSERT_EQ(header.first_ns, times.front());
    ASSERT_EQ(header.last_ns, times.back());
    ASSERT_EQ(header.times_ref, seed % 2 == 0 ? 0 : seed);
    std::vector<double> out(n);
    ASSERT_TRUE(chunk->decode_floats(out.data()).ok());
    ASSERT_EQ(test::bits_of(out), test::bits_of(values));
    expect_true_aggregates(header, values);
    if (header.times_ref != 0) continue;
    std::vector<std::int64_t> out_times(n);
    ASSERT_TRUE(chunk->decode_times(TimeUnit::Nanoseconds, out_times.data()).ok());
    ASSERT_EQ(out_times, times);
  }
}

TEST(Chunk, IntegersAndBoolsComeBackAsBitsAndAsFloats) {
  for (std::uint64_t seed = 0; seed < 600; ++seed) {
    for (const ValueType type : {ValueType::Int64, ValueType::Uint64, ValueType::Bool}) {
      SCOPED_TRACE(seed);
      const std::size_t n = test::random_length(seed);
      std::vector<std::uint64_t> bits;
      for (const std::int64_t v : test::random_ints(seed, n)) {
        bits.push_back(type == ValueType::Bool ? static_cast<std::uint64_t>(v) % 2
                                               : static_cast<std::uint64_t>(v));
      }
      const std::string bytes = chunk_of(type, every_15s(n), bits, 5);

      const auto chunk = ChunkView::parse(bytes);

      ASSERT_TRUE(chunk) << chunk.status().message();
      std::vector<std::uint64_t> out(n);
      std::vector<double> floats(n);
      ASSERT_TRUE(chunk->decode_bits(out.data()).ok());
      ASSERT_TRUE(chunk->decode_as_floats(floats.data()).ok());
      ASSERT_EQ(out, bits);
      std::vector<double> expected;
      for (const auto b : bits) {
        expected.push_back(type == ValueType::Int64 ? static_cast<double>(static_cast<std::int64_t>(b))
                                                    : static_cast<double>(b));
      }
      ASSERT_EQ(floats, expected);
      const ChunkAggregates& a = chunk->header().aggregates;
      ASSERT_TRUE(a.has_range);
      ASSERT_EQ(a.first, bits.front());
      ASSERT_EQ(a.last, bits.back());
      if (type == ValueType::Int64) {
        const std::vector<std::int64_t> as_signed(bits.begin(), bits.end());
        ASSERT_EQ(static_cast<std::int64_t>(a.min), *std::min_element(as_signed.begin(), as_signed.end()));
      } else {
        ASSERT_EQ(a.max, *std::max_element(bits.begin(), bits.end()));
      }
      double sum = 0;
      for (const double v : expected) sum += v;
      if (a.has_sum) {
        ASSERT_EQ(static_cast<double>(a.sum), sum);
      }
    }
  }
}

TEST(Chunk, AggregatesAreTheSameAtEveryLevel) {
  for (std::uint64_t seed = 0; seed < 2'000; ++seed) {
    SCOPED_TRACE(seed);
    const auto values = test::random_floats(seed, test::random_length(seed));
    ChunkHeader plain;
    plain.count = static_cast<std::uint32_t>(values.size());
    ChunkHeader fast = plain;

    aggregate(Simd::Baseline, test::bits_of(values), plain);
    aggregate(best_simd(), test::bits_of(values), fast);

    expect_true_aggregates(fast, values);
    ASSERT_EQ(plain.stale, fast.stale);
    ASSERT_EQ(plain.has_nan, fast.has_nan);
    const ChunkAggregates& a = plain.aggregates;
    const ChunkAggregates& b = fast.aggregates;
    ASSERT_EQ(std::tie(a.has_range, a.first, a.last, a.min, a.max),
              std::tie(b.has_range, b.first, b.last, b.min, b.max));
    ASSERT_EQ(std::tie(a.has_sum, a.sum, a.has_counter, a.resets),
              std::tie(b.has_sum, b.sum, b.has_counter, b.resets));
    ASSERT_EQ(std::bit_cast<std::uint64_t>(a.correction), std::bit_cast<std::uint64_t>(b.correction));
  }
}

TEST(Chunk, StringsComeBack) {
  const std::vector<std::string_view> values = {"", "up", "up", "down"};
  const auto times = every_15s(values.size());
  std::string bytes;
  ScaleHint hint = 0;
  encode_chunk({.type = ValueType::String, .times_ns = times, .bits = {}, .strings = values, .times_ref = 0},
               hint, bytes);
  const auto chunk = ChunkView::parse(bytes);
  ASSERT_TRUE(chunk);
  std::vector<std::string_view> out;
  ASSERT_TRUE(chunk->decode_strings(out).ok());
  EXPECT_EQ(out, values);
}

TEST(Chunk, ACounterWithOneResetKnowsItsIncrease) {
  const auto bytes = chunk_of(ValueType::Float64, every_15s(5), test::bits_of({10.5, 20.5, 30.5, 2, 3}), 1);
  const auto chunk = ChunkView::parse(bytes);
  ASSERT_TRUE(chunk);
  const ChunkAggregates& a = chunk->header().aggregates;
  ASSERT_TRUE(a.has_counter);
  EXPECT_EQ(a.resets, 1u);
  EXPECT_EQ(a.correction, 30.5);
  EXPECT_FALSE(a.has_sum);
}

TEST(Chunk, AConstantSeriesIsLittleMoreThanItsTimes) {
  const auto bytes = chunk_of(ValueType::Float64, every_15s(480),
                              std::vector<std::uint64_t>(480, std::bit_cast<std::uint64_t>(1.0)), 300);
  EXPECT_LE(bytes.size(), 16u);
}

TEST(Chunk, BytesNeverChange) {
  const auto times = every_15s(3);
  EXPECT_EQ(test::hex(chunk_of(ValueType::Float64, times, test::bits_of({1, 1, 1}), 9)),
            "800380c49fd50c3c097702");
  EXPECT_EQ(test::hex(chunk_of(ValueType::Float64, times, test::bits_of({1.5, 2.5, 4}))),
            "200380c49fd50c3cb5011e320719"
            "80c49fd50c1e"
            "218d051e040102");
  EXPECT_EQ(test::hex(chunk_of(ValueType::Int64, times, {5, 7, 9}, 9)),
            "010380c49fd50c3c0977"
            "0a080c"
            "190a04");
}

TEST(Chunk, EveryCutIsRefusedByParseOrDecode) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    const auto values = test::random_floats(seed, 50);
    const auto bytes = chunk_of(ValueType::Float64, test::random_times(seed, 50), test::bits_of(values));
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
      const std::vector<char> part(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(cut));
      const auto chunk = ChunkView::parse({part.data(), cut});
      if (!chunk) continue;
      std::vector<double> out(50);
      std::vector<std::int64_t> times(50);
      const bool whole = chunk->header().count == 50 && chunk->header().times_ref == 0 &&
                         chunk->decode_times(TimeUnit::Nanoseconds, times.data()).ok() &&
                         chunk->decode_floats(out.data()).ok();
      ASSERT_FALSE(whole) << cut;
    }
  }
}

}  // namespace
}  // namespace silverback::storage
