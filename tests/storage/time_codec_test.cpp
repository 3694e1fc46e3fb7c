#include "storage/time_codec.h"

#include <gtest/gtest.h>

#include "tests/storage/column_shapes.h"

namespace silverback::storage {
namespace {

std::string encoded(const std::vector<std::int64_t>& times) {
  std::string out;
  encode_times(times, out);
  return out;
}

std::int64_t floored_ms(std::int64_t ns) { return ns / 1'000'000 - (ns % 1'000'000 < 0); }

TEST(TimeCodec, AnyTimesComeBackInBothUnits) {
  for (std::uint64_t seed = 0; seed < 3'000; ++seed) {
    SCOPED_TRACE(seed);
    const auto times = test::random_times(seed, test::random_length(seed));
    const std::string bytes = encoded(times);
    std::vector<std::int64_t> ns(times.size());
    std::vector<std::int64_t> ms(times.size());
    ByteReader first(bytes);
    ByteReader second(bytes);

    ASSERT_TRUE(decode_times(first, times.size(), TimeUnit::Nanoseconds, ns.data()).ok());
    ASSERT_TRUE(decode_times(second, times.size(), TimeUnit::Milliseconds, ms.data()).ok());

    ASSERT_TRUE(first.at_end());
    ASSERT_EQ(ns, times);
    for (std::size_t i = 0; i < times.size(); ++i) ASSERT_EQ(ms[i], floored_ms(times[i]));
  }
}

TEST(TimeCodec, ARegularSeriesCostsAFewBytesInAll) {
  std::vector<std::int64_t> times;
  for (std::int64_t i = 0; i < 480; ++i) times.push_back((1'700'000'000 + 15 * i) * 1'000'000'000);
  EXPECT_EQ(test::hex(encoded(times)), "1980c49fd50c1e");
}

TEST(TimeCodec, ChoosesTheCoarsestExactTick) {
  const std::vector<std::int64_t> whole = {-2'000'000'000, 0, 5'000'000'000};
  const std::vector<std::int64_t> odd = {-2'000'000'000, 1, 5'000'000'000};
  EXPECT_EQ(coarsest_tick(whole), Tick::Second);
  EXPECT_EQ(coarsest_tick(whole, Tick::Microsecond), Tick::Microsecond);
  EXPECT_EQ(coarsest_tick(odd), Tick::Nanosecond);
}

TEST(TimeCodec, TicksThatAreNoNanosecondsAreDamage) {
  std::string bytes;
  bytes.push_back(0x10);  // seconds, all the same
  put_zigzag(bytes, std::int64_t{1} << 40);
  std::int64_t out = 0;
  ByteReader in(bytes);
  EXPECT_EQ(decode_times(in, 1, TimeUnit::Nanoseconds, &out).code(), Code::DataLoss);
}

}  // namespace
}  // namespace silverback::storage
