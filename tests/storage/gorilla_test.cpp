#include "storage/gorilla.h"

#include <gtest/gtest.h>

#include "tests/storage/column_shapes.h"

namespace silverback::storage {
namespace {

struct Stream {
  GorillaState state;
  std::string bytes;
};

Stream stream_of(const std::vector<std::int64_t>& times, const std::vector<std::uint64_t>& bits,
                 std::size_t batch, bool delta = false) {
  Stream out;
  out.state.delta = delta ? 1 : 0;
  for (std::size_t i = 0; i < times.size(); i += batch) {
    const std::size_t n = std::min(batch, times.size() - i);
    gorilla_append(out.state, out.bytes, std::span(times).subspan(i, n), std::span(bits).subspan(i, n));
  }
  return out;
}

TEST(Gorilla, KeepsEveryBitOfEverySample) {
  for (std::uint64_t seed = 0; seed < 3'000; ++seed) {
    SCOPED_TRACE(seed);
    const std::size_t n = test::random_length(seed);
    const auto times = test::random_times(seed, n);
    const auto bits = test::bits_of(test::random_floats(seed / 2, n));
    const bool delta = seed % 4 == 0;

    const Stream stream = stream_of(times, bits, 1 + seed % 33, delta);

    std::vector<std::int64_t> out_times(n);
    std::vector<std::uint64_t> out_bits(n);
    ASSERT_EQ(stream.bytes.size(), stream.state.byte_count());
    ASSERT_EQ(stream.state.count, n);
    ASSERT_EQ(stream.state.last_ns, times.back());
    ASSERT_EQ(stream.state.last_bits, bits.back());
    const Status status = gorilla_decode(stream.bytes, delta, n, out_times.data(), out_bits.data());
    ASSERT_TRUE(status.ok()) << status.message();
    ASSERT_EQ(out_times, times);
    ASSERT_EQ(out_bits, bits);
  }
}

TEST(Gorilla, ACopyOfTheFirstBytesHoldsTheFirstSamples) {
  const auto times = test::random_times(3, 200);
  const auto bits = test::bits_of(test::random_floats(2, 200));
  Stream stream;
  std::vector<std::string> copies;
  for (std::size_t i = 0; i < 200; ++i) {
    gorilla_append(stream.state, stream.bytes, std::span(times).subspan(i, 1), std::span(bits).subspan(i, 1));
    copies.push_back(stream.bytes);
  }
  for (std::size_t n = 1; n <= 200; ++n) {
    std::vector<std::int64_t> out_times(n);
    std::vector<std::uint64_t> out_bits(n);
    ASSERT_TRUE(gorilla_decode(copies[n - 1], false, n, out_times.data(), out_bits.data()).ok());
    ASSERT_TRUE(std::equal(out_times.begin(), out_times.end(), times.begin()));
    ASSERT_TRUE(std::equal(out_bits.begin(), out_bits.end(), bits.begin()));
    // The bytes, but for the unfinished last one, are those of the full stream.
    ASSERT_EQ(copies[n - 1].substr(0, copies[n - 1].size() - 1),
              stream.bytes.substr(0, copies[n - 1].size() - 1));
  }
}

TEST(Gorilla, ASeriesThatStandsStillCostsABitPerSample) {
  std::vector<std::int64_t> times;
  for (std::int64_t i = 0; i < 120; ++i) times.push_back((1'700'000'000'123 + 15'000 * i) * 1'000'000);
  const Stream stream =
      stream_of(times, std::vector<std::uint64_t>(120, std::bit_cast<std::uint64_t>(1.0)), 16);
  EXPECT_LE(stream.bytes.size(), 30u);
}

TEST(Gorilla, AnotherTickInMidStreamCostsOneLongSample) {
  std::vector<std::int64_t> times;
  for (std::int64_t i = 0; i < 32; ++i) times.push_back(1'700'000'000'000'000'000 + i * 15'000'000'000);
  for (std::size_t i = 16; i < 32; ++i) times[i] += 123'000'000;
  const Stream stream = stream_of(times, std::vector<std::uint64_t>(32, 0), 1);
  EXPECT_EQ(stream.state.tick, 1u);
  EXPECT_LE(stream.bytes.size(), 30u);
}

TEST(Gorilla, BytesNeverChange) {
  const std::vector<std::int64_t> times = {1'700'000'000'000'000'000, 1'700'000'015'000'000'000,
                                           1'700'000'030'001'000'000, 1'700'000'045'001'000'000};
  const auto floats = test::bits_of({1.0, 1.0, 1.5, 1.5});
  EXPECT_EQ(test::hex(stream_of(times, floats, 4).bytes), "69c5e7f2b4003113fff807530c03b00eff00");
  EXPECT_EQ(test::hex(stream_of(times, {7, 9, 7, 7}, 4, true).bytes), "69c5e7f2b40020ef00ea6204c0301eff00");
}

TEST(Gorilla, RefusesACutStream) {
  const auto times = test::random_times(9, 100);
  const auto bits = test::bits_of(test::random_floats(5, 100));
  const Stream stream = stream_of(times, bits, 16);
  std::vector<std::int64_t> out_times(100);
  std::vector<std::uint64_t> out_bits(100);
  for (std::size_t cut = 0; cut < stream.bytes.size(); ++cut) {
    const std::vector<char> part(stream.bytes.begin(),
                                 stream.bytes.begin() + static_cast<std::ptrdiff_t>(cut));
    ASSERT_EQ(gorilla_decode({part.data(), cut}, false, 100, out_times.data(), out_bits.data()).code(),
              Code::DataLoss);
  }
}

}  // namespace
}  // namespace silverback::storage
