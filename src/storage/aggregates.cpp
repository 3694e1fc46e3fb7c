#include "storage/aggregates.h"

#include <bit>
#include <cmath>
#include <limits>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace silverback::storage {
namespace {

// 2^53. Below it sums of integers are exact in any order, and a sum that was rounded is never below it.
constexpr double kExactSumLimit = 9007199254740992.0;
constexpr std::uint64_t kNegativeZero = 1ull << 63;

/// What one pass over the values that are not stale markers finds.
struct Pass {
  std::size_t count = 0;
  double first = 0;
  double last = 0;
  double min = std::numeric_limits<double>::infinity();
  double max = -std::numeric_limits<double>::infinity();
  double sum = 0;
  double magnitude = 0;
  bool whole = true;  // every value is an integer
  std::uint32_t resets = 0;
  double correction = 0;
  bool odd = false;  // NaN, which has no order, or -0, which equals 0
};

template <bool kStale>
Pass pass_over(std::span<const std::uint64_t> bits) {
  Pass p;
  for (const std::uint64_t b : bits) {
    if (kStale && b == kStaleNanBits) continue;
    const double value = std::bit_cast<double>(b);
    if (p.count == 0) p.first = p.last = value;
    ++p.count;
    p.odd |= value != value || b == kNegativeZero;
    p.min = value < p.min ? value : p.min;
    p.max = value > p.max ? value : p.max;
    p.sum += value;
    p.magnitude += std::fabs(value);
    p.whole &= std::nearbyint(value) == value;
    const bool reset = value < p.last;
    p.resets += reset;
    p.correction += reset ? p.last : 0;
    p.last = value;
  }
  return p;
}

#if defined(__x86_64__)
template <typename Fold>
__attribute__((target("avx2"))) double fold(__m256d v, Fold two) {
  alignas(32) double lanes[4];
  _mm256_store_pd(lanes, v);
  return two(two(lanes[0], lanes[1]), two(lanes[2], lanes[3]));
}

/// Four values at a time. `odd` says that the plain pass must look again; else what is exact is the same.
/// @param bits  at least 5
__attribute__((target("avx2"))) Pass pass_over_avx2(std::span<const std::uint64_t> bits) {
  const auto* const values = reinterpret_cast<const double*>(bits.data());
  const std::size_t n = bits.size();
  const __m256d sign = _mm256_set1_pd(-0.0);
  __m256d min = _mm256_loadu_pd(values);
  __m256d max = min;
  __m256d sum = _mm256_setzero_pd();
  __m256d magnitude = sum;
  __m256d odd = sum;
  __m256d broken = sum;
  __m256i resets = _mm256_setzero_si256();
  const auto take = [&](std::size_t i, __m256d counted, __m256d stepped) __attribute__((target("avx2"))) {
    const __m256d v = _mm256_loadu_pd(values + i);
    const __m256d negative_zero =
        _mm256_castsi256_pd(_mm256_cmpeq_epi64(_mm256_castpd_si256(v), _mm256_castpd_si256(sign)));
    odd = _mm256_or_pd(odd, _mm256_or_pd(_mm256_cmp_pd(v, v, _CMP_UNORD_Q), negative_zero));
    min = _mm256_min_pd(min, v);
    max = _mm256_max_pd(max, v);
    sum = _mm256_add_pd(sum, _mm256_and_pd(v, counted));
    magnitude = _mm256_add_pd(magnitude, _mm256_and_pd(_mm256_andnot_pd(sign, v), counted));
    broken = _mm256_or_pd(
        broken,
        _mm256_cmp_pd(_mm256_round_pd(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC), v, _CMP_NEQ_UQ));
    const __m256d before = _mm256_loadu_pd(values + i - 1);
    const __m256d falls = _mm256_and_pd(_mm256_cmp_pd(v, before, _CMP_LT_OQ), stepped);
    resets = _mm256_sub_epi64(resets, _mm256_castpd_si256(falls));
  };
  const __m256d all = _mm256_castsi256_pd(_mm256_set1_epi64x(-1));
  std::size_t i = 1;
  for (; i + 4 <= n; i += 4) take(i, all, all);
  // The last four again, of which only those not yet counted count.
  if (i < n) {
    const auto fresh = static_cast<long long>(n - i);
    const __m256i place = _mm256_set_epi64x(3, 2, 1, 0);
    const __m256d counted = _mm256_castsi256_pd(_mm256_cmpgt_epi64(place, _mm256_set1_epi64x(3 - fresh)));
    take(n - 4, counted, counted);
  }
  Pass p;
  p.count = n;
  p.first = values[0];
  p.last = values[n - 1];
  p.min = fold(min, [](double a, double b) { return a < b ? a : b; });
  p.max = fold(max, [](double a, double b) { return a > b ? a : b; });
  p.sum = values[0] + fold(sum, [](double a, double b) { return a + b; });
  p.magnitude = std::fabs(values[0]) + fold(magnitude, [](double a, double b) { return a + b; });
  p.whole = _mm256_movemask_pd(broken) == 0 && std::nearbyint(values[0]) == values[0];
  p.odd = _mm256_movemask_pd(odd) != 0 || values[0] != values[0] || bits[0] == kNegativeZero;
  alignas(32) std::uint64_t counts[4];
  _mm256_store_si256(reinterpret_cast<__m256i*>(counts), resets);
  p.resets = static_cast<std::uint32_t>(counts[0] + counts[1] + counts[2] + counts[3]);
  if (p.resets == 0 || p.resets > kMaxResets) return p;
  for (std::size_t j = 1; j < n; ++j) p.correction += values[j] < values[j - 1] ? values[j - 1] : 0;
  return p;
}
#endif

Pass pass_over(Simd simd, std::span<const std::uint64_t> bits, std::uint32_t& stale) {
  stale = 0;
#if defined(__x86_64__)
  if (simd == Simd::Avx2 && bits.size() > 4) {
    const Pass p = pass_over_avx2(bits);
    if (!p.odd) return p;
  }
#else
  (void)simd;
#endif
  for (const std::uint64_t b : bits) stale += b == kStaleNanBits;
  return stale != 0 ? pass_over<true>(bits) : pass_over<false>(bits);
}

void aggregate_floats(Simd simd, std::span<const std::uint64_t> bits, ChunkHeader& header) {
  std::uint32_t stale = 0;
  const Pass p = pass_over(simd, bits, stale);
  header.stale = stale;
  header.has_nan = std::isnan(p.sum) && [&] {  // or infinities of both signs
    for (const std::uint64_t b : bits) {
      const double value = std::bit_cast<double>(b);
      if (value != value && b != kStaleNanBits) return true;
    }
    return false;
  }();
  ChunkAggregates& a = header.aggregates;
  if (p.count == 0 || p.odd) return;
  a.has_range = true;
  a.first = std::bit_cast<std::uint64_t>(p.first);
  a.last = std::bit_cast<std::uint64_t>(p.last);
  a.min = std::bit_cast<std::uint64_t>(p.min);
  a.max = std::bit_cast<std::uint64_t>(p.max);
  a.has_sum = p.whole && p.magnitude < kExactSumLimit;
  if (a.has_sum) a.sum = static_cast<std::int64_t>(p.sum);
  a.has_counter = p.resets <= kMaxResets && (p.resets <= 1 || a.has_sum);
  if (!a.has_counter) return;
  a.resets = p.resets;
  a.correction = p.correction;
}

/// T is int64 or uint64; the sums are of the floats that PromQL sees.
template <typename T>
void aggregate_integers(std::span<const std::uint64_t> bits, ChunkAggregates& a) {
  T min = static_cast<T>(bits[0]);
  T max = min;
  T last = min;
  double magnitude = 0;
  std::uint64_t sum = 0;
  std::uint32_t resets = 0;
  double correction = 0;
  for (const std::uint64_t b : bits) {
    const T value = static_cast<T>(b);
    min = value < min ? value : min;
    max = value > max ? value : max;
    sum += b;
    magnitude += std::fabs(static_cast<double>(value));
    if (static_cast<double>(value) < static_cast<double>(last)) {
      ++resets;
      correction += static_cast<double>(last);
    }
    last = value;
  }
  a.has_range = true;
  a.first = bits.front();
  a.last = bits.back();
  a.min = static_cast<std::uint64_t>(min);
  a.max = static_cast<std::uint64_t>(max);
  a.has_sum = magnitude < kExactSumLimit;
  if (a.has_sum) a.sum = static_cast<std::int64_t>(sum);
  a.has_counter = resets <= kMaxResets && a.has_sum;
  if (!a.has_counter) return;
  a.resets = resets;
  a.correction = correction;
}

}  // namespace

void aggregate(Simd simd, std::span<const std::uint64_t> bits, ChunkHeader& header) {
  header.stale = 0;
  header.has_nan = false;
  header.aggregates = {};
  if (bits.empty()) return;
  switch (header.type) {
    case ValueType::Float64: aggregate_floats(simd, bits, header); break;
    case ValueType::Int64: aggregate_integers<std::int64_t>(bits, header.aggregates); break;
    case ValueType::Uint64:
    case ValueType::Bool: aggregate_integers<std::uint64_t>(bits, header.aggregates); break;
    case ValueType::String:
    case ValueType::Histogram: break;
  }
}

}  // namespace silverback::storage
