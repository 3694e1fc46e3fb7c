#include "storage/bitpack.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace silverback::storage {
namespace {

std::vector<std::uint64_t> random_values(std::size_t n, unsigned width, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<std::uint64_t> out(n);
  for (auto& v : out) v = width == 0 ? 0 : random() >> (64 - width);
  return out;
}

TEST(Bitpack, EveryWidthAndLengthComesBackAtEveryLevel) {
  for (unsigned width = 0; width <= 64; ++width) {
    for (const std::size_t n :
         {1u, 2u, 3u, 4u, 5u, 7u, 8u, 9u, 15u, 16u, 17u, 31u, 63u, 64u, 65u, 100u, 127u, 128u, 300u}) {
      SCOPED_TRACE("width " + std::to_string(width) + ", " + std::to_string(n) + " values");
      const auto values = random_values(n, width, width * 1000 + n);
      std::string packed;

      pack_bits(values.data(), n, width, packed);

      ASSERT_EQ(packed.size(), packed_bytes(n, width));
      for (const Simd simd : {Simd::Baseline, best_simd()}) {
        // From a block of its own, so that AddressSanitizer sees a read past the end.
        const std::vector<char> exact(packed.begin(), packed.end());
        std::vector<std::uint64_t> out((n + 7) / 8 * 8);
        unpack_bits(simd, exact.data(), exact.size(), n, width, out.data());
        out.resize(n);
        ASSERT_EQ(out, values);
      }
    }
  }
}

TEST(Bitpack, BlocksKeepOutliersApart) {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    SCOPED_TRACE(seed);
    const std::size_t n = 1 + seed % kBlockValues;
    auto values = random_values(n, static_cast<unsigned>(seed % 20), seed);
    std::mt19937_64 random(seed);
    for (std::size_t i = 0; i < seed % 6; ++i) values[random() % n] = random() >> (random() % 64);
    std::string bytes;

    put_block(values.data(), n, bytes);

    for (const Simd simd : {Simd::Baseline, best_simd()}) {
      const std::vector<char> exact(bytes.begin(), bytes.end());
      std::vector<std::uint64_t> out(kBlockValues);
      const char* end = exact.data() + exact.size();
      ASSERT_EQ(get_block(simd, exact.data(), end, n, out.data()), end);
      out.resize(n);
      ASSERT_EQ(out, values);
      for (std::size_t cut = 0; cut < exact.size(); ++cut) {
        const std::vector<char> part(exact.begin(), exact.begin() + static_cast<std::ptrdiff_t>(cut));
        std::vector<std::uint64_t> unused(kBlockValues);
        ASSERT_EQ(get_block(simd, part.data(), part.data() + cut, n, unused.data()), nullptr);
      }
    }
  }
}

TEST(Bitpack, OneLargeValueDoesNotWidenTheOthers) {
  std::vector<std::uint64_t> values(128, 1);
  values[77] = 1'000'000'007;
  std::string bytes;

  put_block(values.data(), values.size(), bytes);

  EXPECT_LE(bytes.size(), 16u + 2 + 1 + 5);
}

}  // namespace
}  // namespace silverback::storage
