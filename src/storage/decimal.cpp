#include "storage/decimal.h"

#include <bit>
#include <cmath>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace silverback::storage {
namespace {

// Adding 1.5 * 2^52 rounds a double below 2^51 to an integer and leaves it in the low bits.
constexpr double kMagic = 6755399441055744.0;
constexpr std::uint64_t kMagicBits = std::bit_cast<std::uint64_t>(kMagic);
constexpr double kLimit = static_cast<double>(kMaxScaled);

bool scale_plain(double value, double power, std::int64_t& k) {
  const double scaled = value * power;
  const double shifted = scaled + kMagic;
  const double rounded = shifted - kMagic;
  k = static_cast<std::int64_t>(std::bit_cast<std::uint64_t>(shifted) - kMagicBits);
  const bool same = std::bit_cast<std::uint64_t>(rounded / power) == std::bit_cast<std::uint64_t>(value);
  return same && std::fabs(scaled) < kLimit;
}

double unscale_plain(std::int64_t k, double power) {
  return (std::bit_cast<double>(static_cast<std::uint64_t>(k) + kMagicBits) - kMagic) / power;
}

std::uint64_t magnitude_bits(std::int64_t k) { return static_cast<std::uint64_t>(k ^ (k >> 63)); }

#if defined(__x86_64__)
struct Divisor {
  __m256d power;
  __m256d inverse;
};
__attribute__((target("avx2,fma"))) inline __m256d divide(__m256d k, const Divisor& by) {
  const __m256d quotient = _mm256_mul_pd(k, by.inverse);
  const __m256d rest = _mm256_fnmadd_pd(quotient, by.power, k);
  return _mm256_fmadd_pd(rest, by.inverse, quotient);
}

/// Multiples of four; the rest is the caller's.
__attribute__((target("avx2,fma"))) std::size_t scale_up_avx2(const double* values, std::size_t n,
                                                              double power, std::int64_t* k) {
  const Divisor by{_mm256_set1_pd(power), _mm256_set1_pd(1 / power)};
  const __m256d magic = _mm256_set1_pd(kMagic);
  const __m256i magic_bits = _mm256_castpd_si256(magic);
  const __m256d limit = _mm256_set1_pd(kLimit);
  const __m256d sign = _mm256_set1_pd(-0.0);
  __m256i good = _mm256_setzero_si256();
  for (std::size_t i = 0; i < n; i += 4) {
    const __m256d value = _mm256_loadu_pd(values + i);
    const __m256d scaled = _mm256_mul_pd(value, by.power);
    const __m256d shifted = _mm256_add_pd(scaled, magic);
    const __m256d back = divide(_mm256_sub_pd(shifted, magic), by);
    const __m256i integer = _mm256_sub_epi64(_mm256_castpd_si256(shifted), magic_bits);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(k + i), integer);
    const __m256i same = _mm256_cmpeq_epi64(_mm256_castpd_si256(back), _mm256_castpd_si256(value));
    const __m256d small = _mm256_cmp_pd(_mm256_andnot_pd(sign, scaled), limit, _CMP_LT_OQ);
    good = _mm256_sub_epi64(good, _mm256_and_si256(same, _mm256_castpd_si256(small)));
  }
  alignas(32) std::uint64_t lanes[4];
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), good);
  return n - (lanes[0] + lanes[1] + lanes[2] + lanes[3]);
}

__attribute__((target("avx2,fma"))) std::uint64_t scale_down_avx2(const std::int64_t* k, std::size_t n,
                                                                  double power, double* out) {
  const Divisor by{_mm256_set1_pd(power), _mm256_set1_pd(1 / power)};
  const __m256d magic = _mm256_set1_pd(kMagic);
  const __m256i magic_bits = _mm256_castpd_si256(magic);
  const __m256i zero = _mm256_setzero_si256();
  __m256i any = zero;
  for (std::size_t i = 0; i < n; i += 4) {
    const __m256i integer = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(k + i));
    any = _mm256_or_si256(any, _mm256_xor_si256(integer, _mm256_cmpgt_epi64(zero, integer)));
    const __m256d value = _mm256_sub_pd(_mm256_castsi256_pd(_mm256_add_epi64(integer, magic_bits)), magic);
    _mm256_storeu_pd(out + i, power == 1 ? value : divide(value, by));
  }
  alignas(32) std::uint64_t lanes[4];
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), any);
  return lanes[0] | lanes[1] | lanes[2] | lanes[3];
}
#endif

}  // namespace

std::size_t scale_up(Simd simd, const double* values, std::size_t n, unsigned scale, std::int64_t* k) {
  const double power = kPowersOfTen[scale];
  std::size_t bad = 0;
  std::size_t i = 0;
#if defined(__x86_64__)
  if (simd == Simd::Avx2) {
    i = n & ~std::size_t{3};
    bad = scale_up_avx2(values, i, power, k);
  }
#else
  (void)simd;
#endif
  for (; i < n; ++i) bad += !scale_plain(values[i], power, k[i]);
  return bad;
}

bool scale_down(Simd simd, const std::int64_t* k, std::size_t n, unsigned scale, double* out) {
  const double power = kPowersOfTen[scale];
  std::uint64_t any = 0;
  std::size_t i = 0;
#if defined(__x86_64__)
  if (simd == Simd::Avx2) {
    i = n & ~std::size_t{3};
    any = scale_down_avx2(k, i, power, out);
  }
#else
  (void)simd;
#endif
  for (; i < n; ++i) {
    any |= magnitude_bits(k[i]);
    out[i] = unscale_plain(k[i], power);
  }
  return any < (std::uint64_t{1} << 51);
}

bool scale_one(double value, unsigned scale, std::int64_t& k) {
  return scale_plain(value, kPowersOfTen[scale], k);
}

bool scale_near(double value, unsigned scale, std::int64_t& k, std::int64_t& ulps) {
  const double power = kPowersOfTen[scale];
  const double scaled = value * power;
  if (!(std::fabs(scaled) < kLimit)) return false;
  const double rounded = (scaled + kMagic) - kMagic;
  k = static_cast<std::int64_t>(rounded);
  const double near = rounded / power;
  if (std::signbit(near) != std::signbit(value) || (near == 0 && value != 0)) return false;
  ulps = std::bit_cast<std::int64_t>(value) - std::bit_cast<std::int64_t>(near);
  return ulps >= -kMaxUlps && ulps <= kMaxUlps;
}

}  // namespace silverback::storage
