#include "storage/int_codec.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <limits>
#include <numeric>
#include <vector>

#include "base/bytes.h"

namespace silverback::storage {
namespace {

// The column's first byte.
constexpr unsigned kOrderMask = 3;
constexpr unsigned kHasUnit = 1 << 2;
constexpr unsigned kHasCentre = 1 << 3;
constexpr unsigned kFlat = 1 << 4;  // no residuals: all are 0
constexpr unsigned kTagShift = 5;   // two bits
constexpr unsigned kReserved = 1 << 7;

std::uint64_t magnitude(std::int64_t v) {
  return v < 0 ? 0 - static_cast<std::uint64_t>(v) : static_cast<std::uint64_t>(v);
}

/// Division by a number that divides: a shift and a product with the odd part's inverse modulo 2^64.
class ExactDivider {
 public:
  explicit ExactDivider(std::uint64_t unit)
      : unit_(unit), shift_(std::countr_zero(unit)), inverse_(1), limit_(std::numeric_limits<std::int64_t>::max() / static_cast<std::int64_t>(unit)) {
    const std::uint64_t odd = unit >> shift_;
    inverse_ = odd;  // right in the lowest 3 bits; every step doubles them
    for (int i = 0; i < 5; ++i) inverse_ *= 2 - odd * inverse_;
  }
  std::int64_t divide(std::int64_t v) const {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(v >> shift_) * inverse_);
  }
  bool divides(std::int64_t v) const {
    const std::int64_t quotient = divide(v);
    return quotient >= -limit_ && quotient <= limit_ && static_cast<std::uint64_t>(quotient) * unit_ == static_cast<std::uint64_t>(v);
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

/// How many bits the packed blocks will take, roughly: one width for the column, wider values apart.
class LengthHistogram {
 public:
  void add(std::uint64_t residual) { ++lengths_[static_cast<std::size_t>(std::bit_width(residual))]; }
  std::size_t bits(std::size_t n) const {
    unsigned longest = 64;
    while (longest > 0 && lengths_[longest] == 0) --longest;
    std::size_t best = n * longest;
    std::size_t wider = 0;
    std::size_t wider_bits = 0;
    for (unsigned width = longest; width-- > 0;) {
      wider += lengths_[width + 1];
      wider_bits += wider + lengths_[width + 1] * 12u;
      best = std::min(best, n * width + wider_bits);
      if (wider > n / 4) break;
    }
    return best;
  }

 private:
  std::array<std::uint32_t, 65> lengths_{};
};

struct Range {
  std::int64_t min = std::numeric_limits<std::int64_t>::max();
  std::int64_t max = std::numeric_limits<std::int64_t>::min();
  void add(std::int64_t v) {
    min = std::min(min, v);
    max = std::max(max, v);
  }
  std::uint64_t width() const { return static_cast<std::uint64_t>(max) - static_cast<std::uint64_t>(min); }
  /// Zigzagged offsets from it need no more bits than the range itself.
  std::int64_t centre() const {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(min) + width() / 2 + (width() & 1));
  }
  std::size_t bits(std::size_t n) const { return n * static_cast<std::size_t>(std::bit_width(width())); }
};

struct Plan {
  unsigned order = 1;
  std::int64_t centre = 0;
};

std::int64_t minus(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}

/// `steps` are the differences in units; `offsets` those from the first value.
Plan choose_plan(std::span<const std::int64_t> steps) {
  Range offset_range;
  Range step_range;
  Range turn_range;
  LengthHistogram step_lengths;
  LengthHistogram turn_lengths;
  std::int64_t offset = 0;
  bool overflow = false;
  std::int64_t before = steps[0];
  for (const std::int64_t step : steps) {
    overflow |= __builtin_add_overflow(offset, step, &offset);
    offset_range.add(offset);
    step_range.add(step);
    step_lengths.add(zigzag(step));
    const std::int64_t turn = minus(step, before);
    before = step;
    turn_range.add(turn);
    turn_lengths.add(zigzag(turn));
  }
  const std::size_t n = steps.size();
  Plan best{1, 0};
  std::size_t least = step_lengths.bits(n);
  const auto offer = [&](std::size_t bits, std::size_t head_bits, Plan plan) {
    if (bits + head_bits >= least) return;
    least = bits + head_bits;
    best = plan;
  };
  offer(step_range.bits(n), 8, {1, step_range.centre()});
  offer(turn_lengths.bits(n - 1), 12, {2, 0});
  constexpr std::uint64_t kWidest = 1ull << 61;
  if (!overflow && offset_range.width() < kWidest) offer(offset_range.bits(n), 8, {0, offset_range.centre()});
  return best;
}

/// Turns steps into zigzagged residuals, in place. @returns how many there are and whether any is not 0
struct Residuals {
  std::size_t count = 0;
  bool flat = true;
};
Residuals make_residuals(const Plan& plan, std::span<const std::int64_t> steps, std::uint64_t* out) {
  std::uint64_t any = 0;
  std::size_t count = 0;
  const auto put = [&](std::int64_t v) {
    const std::uint64_t residual = zigzag(minus(v, plan.centre));
    any |= residual;
    out[count++] = residual;
  };
  if (plan.order == 0) {
    std::int64_t offset = 0;
    for (const std::int64_t step : steps) put(offset += step);
  } else if (plan.order == 1) {
    for (const std::int64_t step : steps) put(step);
  } else {
    for (std::size_t i = 1; i < steps.size(); ++i) put(minus(steps[i], steps[i - 1]));
  }
  return {count, any == 0};
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
  out.push_back(static_cast<char>(plan.order | (unit != 1 ? kHasUnit : 0u) | (plan.centre != 0 ? kHasCentre : 0u) |
                                  (made.flat ? kFlat : 0u) | (tag << kTagShift)));
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
  flat_ = (head & kFlat) != 0;
  tag_ = (head >> kTagShift) & 3u;
  unit_ = (head & kHasUnit) != 0 ? in.varint() : 1;
  value_ = static_cast<std::uint64_t>(in.zigzag_varint());
  step_ = order_ == 2 ? unit_ * static_cast<std::uint64_t>(in.zigzag_varint()) : 0;
  centre_ = (head & kHasCentre) != 0 ? static_cast<std::uint64_t>(in.zigzag_varint()) : 0;
  p_ = in.ok() && order_ <= 2 && (head & kReserved) == 0 ? in.position() : nullptr;
  return p_ != nullptr;
}

void IntColumnReader::sum(const std::uint64_t* residuals, std::size_t n, std::int64_t* out) {
  const std::uint64_t unit = unit_;
  const std::uint64_t centre = centre_;
  std::uint64_t value = value_;
  if (order_ == 0) {
    const std::uint64_t base = value + unit * centre;
    for (std::size_t i = 0; i < n; ++i) {
      out[i] = static_cast<std::int64_t>(base + unit * static_cast<std::uint64_t>(unzigzag(residuals[i])));
    }
    return;
  }
  if (order_ == 1) {
    const std::uint64_t drift = unit * centre;
    for (std::size_t i = 0; i < n; ++i) {
      value += drift + unit * static_cast<std::uint64_t>(unzigzag(residuals[i]));
      out[i] = static_cast<std::int64_t>(value);
    }
  } else {
    std::uint64_t step = step_;
    const std::uint64_t drift = unit * centre;
    for (std::size_t i = 0; i < n; ++i) {
      step += drift + unit * static_cast<std::uint64_t>(unzigzag(residuals[i]));
      value += step;
      out[i] = static_cast<std::int64_t>(value);
    }
    step_ = step;
  }
  value_ = value;
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
    std::uint64_t residuals[kBlockValues];
    p_ = get_block(simd_, p_, end_, n, residuals);
    if (p_ == nullptr) return 0;
    sum(residuals, n, out + given);
  }
  left_ -= n;
  return given + n;
}

}  // namespace silverback::storage
