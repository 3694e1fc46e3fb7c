#include "storage/value_codec.h"

#include <gtest/gtest.h>

#include "tests/storage/column_shapes.h"

namespace silverback::storage {
namespace {

using test::bits_of;
using test::hex;

std::string encoded(const std::vector<double>& values, ScaleHint hint = 0) {
  std::string out;
  encode_floats(values, hint, out);
  return out;
}

TEST(FloatCodec, KeepsEveryBitOfEveryValue) {
  for (std::uint64_t seed = 0; seed < 4'000; ++seed) {
    SCOPED_TRACE(seed);
    const auto values = test::random_floats(seed, test::random_length(seed));
    ScaleHint hint = 0;
    for (int again = 0; again < 2; ++again) {  // the second time with the hint of the first
      std::string bytes;
      encode_floats(values, hint, bytes);
      const std::size_t size = bytes.size();
      bytes += "behind";

      ByteReader in(bytes);
      std::vector<double> out(values.size());
      const Status status = decode_floats(in, values.size(), out.data());

      ASSERT_TRUE(status.ok()) << status.message();
      ASSERT_EQ(in.left(), bytes.size() - size);
      ASSERT_EQ(bits_of(out), bits_of(values));
    }
  }
}

TEST(FloatCodec, AnyHintIsHarmless) {
  for (unsigned hint = 0; hint < 256; ++hint) {
    SCOPED_TRACE(hint);
    const auto values = test::random_floats(hint * 31, 120);
    const std::string bytes = encoded(values, static_cast<ScaleHint>(hint));
    ByteReader in(bytes);
    std::vector<double> out(values.size());

    ASSERT_TRUE(decode_floats(in, values.size(), out.data()).ok());

    ASSERT_EQ(bits_of(out), bits_of(values));
  }
}

TEST(FloatCodec, EveryLevelGivesTheSameBytesAndValues) {
  for (std::uint64_t seed = 0; seed < 1'000; ++seed) {
    SCOPED_TRACE(seed);
    const auto values = test::random_floats(seed, test::random_length(seed));
    std::string plain;
    std::string fast;
    ScaleHint plain_hint = 0;
    ScaleHint fast_hint = 0;

    encode_floats_with(Simd::Baseline, values, plain_hint, plain);
    encode_floats_with(best_simd(), values, fast_hint, fast);

    ASSERT_EQ(plain, fast);
    ASSERT_EQ(plain_hint, fast_hint);
    for (const Simd simd : {Simd::Baseline, best_simd()}) {
      ByteReader in(plain);
      std::vector<double> out(values.size());
      ASSERT_TRUE(decode_floats_with(simd, in, values.size(), out.data()).ok());
      ASSERT_EQ(bits_of(out), bits_of(values));
    }
  }
}

TEST(FloatCodec, RefusesEveryCutAndSurvivesEveryFlip) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    const auto values = test::random_floats(seed, 150);
    const std::string bytes = encoded(values);
    std::vector<double> out(values.size());
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
      const std::vector<char> part(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(cut));
      ByteReader in({part.data(), part.size()});
      ASSERT_EQ(decode_floats(in, values.size(), out.data()).code(), Code::DataLoss) << cut;
    }
    for (std::size_t bit = 0; bit < std::min<std::size_t>(bytes.size(), 40) * 8; ++bit) {
      std::vector<char> flipped(bytes.begin(), bytes.end());
      flipped[bit / 8] = static_cast<char>(static_cast<std::uint8_t>(flipped[bit / 8]) ^ 1u << (bit % 8));
      ByteReader in({flipped.data(), flipped.size()});
      (void)decode_floats(in, values.size(), out.data()).ok();  // any answer; AddressSanitizer watches
    }
  }
}

TEST(FloatCodec, ShapesOfSeriesStaySmall) {
  struct Case {
    std::uint64_t shape;
    double bytes_per_value;
  };
  constexpr Case kCases[] = {{0, 0.05}, {1, 1.0}, {3, 1.6}, {5, 7.0},
                             {7, 0.8},  {8, 1.1}, {9, 1.0}, {18, 0.1}};
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.shape);
    const auto values = test::random_floats(c.shape + 20 * 7 * 11 * 3, 120);
    EXPECT_LE(static_cast<double>(encoded(std::vector(values.begin() + 1, values.end() - 1)).size()) / 118,
              c.bytes_per_value);
  }
}

TEST(FloatCodec, BytesNeverChange) {
  const double nan = stale_nan();
  EXPECT_EQ(hex(encoded({1.5, 1.5, 1.5})), "011e");
  EXPECT_EQ(hex(encoded({nan, nan})), "10020000000000f07f");
  EXPECT_EQ(hex(encoded({1, 2, 3, 4})), "20190202");
  EXPECT_EQ(hex(encoded({10.5, 10.7, 10.4, 10.6, 10.6, nan})),
            "a101"
            "0a020000000000f07f"
            "01d201032c01");
}

TEST(IntCodec, EveryColumnComesBack) {
  for (std::uint64_t seed = 0; seed < 3'000; ++seed) {
    SCOPED_TRACE(seed);
    const auto values = test::random_ints(seed, test::random_length(seed));
    std::string bytes;

    encode_ints(values, bytes);

    std::vector<std::int64_t> out(values.size());
    ByteReader in(bytes);
    ASSERT_TRUE(decode_ints(in, values.size(), out.data()).ok());
    ASSERT_TRUE(in.at_end());
    ASSERT_EQ(out, values);
  }
}

TEST(BoolCodec, RunsAndNoiseComeBack) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    std::vector<std::uint64_t> values(test::random_length(seed * 7));
    for (auto& v : values) v = random() % (1 + seed % 40) == 0 ? 1 : 0;
    std::string bytes;

    encode_bools(values, bytes);

    std::vector<std::uint64_t> out(values.size());
    ByteReader in(bytes);
    ASSERT_TRUE(decode_bools(in, values.size(), out.data()).ok());
    ASSERT_TRUE(in.at_end());
    ASSERT_EQ(out, values);
    EXPECT_LE(bytes.size(), 2 + values.size() / 8);
  }
}

TEST(StringCodec, PlainAndRepeatedStringsComeBack) {
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    std::vector<std::string> texts(test::random_length(seed * 3));
    for (auto& text : texts)
      text = std::string(random() % 9, static_cast<char>('a' + random() % (1 + seed % 26)));
    const std::vector<std::string_view> values(texts.begin(), texts.end());
    std::string bytes;

    encode_strings(values, bytes);

    std::vector<std::string_view> out;
    ByteReader in(bytes);
    ASSERT_TRUE(decode_strings(in, values.size(), out).ok());
    ASSERT_TRUE(in.at_end());
    ASSERT_EQ(out, values);
  }
}

TEST(StringCodec, RepeatsAreStoredOnce) {
  const std::vector<std::string_view> values(1000, "degraded: two of three replicas");
  std::string bytes;
  encode_strings(values, bytes);
  EXPECT_LT(bytes.size(), 50u);
}

TEST(ValueCodec, DamagedBytesOfEveryTypeAreRefused) {
  const std::string cases[] = {"", std::string(1, '\x7f'), "\x03", std::string("\x04\xff\xff\xff", 4),
                               std::string(20, '\xff')};
  for (const std::string& bytes : cases) {
    SCOPED_TRACE(hex(bytes));
    std::vector<std::int64_t> ints(300);
    std::vector<std::uint64_t> bools(300);
    std::vector<std::string_view> strings;
    ByteReader a(bytes);
    ByteReader b(bytes);
    ByteReader c(bytes);
    EXPECT_EQ(decode_ints(a, 300, ints.data()).code(), Code::DataLoss);
    EXPECT_EQ(decode_bools(b, 300, bools.data()).code(), Code::DataLoss);
    EXPECT_EQ(decode_strings(c, 300, strings).code(), Code::DataLoss);
  }
}

}  // namespace
}  // namespace silverback::storage
