// The float half of value_codec.h: which of the kinds is smallest, and the kinds.

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstring>
#include <vector>

#include "storage/decimal.h"
#include "storage/int_codec.h"
#include "storage/value_codec.h"
#include "storage/xor_codec.h"

namespace silverback::storage {
namespace {

// The column's first byte: scale in the low four bits, then three of Kind. The numbers stand in files.
enum class Kind : std::uint8_t {
  Constant = 0,      // an integer over 10^scale, n times
  ConstantBits = 1,  // eight bytes, n times
  Decimal = 2,       // integers over 10^scale
  Ulp = 3,           // the same, and a correction in units of the last place
  Binary = 4,        // integers times a power of two
  Bits = 5,          // bit patterns in the order of the values, as integers
  Xor = 6,
};
constexpr unsigned kKindShift = 4;
constexpr unsigned kHasExceptions = 0x80;

constexpr int kMinExponent = -1074;
constexpr int kMaxExponent = 1023;
constexpr std::size_t kSample = 32;
// Beyond this a decimal column is not clearly the best: try the other kinds.
constexpr std::size_t kGoodBitsPerValue = 24;

std::uint64_t bits_of(double v) { return std::bit_cast<std::uint64_t>(v); }

/// Bit patterns in the order of the values: those of negative ones run backwards.
std::int64_t ordered(std::int64_t bits) {
  return bits ^ static_cast<std::int64_t>(static_cast<std::uint64_t>(bits >> 63) >> 1);
}

/// Values that a kind cannot hold: index and bits.
struct Exception {
  std::uint32_t index;
  std::uint64_t bits;
};

struct Scratch {
  std::vector<std::int64_t> integers;
  std::vector<std::int64_t> trial;
  std::vector<std::int64_t> ulps;
  std::vector<Exception> exceptions;
  std::string best;
  std::string attempt;
};
Scratch& scratch() {
  thread_local Scratch memory;
  return memory;
}

std::size_t exception_limit(std::size_t n) { return 1 + n / 16; }

class FloatEncoder {
 public:
  FloatEncoder(Simd simd, std::span<const double> values, ScaleHint hint)
      : simd_(simd), values_(values), hint_(hint), memory_(scratch()) {
    memory_.integers.resize(values.size());
  }

  ScaleHint encode(std::string& out) {
    if (try_hint(out)) return hint_;
    memory_.best.clear();
    explore();
    out += memory_.best;
    return hint_;
  }

 private:
  static ScaleHint hint_of(Kind kind, unsigned scale) {
    return static_cast<ScaleHint>(static_cast<unsigned>(kind) << kKindShift | scale);
  }
  std::size_t size() const { return values_.size(); }

  /// What worked last time works again, as it nearly always does.
  bool try_hint(std::string& out) {
    const auto kind = static_cast<Kind>(hint_ >> kKindShift);
    const unsigned scale = hint_ & 15u;
    if (kind == Kind::Decimal) {
      if (scale_up(simd_, values_.data(), size(), scale, memory_.integers.data()) != 0) return false;
      put_head(kind, scale, false, out);
      put_int_column(memory_.integers, 0, out);
      return true;
    }
    if (kind < Kind::Ulp || kind > Kind::Xor || looks_decimal()) return false;
    const std::size_t start = out.size();
    const bool fits = kind == Kind::Ulp      ? put_ulp(scale, out)
                      : kind == Kind::Binary ? put_binary(out)
                      : kind == Kind::Bits   ? put_bits(out)
                                             : put_xor(out);
    if (!fits) out.resize(start);
    return fits;
  }

  /// A few values say whether a series of odd values has become one of short decimals.
  bool looks_decimal() {
    constexpr std::size_t kFew = 8;
    constexpr unsigned kShort = 4;
    double few[kFew];
    std::int64_t unused[kFew];
    const std::size_t stride = std::max<std::size_t>(1, size() / kFew);
    std::size_t n = 0;
    for (std::size_t i = 0; i < size() && n < kFew; i += stride) few[n++] = values_[i];
    return scale_up(simd_, few, n, kShort, unused) <= 1;
  }

  void explore() {
    const bool decimal = try_decimal();
    const bool small = decimal && memory_.best.size() * 8 <= size() * kGoodBitsPerValue;
    if (small && memory_.exceptions.empty()) return;
    explore_ulp();  // it may have no need of exceptions
    if (small) return;
    offer(hint_of(Kind::Binary, 0), [&](std::string& o) { return put_binary(o); });
    offer(hint_of(Kind::Bits, 0), [&](std::string& o) { return put_bits(o); });
    offer(hint_of(Kind::Xor, 0), [&](std::string& o) { return put_xor(o); });
  }

  template <typename Put>
  void offer(ScaleHint hint, Put put) {
    memory_.attempt.clear();
    if (!put(memory_.attempt)) return;
    if (!memory_.best.empty() && memory_.attempt.size() >= memory_.best.size()) return;
    memory_.best.swap(memory_.attempt);
    hint_ = hint;
  }

  /// The smallest scale that brings most of a sample back; false when none does.
  bool find_scale(unsigned& scale) const {
    double sample[kSample];
    std::int64_t unused[kSample];
    const std::size_t stride = (size() + kSample - 1) / kSample;
    std::size_t n = 0;
    for (std::size_t i = 0; i < size(); i += stride) sample[n++] = values_[i];
    std::size_t least = n / 2 + 1;
    for (unsigned e = 0; e <= kMaxScale; ++e) {
      const std::size_t bad = scale_up(simd_, sample, n, e, unused);
      if (bad >= least) continue;
      least = bad;
      scale = e;
      if (bad == 0) break;
    }
    return least <= n / 2;
  }

  bool try_decimal() {
    unsigned scale = hint_ & 15u;
    if (static_cast<Kind>(hint_ >> kKindShift) != Kind::Decimal || misfits(scale) > exception_limit(size())) {
      if (!find_scale(scale)) return false;
    }
    // Values outside the sample may need more digits. Few of them may be cheaper as exceptions: try both.
    for (int raised = 0; raised < 4; ++raised) {
      const std::size_t bad = misfits(scale);
      if (bad <= exception_limit(size())) offer_decimal(scale);
      const unsigned wider = bad == 0 ? scale : scale_of_first_misfit(scale);
      if (wider == scale) break;
      scale = wider;
    }
    return !memory_.best.empty();
  }

  std::size_t misfits(unsigned scale) const {
    return scale_up(simd_, values_.data(), size(), scale, memory_.integers.data());
  }

  unsigned scale_of_first_misfit(unsigned scale) const {
    std::int64_t k = 0;
    for (const double value : values_) {
      if (scale_one(value, scale, k)) continue;
      for (unsigned e = scale + 1; e <= kMaxScale; ++e) {
        if (scale_one(value, e, k)) return e;
      }
    }
    return scale;
  }

  void offer_decimal(unsigned scale) {
    offer(hint_of(Kind::Decimal, scale), [&](std::string& o) {
      memory_.exceptions.clear();
      memory_.trial.resize(size());
      std::int64_t before = 0;
      for (std::size_t i = 0; i < size(); ++i) {
        std::int64_t k = 0;
        if (scale_one(values_[i], scale, k)) {
          before = k;
        } else {
          except(i);
        }
        memory_.trial[i] = before;
      }
      fill_front(memory_.trial);
      put_head(Kind::Decimal, scale, true, o);
      put_int_column(memory_.trial, 0, o);
      return true;
    });
  }

  void except(std::size_t i) {
    memory_.exceptions.push_back({static_cast<std::uint32_t>(i), bits_of(values_[i])});
  }

  /// Exceptions at the front take the first proper value, so that they cost no residual.
  void fill_front(std::vector<std::int64_t>& integers) const {
    std::size_t i = 0;
    while (i < memory_.exceptions.size() && memory_.exceptions[i].index == i) ++i;
    if (i < integers.size()) std::fill_n(integers.begin(), i, integers[i]);
  }

  /// The smallest scale that suits a sample and then all but a few values.
  void explore_ulp() {
    constexpr unsigned kMaxUlpScale = 13;
    const std::size_t stride = (size() + kSample - 1) / kSample;
    for (unsigned scale = 0; scale <= kMaxUlpScale; ++scale) {
      std::size_t bad = 0;
      std::size_t seen = 0;
      for (std::size_t i = 0; i < size(); i += stride, ++seen) {
        std::int64_t k = 0;
        std::int64_t ulps = 0;
        bad += !scale_near(values_[i], scale, k, ulps);
      }
      if (bad * 16 > seen) continue;
      bool fits = false;
      offer(hint_of(Kind::Ulp, scale), [&](std::string& o) { return fits = put_ulp(scale, o); });
      if (fits) return;
    }
  }

  bool put_ulp(unsigned scale, std::string& out) {
    memory_.exceptions.clear();
    memory_.trial.resize(size());
    memory_.ulps.resize(size());
    std::int64_t before = 0;
    for (std::size_t i = 0; i < size(); ++i) {
      std::int64_t k = 0;
      std::int64_t ulps = 0;
      if (scale_near(values_[i], scale, k, ulps)) {
        before = k;
      } else {
        except(i);
        ulps = 0;
        if (memory_.exceptions.size() > exception_limit(size())) return false;
      }
      memory_.trial[i] = before;
      memory_.ulps[i] = ulps;
    }
    fill_front(memory_.trial);
    put_head(Kind::Ulp, scale, true, out);
    put_int_column(memory_.trial, 0, out);
    std::uint64_t residuals[kBlockValues];
    for (std::size_t i = 0; i < size(); i += kBlockValues) {
      const std::size_t n = std::min(kBlockValues, size() - i);
      for (std::size_t j = 0; j < n; ++j) residuals[j] = zigzag(memory_.ulps[i + j]);
      put_block(residuals, n, out);
    }
    return true;
  }

  bool put_binary(std::string& out) {
    memory_.exceptions.clear();
    int lowest = kMaxExponent;
    int highest = kMinExponent;
    for (std::size_t i = 0; i < size(); ++i) {
      const double value = values_[i];
      if (value == 0 && !std::signbit(value)) continue;
      if (!std::isnormal(value)) {
        except(i);
        if (memory_.exceptions.size() > exception_limit(size())) return false;
        continue;
      }
      const std::uint64_t mantissa = (bits_of(value) & ((1ull << 52) - 1)) | 1ull << 52;
      const int unit = static_cast<int>(bits_of(value) >> 52 & 2047) - 1075;
      lowest = std::min(lowest, unit + std::countr_zero(mantissa));
      highest = std::max(highest, unit + 53);
    }
    if (highest - lowest > 62 || lowest > highest) return false;
    memory_.trial.resize(size());
    std::int64_t before = 0;
    std::size_t next = 0;
    for (std::size_t i = 0; i < size(); ++i) {
      if (next < memory_.exceptions.size() && memory_.exceptions[next].index == i) {
        ++next;
      } else {
        before = static_cast<std::int64_t>(std::ldexp(values_[i], -lowest));
      }
      memory_.trial[i] = before;
    }
    fill_front(memory_.trial);
    put_head(Kind::Binary, 0, true, out);
    put_zigzag(out, lowest);
    put_int_column(memory_.trial, 0, out);
    return true;
  }

  bool put_bits(std::string& out) {
    memory_.trial.resize(size());
    for (std::size_t i = 0; i < size(); ++i)
      memory_.trial[i] = ordered(std::bit_cast<std::int64_t>(values_[i]));
    put_head(Kind::Bits, 0, false, out);
    put_int_column(memory_.trial, 0, out);
    return true;
  }

  bool put_xor(std::string& out) const {
    put_head(Kind::Xor, 0, false, out);
    put_xor_column(values_, out);
    return true;
  }

  void put_head(Kind kind, unsigned scale, bool with_exceptions, std::string& out) const {
    const auto& exceptions = memory_.exceptions;
    const bool any = with_exceptions && !exceptions.empty();
    out.push_back(static_cast<char>(hint_of(kind, scale) | (any ? kHasExceptions : 0u)));
    if (!any) return;
    put_varint(out, exceptions.size());
    std::uint32_t expected = 0;
    std::uint64_t before = 0;
    for (const Exception& exception : exceptions) {
      const bool repeats = expected != 0 && exception.bits == before;
      put_varint(out, static_cast<std::uint64_t>(exception.index - expected) << 1 | (repeats ? 1u : 0u));
      if (!repeats) put_fixed(out, exception.bits);
      expected = exception.index + 1;
      before = exception.bits;
    }
  }

  Simd simd_;
  std::span<const double> values_;
  ScaleHint hint_;
  Scratch& memory_;
};

void put_constant(double value, std::string& out) {
  std::int64_t k = 0;
  for (unsigned scale = 0; scale <= kMaxScale; ++scale) {
    if (!scale_one(value, scale, k)) continue;
    out.push_back(static_cast<char>(static_cast<unsigned>(Kind::Constant) << kKindShift | scale));
    put_zigzag(out, k);
    return;
  }
  out.push_back(static_cast<char>(static_cast<unsigned>(Kind::ConstantBits) << kKindShift));
  put_fixed(out, value);
}

/// Walks the exceptions; writes them to `out` unless it is null. @returns false when they are damaged
bool read_exceptions(ByteReader& in, std::size_t n, double* out) {
  const std::uint64_t count = in.varint();
  if (count == 0 || count > n) return false;
  std::uint64_t index = 0;
  std::uint64_t bits = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t code = in.varint();
    index += code >> 1;
    if ((code & 1) == 0) bits = in.fixed<std::uint64_t>();
    if (!in.ok() || index >= n || (i == 0 && (code & 1) != 0)) return false;
    if (out != nullptr) out[index] = std::bit_cast<double>(bits);
    ++index;
  }
  return true;
}

/// Reads an integer column and hands it on block by block. @returns the byte behind it, or null
template <typename Use>
const char* read_integers(Simd simd, const char* p, const char* end, std::size_t n, Use use) {
  IntColumnReader reader;
  if (!reader.open(simd, p, end, n)) return nullptr;
  std::int64_t block[IntColumnReader::kMaxRead];
  for (std::size_t at = 0; at < n;) {
    const std::size_t got = reader.read(block);
    if (got == 0 || !use(block, at, got)) return nullptr;
    at += got;
  }
  return reader.done() ? reader.position() : nullptr;
}

const char* read_decimal(Simd simd, const char* p, const char* end, unsigned scale, std::size_t n,
                         double* out) {
  return read_integers(simd, p, end, n, [&](const std::int64_t* k, std::size_t at, std::size_t got) {
    return scale_down(simd, k, got, scale, out + at);
  });
}

const char* read_ulp(Simd simd, const char* p, const char* end, unsigned scale, std::size_t n, double* out) {
  p = read_decimal(simd, p, end, scale, n, out);
  std::uint64_t residuals[kBlockValues];
  for (std::size_t i = 0; i < n && p != nullptr; i += kBlockValues) {
    const std::size_t part = std::min(kBlockValues, n - i);
    p = get_block(simd, p, end, part, residuals);
    if (p == nullptr) break;
    for (std::size_t j = 0; j < part; ++j) {
      out[i + j] =
          std::bit_cast<double>(bits_of(out[i + j]) + static_cast<std::uint64_t>(unzigzag(residuals[j])));
    }
  }
  return p;
}

const char* read_binary(Simd simd, const char* p, const char* end, std::size_t n, double* out) {
  ByteReader head(std::string_view(p, static_cast<std::size_t>(end - p)));
  const std::int64_t exponent = head.zigzag_varint();
  if (!head.ok() || exponent < kMinExponent || exponent > kMaxExponent) return nullptr;
  const double unit = std::ldexp(1.0, static_cast<int>(exponent));
  return read_integers(simd, head.position(), end, n,
                       [&](const std::int64_t* k, std::size_t at, std::size_t got) {
                         for (std::size_t i = 0; i < got; ++i) out[at + i] = static_cast<double>(k[i]) * unit;
                         return true;
                       });
}

const char* read_bits(Simd simd, const char* p, const char* end, std::size_t n, double* out) {
  return read_integers(simd, p, end, n, [&](const std::int64_t* k, std::size_t at, std::size_t got) {
    for (std::size_t i = 0; i < got; ++i) out[at + i] = std::bit_cast<double>(ordered(k[i]));
    return true;
  });
}

const char* read_constant(Kind kind, unsigned scale, const char* p, const char* end, std::size_t n,
                          double* out) {
  ByteReader in(std::string_view(p, static_cast<std::size_t>(end - p)));
  double value = 0;
  if (kind == Kind::ConstantBits) {
    value = in.fixed<double>();
  } else {
    const std::int64_t k = in.zigzag_varint();
    if (!scale_down(Simd::Baseline, &k, 1, scale, &value)) return nullptr;
  }
  std::fill_n(out, n, value);
  return in.ok() ? in.position() : nullptr;
}

}  // namespace

void encode_floats_with(Simd simd, std::span<const double> values, ScaleHint& hint, std::string& out) {
  const std::size_t n = values.size();
  assert(n <= kMaxChunkSamples);
  if (n == 0) return;
  // Every value equals the one behind it.
  if (std::memcmp(values.data(), values.data() + (n > 1), (n - 1) * sizeof(double)) == 0) {
    put_constant(values[0], out);
    return;
  }
  hint = FloatEncoder(simd, values, hint).encode(out);
}

void encode_floats(std::span<const double> values, ScaleHint& hint, std::string& out) {
  encode_floats_with(best_simd(), values, hint, out);
}

Status decode_floats_with(Simd simd, ByteReader& in, std::size_t n, double* out) {
  if (n == 0) return {};
  const auto head = in.fixed<std::uint8_t>();
  const unsigned scale = head & 15u;
  const auto kind = static_cast<Kind>(head >> kKindShift & 7u);
  ByteReader exceptions = in;
  const bool has_exceptions = (head & kHasExceptions) != 0;
  bool sound = in.ok() && (!has_exceptions || read_exceptions(in, n, nullptr));
  if (sound) {
    const char* p = in.position();
    const char* end = p + in.left();
    switch (kind) {
      case Kind::Constant:
      case Kind::ConstantBits: p = read_constant(kind, scale, p, end, n, out); break;
      case Kind::Decimal: p = read_decimal(simd, p, end, scale, n, out); break;
      case Kind::Ulp: p = read_ulp(simd, p, end, scale, n, out); break;
      case Kind::Binary: p = read_binary(simd, p, end, n, out); break;
      case Kind::Bits: p = read_bits(simd, p, end, n, out); break;
      case Kind::Xor: p = get_xor_column(p, end, n, out); break;
      default: p = nullptr;
    }
    sound = p != nullptr;
    if (sound) in.bytes(static_cast<std::size_t>(p - in.position()));
  }
  if (sound && has_exceptions) read_exceptions(exceptions, n, out);
  if (sound) return {};
  return {Code::DataLoss, "damaged column of " + std::to_string(n) + " floats"};
}

Status decode_floats(ByteReader& in, std::size_t n, double* out) {
  return decode_floats_with(best_simd(), in, n, out);
}

}  // namespace silverback::storage
