#include "storage/int_codec.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <limits>
#include <numeric>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "base/bytes.h"

namespace silverback::storage {
namespace {

// The column's first byte.
constexpr unsigned kOrderMask = 3;
constexpr unsigned kHasUnit = 1 << 2;
constexpr unsigned kHasCentre = 1 << 3;
constexpr unsigned kFlat = 1 << 4;      // no residuals: all are 0
constexpr unsigned kTagShift = 5;       // two bits
constexpr unsigned kPositive = 1 << 7;  // residuals are not zigzagged

std::uint64_t magnitude(std::int64_t v) {
  return v < 0 ? 0 - static_cast<std::uint64_t>(v) : static_cast<std::uint64_t>(v);
}

/// Division by a number that divides: a shift and a product with the odd part's inverse modulo 2^64.
class ExactDivider {
 public:
  explicit ExactDivider(std::uint64_t unit)
      : unit_(unit),
        shift_(std::countr_zero(unit)),
        inverse_(1),
        limit_(std::numeric_limits<std::int64_t>::max() / static_cast<std::int64_t>(unit)) {
    const std::uint64_t odd = unit >> shift_;
    inverse_ = odd;  // right in the lowest 3 bits; every step doubles them
    for (int i = 0; i < 5; ++i) inverse_ *= 2 - odd * inverse_;
  }
  std::int64_t divide(std::int64_t v) const {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(v >> shift_) * inverse_);
  }
  bool divides(std::int64_t v) const {
    const std::int64_t quotient = divide(v);
    return quotient >= -limit_ && quotient <= limit_ &&
           static_cast<std::uint64_t>(quotient) * unit_ == static_cast<std::uint64_t>(v);
  }

 private:
  std::uint64_t unit_;
  int shift_;
  std::uint64_t inverse_;
  std::int64_t limit_;
};

/// Not all of the deltas are 0.
std::uint64_t common_divisor(const std::vector<std::int64_t>& deltas) {
  constexpr std::uint64_t kLargest = 1ull << 62;
  std::uint64_t unit = 0;
  std::size_t i = 0;
  while (i < deltas.size()) {
    unit = std::gcd(unit, magnitude(deltas[i]));
    ++i;
    if (unit == 1) return 1;
    if (unit == 0 || unit > kLargest) continue;
    const ExactDivider divider(unit);
    while (i < deltas.size() && divider.divides(deltas[i])) ++i;
  }
  return unit > kLargest ? 1 : unit;
}

/// How many bits a packed block will take, roughly: one width for all, wider values apart.
class LengthHistogram {
 public:
  void add(std::uint64_t residual) { ++lengths_[static_cast<std::size_t>(std::bit_width(residual))]; }
  /// Of n residuals since the last call.
  std::size_t take_bits(std::size_t n) {
    unsigned longest = 64;
    while (longest > 0 && lengths_[longest] == 0) --longest;
    std::size_t best = n * longest;
    std::size_t wider = 0;
    std::size_t wider_bits = 8;
    for (unsigned width = longest; width-- > 0;) {
      wider += lengths_[width + 1];
      wider_bits += wider + lengths_[width + 1] * 12u;
      best = std::min(best, n * width + wider_bits);
      if (wider > n / 4) break;
    }
    lengths_.fill(0);
    return best;
  }

 private:
  std::array<std::uint8_t, 65> lengths_{};  // a block has at most 128
};

struct Plan {
  unsigned order = 1;
  bool positive = false;  // residuals stand as they are, not zigzagged
  std::int64_t centre = 0;
};

std::int64_t minus(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}
std::uint64_t above(std::int64_t v, std::int64_t least) {
  return static_cast<std::uint64_t>(v) - static_cast<std::uint64_t>(least);
}

/// What the plans are chosen by.
struct Extent {
  std::int64_t min_step = std::numeric_limits<std::int64_t>::max();
  std::int64_t max_step = std::numeric_limits<std::int64_t>::min();
  std::int64_t min_offset = std::numeric_limits<std::int64_t>::max();  // of sums of steps
  bool overflow = false;                                               // of such a sum
};
Extent extent_of(std::span<const std::int64_t> steps) {
  Extent out;
  std::int64_t offset = 0;
  for (const std::int64_t step : steps) {
    out.min_step = std::min(out.min_step, step);
    out.max_step = std::max(out.max_step, step);
    out.overflow |= __builtin_add_overflow(offset, step, &offset);
    out.min_offset = std::min(out.min_offset, offset);
  }
  return out;
}

/// Bits of each way to store the steps, block by block.
struct Costs {
  std::size_t zigzag_steps = 0;
  std::size_t steps_above_least = 0;
  std::size_t turns = 0;
  std::size_t offsets_above_least = 0;
};

template <bool kRising>
Costs costs_of(std::span<const std::int64_t> steps, const Extent& extent) {
  Costs out;
  LengthHistogram step_lengths;
  LengthHistogram turn_lengths;
  LengthHistogram offset_lengths;
  std::int64_t before = steps[0];
  std::uint64_t offset = 0;
  for (std::size_t i = 0; i < steps.size();) {
    const std::size_t end = std::min(steps.size(), i + kBlockValues);
    const std::size_t n = end - i;
    for (; i < end; ++i) {
      const std::int64_t step = steps[i];
      step_lengths.add(kRising ? above(step, extent.min_step) : zigzag(step));
      turn_lengths.add(zigzag(minus(step, before)));
      before = step;
      if constexpr (!kRising) {
        offset += static_cast<std::uint64_t>(step);
        offset_lengths.add(offset - static_cast<std::uint64_t>(extent.min_offset));
      }
    }
    (kRising ? out.steps_above_least : out.zigzag_steps) += step_lengths.take_bits(n);
    out.turns += turn_lengths.take_bits(n);
    if constexpr (!kRising) out.offsets_above_least += offset_lengths.take_bits(n);
  }
  if constexpr (!kRising) {
    const auto width = static_cast<std::size_t>(std::bit_width(above(extent.max_step, extent.min_step)));
    out.steps_above_least = steps.size() * width;
  }
  return out;
}

Plan choose_plan(std::span<const std::int64_t> steps) {
  const Extent extent = extent_of(steps);
  const bool rising = extent.min_step >= 0;
  const Costs costs = rising ? costs_of<true>(steps, extent) : costs_of<false>(steps, extent);
  // The extra bits are those of the centre or the first step.
  Plan best{1, true, extent.min_step};
  std::size_t least = costs.steps_above_least + (extent.min_step != 0 ? 8 : 0);
  const auto offer = [&](std::size_t bits, Plan plan) {
    if (bits >= least) return;
    least = bits;
    best = plan;
  };
  offer(costs.turns + 12, {2, false, 0});
  if (rising) return best;
  offer(costs.zigzag_steps, {1, false, 0});
  if (!extent.overflow)
    offer(costs.offsets_above_least + (extent.min_offset != 0 ? 8 : 0), {0, true, extent.min_offset});
  return best;
}

/// How many residuals there are and whether any is not 0.
struct Residuals {
  std::size_t count = 0;
  bool flat = true;
};
Residuals make_residuals(const Plan& plan, std::span<const std::int64_t> steps, std::uint64_t* out) {
  std::uint64_t any = 0;
  std::size_t count = steps.size();
  if (plan.order == 0) {
    std::uint64_t offset = 0;
    for (std::size_t i = 0; i < count; ++i) {
      offset += static_cast<std::uint64_t>(steps[i]);
      any |= out[i] = offset - static_cast<std::uint64_t>(plan.centre);
    }
  } else if (plan.order == 2) {
    --count;
    for (std::size_t i = 0; i < count; ++i) any |= out[i] = zigzag(minus(steps[i + 1], steps[i]));
  } else if (plan.positive) {
    for (std::size_t i = 0; i < count; ++i) any |= out[i] = above(steps[i], plan.centre);
  } else {
    for (std::size_t i = 0; i < count; ++i) any |= out[i] = zigzag(steps[i]);
  }
  return {count, any == 0};
}

/// in[i] -> start + (drift + in[0]) + ... + (drift + in[i]); `out` may be `in`.
void running_sum(const std::uint64_t* in, std::size_t n, std::uint64_t drift, std::uint64_t start,
                 std::uint64_t* out) {
  for (std::size_t i = 0; i < n; ++i) out[i] = start += drift + in[i];
}

#if defined(__x86_64__)
/// The same for n rounded up to a multiple of four.
__attribute__((target("avx2"))) void running_sum_avx2(const std::uint64_t* in, std::size_t n,
                                                      std::uint64_t drift, std::uint64_t start,
                                                      std::uint64_t* out) {
  const __m256i drifts = _mm256_set1_epi64x(static_cast<long long>(drift));
  __m256i carry = _mm256_set1_epi64x(static_cast<long long>(start));
  for (std::size_t i = 0; i < n; i += 4) {
    const __m256i v = _mm256_add_epi64(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(in + i)), drifts);
    const __m256i pairs = _mm256_add_epi64(v, _mm256_slli_si256(v, 8));  // a, a+b, c, c+d
    const __m256i low = _mm256_permute2x128_si256(pairs, pairs, 0x08);   // 0, 0, a, a+b
    const __m256i sums = _mm256_add_epi64(pairs, _mm256_unpackhi_epi64(low, low));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i), _mm256_add_epi64(sums, carry));
    carry = _mm256_add_epi64(carry, _mm256_permute4x64_epi64(sums, 0xff));
  }
}

__attribute__((target("avx2"))) void unzigzag_avx2(std::uint64_t* residuals, std::size_t n) {
  const __m256i zero = _mm256_setzero_si256();
  const __m256i one = _mm256_set1_epi64x(1);
  for (std::size_t i = 0; i < n; i += 4) {
    auto* const at = reinterpret_cast<__m256i*>(residuals + i);
    const __m256i v = _mm256_loadu_si256(at);
    const __m256i sign = _mm256_sub_epi64(zero, _mm256_and_si256(v, one));
    _mm256_storeu_si256(at, _mm256_xor_si256(_mm256_srli_epi64(v, 1), sign));
  }
}
#endif

void running_sum(Simd simd, const std::uint64_t* in, std::size_t n, std::uint64_t drift, std::uint64_t start,
                 std::uint64_t* out) {
#if defined(__x86_64__)
  if (simd == Simd::Avx2) return running_sum_avx2(in, n, drift, start, out);
#else
  (void)simd;
#endif
  running_sum(in, n, drift, start, out);
}

void unzigzag_all(Simd simd, std::uint64_t* residuals, std::size_t n) {
#if defined(__x86_64__)
  if (simd == Simd::Avx2) return unzigzag_avx2(residuals, n);
#else
  (void)simd;
#endif
  for (std::size_t i = 0; i < n; ++i) residuals[i] = static_cast<std::uint64_t>(unzigzag(residuals[i]));
}

}  // namespace

void put_int_column(std::span<const std::int64_t> values, ColumnTag tag, std::string& out) {
  assert(!values.empty() && tag < 4);
  thread_local std::vector<std::int64_t> steps;
  thread_local std::vector<std::uint64_t> residuals;
  const std::size_t n = values.size();
  steps.resize(n - 1);
  std::uint64_t any = 0;
  std::uint64_t turns = 0;
  for (std::size_t i = 1; i < n; ++i) {
    steps[i - 1] = minus(values[i], values[i - 1]);
    any |= static_cast<std::uint64_t>(steps[i - 1]);
    turns |= static_cast<std::uint64_t>(steps[i - 1] ^ steps[0]);
  }
  if (turns == 0) {  // all the same, or a line
    out.push_back(static_cast<char>((any == 0 ? 0u : 1u | kHasCentre) | kFlat | (tag << kTagShift)));
    put_zigzag(out, values[0]);
    if (any != 0) put_zigzag(out, steps[0]);
    return;
  }
  const std::uint64_t unit = common_divisor(steps);
  if (unit != 1) {
    const ExactDivider divider(unit);
    for (std::int64_t& step : steps) step = divider.divide(step);
  }
  const Plan plan = choose_plan(steps);
  residuals.resize(n);
  const Residuals made = make_residuals(plan, steps, residuals.data());
  out.push_back(static_cast<char>(plan.order | (unit != 1 ? kHasUnit : 0u) |
                                  (plan.centre != 0 ? kHasCentre : 0u) | (made.flat ? kFlat : 0u) |
                                  (plan.positive ? kPositive : 0u) | (tag << kTagShift)));
  if (unit != 1) put_varint(out, unit);
  put_zigzag(out, values[0]);
  if (plan.order == 2) put_zigzag(out, steps[0]);
  if (plan.centre != 0) put_zigzag(out, plan.centre);
  if (made.flat) return;
  for (std::size_t i = 0; i < made.count; i += kBlockValues) {
    put_block(&residuals[i], std::min(kBlockValues, made.count - i), out);
  }
}

bool IntColumnReader::open(Simd simd, const char* p, const char* end, std::size_t n) {
  ByteReader in(std::string_view(p, static_cast<std::size_t>(end - p)));
  const auto head = in.fixed<std::uint8_t>();
  simd_ = simd;
  end_ = end;
  left_ = n;
  started_ = false;
  order_ = head & kOrderMask;
  positive_ = (head & kPositive) != 0;
  flat_ = (head & kFlat) != 0;
  tag_ = (head >> kTagShift) & 3u;
  unit_ = (head & kHasUnit) != 0 ? in.varint() : 1;
  value_ = static_cast<std::uint64_t>(in.zigzag_varint());
  step_ = order_ == 2 ? unit_ * static_cast<std::uint64_t>(in.zigzag_varint()) : 0;
  centre_ = (head & kHasCentre) != 0 ? static_cast<std::uint64_t>(in.zigzag_varint()) : 0;
  p_ = in.ok() && order_ <= 2 ? in.position() : nullptr;
  return p_ != nullptr;
}

void IntColumnReader::sum(std::uint64_t* residuals, std::size_t n, std::int64_t* out) {
  if (!positive_) unzigzag_all(simd_, residuals, n);
  if (unit_ != 1) {
    for (std::size_t i = 0; i < n; ++i) residuals[i] *= unit_;
  }
  const std::uint64_t drift = unit_ * centre_;
  auto* const sums = reinterpret_cast<std::uint64_t*>(out);  // the unsigned twin may alias
  if (order_ == 0) {
    const std::uint64_t base = value_ + drift;
    for (std::size_t i = 0; i < n; ++i) sums[i] = base + residuals[i];
    return;
  }
  if (order_ == 1) {
    running_sum(simd_, residuals, n, drift, value_, sums);
  } else {
    running_sum(simd_, residuals, n, drift, step_, residuals);
    step_ = residuals[n - 1];
    running_sum(simd_, residuals, n, 0, value_, sums);
  }
  value_ = sums[n - 1];
}

void IntColumnReader::sum_flat(std::size_t n, std::int64_t* out) {
  const std::uint64_t drift = unit_ * centre_;
  std::uint64_t value = value_;
  if (order_ == 0) {
    std::fill_n(out, n, static_cast<std::int64_t>(value + drift));
    return;
  }
  std::uint64_t step = order_ == 2 ? step_ : drift;
  const std::uint64_t turn = order_ == 2 ? drift : 0;
  for (std::size_t i = 0; i < n; ++i) {
    step += turn;
    value += step;
    out[i] = static_cast<std::int64_t>(value);
  }
  step_ = step;
  value_ = value;
}

std::size_t IntColumnReader::read(std::int64_t* out) {
  if (left_ == 0 || p_ == nullptr) return 0;
  std::size_t given = 0;
  if (!started_) {
    started_ = true;
    out[given++] = static_cast<std::int64_t>(value_);
    --left_;
    if (order_ == 2 && left_ > 0) {
      value_ += step_;
      out[given++] = static_cast<std::int64_t>(value_);
      --left_;
    }
  }
  const std::size_t n = std::min(left_, kBlockValues);
  if (n == 0) return given;
  if (flat_) {
    sum_flat(n, out + given);
  } else {
    std::uint64_t residuals[kBlockValues + 4];
    p_ = get_block(simd_, p_, end_, n, residuals);
    if (p_ == nullptr) return 0;
    std::fill_n(residuals + n, 4, 0);  // the kernels work in fours
    sum(residuals, n, out + given);
  }
  left_ -= n;
  return given + n;
}

}  // namespace silverback::storage
