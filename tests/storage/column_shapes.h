// Columns of many shapes, made from a seed: what the codecs' properties are checked on.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "model/sample.h"

namespace silverback::storage::test {

inline double rounded(double x, double power) { return std::nearbyint(x * power) / power; }

/// Anything that a series may look like, and much that it will not.
inline std::vector<double> random_floats(std::uint64_t seed, std::size_t n) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> uniform;
  std::vector<double> out(n);
  const auto shape = seed % 20;
  double x = uniform(random) * 1000;
  const double power = std::pow(10.0, static_cast<double>(random() % 16));
  const int exponent = static_cast<int>(random() % 2046) - 1022;
  for (std::size_t i = 0; i < n; ++i) {
    const auto step = static_cast<double>(i);
    switch (shape) {
      case 0: out[i] = 42; break;
      case 1: out[i] = rounded(x += normal(random), 10); break;
      case 2: out[i] = rounded(x += normal(random), 1000); break;
      case 3: out[i] = x = std::floor(x + uniform(random) * 1000); break;          // a counter
      case 4: out[i] = x = uniform(random) < 0.02 ? 0 : std::floor(x) + 7; break;  // with resets
      case 5: out[i] = x += normal(random); break;                                 // full precision
      case 6: out[i] = std::bit_cast<double>(random()); break;                     // any bits
      case 7: out[i] = 45.516 + step * 0.1; break;                                 // noise in the last place
      case 8: out[i] = std::ldexp(std::floor(x += 10 * normal(random)), -20); break;
      case 9: out[i] = std::floor(x += 3 * normal(random)) * 4096; break;
      case 10: out[i] = uniform(random) < 0.1 ? stale_nan() : rounded(x += normal(random), 100); break;
      case 11: out[i] = i % 3 == 0 ? std::numeric_limits<double>::quiet_NaN() : -0.0; break;
      case 12: out[i] = uniform(random) < 0.05 ? std::numeric_limits<double>::infinity() : step; break;
      case 13: out[i] = std::bit_cast<double>(random() % 1000); break;  // subnormal
      case 14: out[i] = rounded(normal(random), power); break;
      case 15: out[i] = std::ldexp(normal(random), exponent); break;
      case 16: out[i] = static_cast<double>(static_cast<float>(x += normal(random))); break;
      case 17: out[i] = 1e18 + std::floor(uniform(random) * 1e6) * 256; break;
      case 18: out[i] = 100 - 0.25 * step; break;  // a line
      default: out[i] = uniform(random) < 0.03 ? -x : x; break;
    }
  }
  if (seed % 7 == 0 && n > 2) out[n - 1] = stale_nan();
  if (seed % 11 == 0 && n > 2) out[0] = std::bit_cast<double>(0x7ff8'0000'dead'beefull);
  return out;
}

inline std::vector<std::int64_t> random_ints(std::uint64_t seed, std::size_t n) {
  std::mt19937_64 random(seed);
  std::vector<std::int64_t> out(n);
  const auto shape = seed % 9;
  std::uint64_t x = random();
  const auto unit = random() % 1'000'000;
  for (std::size_t i = 0; i < n; ++i) {
    switch (shape) {
      case 0: break;
      case 1: x += 15'000; break;
      case 2: x += 15'000 + random() % 20; break;
      case 3: x = random(); break;
      case 4: x = random() % 2 != 0 ? std::uint64_t{1} << 63 : (std::uint64_t{1} << 63) - 1; break;
      case 5: x += unit * (random() % 50); break;
      case 6: x = random() % 100; break;
      case 7: x += i * 3; break;
      default: x = random() % 50 == 0 ? random() : i; break;
    }
    out[i] = static_cast<std::int64_t>(x);
  }
  return out;
}

inline std::vector<std::int64_t> random_times(std::uint64_t seed, std::size_t n) {
  std::mt19937_64 random(seed);
  std::vector<std::int64_t> out(n);
  constexpr std::int64_t kUnits[] = {1'000'000'000, 1'000'000, 1'000, 1};
  const std::int64_t unit = kUnits[random() % 4];
  std::int64_t t = 1'700'000'000'000'000'000 / unit - (seed % 5 == 0 ? 3'700'000'000'000'000'000 / unit : 0);
  for (std::size_t i = 0; i < n; ++i) {
    out[i] = t * unit;
    t += 15;
    if (seed % 3 == 0) t += static_cast<std::int64_t>(random() % 30) - 10;
    if (seed % 8 == 1 && i % 50 == 49) t += 1'000'000;
    if (seed % 13 == 0) out[i] = static_cast<std::int64_t>(random());
    if (seed % 17 == 0 && i == n / 2) out[i] += 1;
  }
  if (seed % 19 == 0 && n > 1) {
    out[0] = std::numeric_limits<std::int64_t>::min();
    out[n - 1] = std::numeric_limits<std::int64_t>::max();
  }
  return out;
}

inline std::vector<std::uint64_t> bits_of(const std::vector<double>& values) {
  std::vector<std::uint64_t> out;
  for (const double value : values) out.push_back(std::bit_cast<std::uint64_t>(value));
  return out;
}

/// Lengths about the edges of blocks, and the usual ones.
inline std::size_t random_length(std::uint64_t seed) {
  constexpr std::size_t kLengths[] = {1,   2,   3,   7,   8,   9,   16,  100, 120, 127,
                                      128, 129, 130, 131, 240, 256, 257, 480, 1000};
  return kLengths[seed / 20 % std::size(kLengths)];
}

inline std::string hex(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    out.push_back(kDigits[static_cast<std::uint8_t>(c) >> 4]);
    out.push_back(kDigits[static_cast<std::uint8_t>(c) & 15]);
  }
  return out;
}

}  // namespace silverback::storage::test
