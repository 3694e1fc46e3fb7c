#include "storage/chunk.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/bytes.h"
#include "storage/aggregates.h"
#include "storage/decimal.h"
#include "storage/time_codec.h"

namespace silverback::storage {
namespace {

// The first byte.
constexpr unsigned kTypeMask = 7;
constexpr unsigned kTickShift = 3;  // two bits: of first and last time
constexpr unsigned kInlineTimes = 1 << 5;
constexpr unsigned kHasStale = 1 << 6;
constexpr unsigned kConstant = 1 << 7;  // every value has the bits of the first: no values follow

// The byte before the aggregates; not for strings.
constexpr unsigned kRange = 1 << 0;
constexpr unsigned kSum = 1 << 1;
constexpr unsigned kNan = 1 << 1;  // in place of kSum where there is no range
constexpr unsigned kCounter = 1 << 2;
constexpr unsigned kResets = 1 << 3;
constexpr unsigned kMinIsFirst = 1 << 4;
constexpr unsigned kMaxIsLast = 1 << 5;
constexpr unsigned kFormShift = 6;  // two bits

/// How the aggregates' numbers stand.
enum class Form : std::uint8_t {
  Raw = 0,      // eight bytes each
  Integer = 1,  // varints: a double that is an integer, or an integer
  Decimal = 2,  // varints over 10^scale; a byte for the scale comes first
};

bool is_numeric(ValueType type) { return type < ValueType::String; }

std::uint64_t bits_of(double v) { return std::bit_cast<std::uint64_t>(v); }
double double_of(std::uint64_t bits) { return std::bit_cast<double>(bits); }

/// Numbers of one chunk between their bits and the integers that are stored.
class NumberForm {
 public:
  NumberForm(ValueType type, Form form, unsigned scale) : type_(type), form_(form), scale_(scale) {}

  /// The form that suits all of the numbers. @param hint_scale the scale to try after none
  static NumberForm choose(ValueType type, std::span<const std::uint64_t> numbers, unsigned hint_scale) {
    if (type != ValueType::Float64) return {type, Form::Integer, 0};
    for (const unsigned scale : {0u, hint_scale}) {
      const bool fits = std::all_of(numbers.begin(), numbers.end(), [&](std::uint64_t bits) {
        std::int64_t k = 0;
        return scale_one(double_of(bits), scale, k);
      });
      if (fits) return {type, scale == 0 ? Form::Integer : Form::Decimal, scale};
    }
    return {type, Form::Raw, 0};
  }

  Form form() const { return form_; }
  unsigned scale() const { return scale_; }

  std::int64_t integer(std::uint64_t bits) const {
    if (type_ != ValueType::Float64) return static_cast<std::int64_t>(bits);
    std::int64_t k = 0;
    scale_one(double_of(bits), scale_, k);
    return k;
  }
  /// @returns false for what integer() never gives
  bool bits(std::int64_t integer, std::uint64_t& out) const {
    if (type_ != ValueType::Float64) {
      out = static_cast<std::uint64_t>(integer);
      return true;
    }
    double value = 0;
    if (!scale_down(Simd::Baseline, &integer, 1, scale_, &value)) return false;
    out = bits_of(value);
    return true;
  }

 private:
  ValueType type_;
  Form form_;
  unsigned scale_;
};

/// As difference from the first, wrapping around.
void put_number(const NumberForm& form, std::uint64_t first, std::uint64_t number, std::string& out) {
  if (form.form() == Form::Raw) {
    put_fixed(out, number);
  } else {
    put_zigzag(out, static_cast<std::int64_t>(static_cast<std::uint64_t>(form.integer(number)) -
                                              static_cast<std::uint64_t>(form.integer(first))));
  }
}

bool get_number(ByteReader& in, const NumberForm& form, std::uint64_t first, std::uint64_t& number) {
  if (form.form() == Form::Raw) {
    number = in.fixed<std::uint64_t>();
    return in.ok();
  }
  const auto difference = static_cast<std::uint64_t>(in.zigzag_varint());
  const std::uint64_t base = static_cast<std::uint64_t>(form.integer(first));
  return in.ok() && form.bits(static_cast<std::int64_t>(base + difference), number);
}

/// The sum if every value were the first: what is stored is the rest.
std::int64_t even_sum(const ChunkHeader& header) {
  constexpr double kMaxWhole = 9007199254740992.0;  // has_sum promises no more; damaged bytes may
  const std::uint64_t bits = header.aggregates.first;
  std::uint64_t first = bits;
  if (header.type == ValueType::Float64) {
    const double value = double_of(bits);
    first = std::fabs(value) <= kMaxWhole ? static_cast<std::uint64_t>(static_cast<std::int64_t>(value)) : 0;
  }
  return static_cast<std::int64_t>(first * (header.count - header.stale));
}

bool is_constant(const ChunkHeader& header) {
  const ChunkAggregates& a = header.aggregates;
  return a.has_range && header.stale == 0 && a.min == a.max;
}

void put_aggregates(const ChunkHeader& header, unsigned hint_scale, std::string& out) {
  const ChunkAggregates& a = header.aggregates;
  if (!a.has_range) {
    out.push_back(static_cast<char>(header.has_nan ? kNan : 0u));
    return;
  }
  const std::uint64_t numbers[] = {a.first, a.last, a.min, a.max};
  const NumberForm form = NumberForm::choose(header.type, numbers, hint_scale);
  const bool min_is_first = a.min == a.first;
  const bool max_is_last = a.max == a.last;
  out.push_back(static_cast<char>(kRange | (a.has_sum ? kSum : 0u) | (a.has_counter ? kCounter : 0u) |
                                  (a.resets != 0 ? kResets : 0u) | (min_is_first ? kMinIsFirst : 0u) |
                                  (max_is_last ? kMaxIsLast : 0u) |
                                  static_cast<unsigned>(form.form()) << kFormShift));
  if (form.form() == Form::Decimal) out.push_back(static_cast<char>(form.scale()));
  if (form.form() == Form::Raw) {
    put_fixed(out, a.first);
  } else {
    put_zigzag(out, form.integer(a.first));
  }
  if (is_constant(header)) return;
  put_number(form, a.first, a.last, out);
  if (!min_is_first) put_number(form, a.first, a.min, out);
  if (!max_is_last) put_number(form, a.first, a.max, out);
  if (a.has_sum) {
    put_zigzag(out, static_cast<std::int64_t>(static_cast<std::uint64_t>(a.sum) -
                                              static_cast<std::uint64_t>(even_sum(header))));
  }
  if (a.resets != 0) {
    put_varint(out, a.resets);
    put_fixed(out, a.correction);
  }
}

bool get_aggregates(ByteReader& in, bool constant, ChunkHeader& header) {
  ChunkAggregates& a = header.aggregates;
  const auto flags = in.fixed<std::uint8_t>();
  if ((flags & kRange) == 0) {
    header.has_nan = (flags & kNan) != 0;
    return in.ok() && !constant && (flags & ~kNan) == 0;
  }
  const unsigned form_code = flags >> kFormShift;
  const unsigned scale = form_code == static_cast<unsigned>(Form::Decimal) ? in.fixed<std::uint8_t>() : 0;
  const bool is_float = header.type == ValueType::Float64;
  if (form_code > 2 || scale > kMaxScale || (!is_float && form_code != 1) || header.stale >= header.count)
    return false;
  const NumberForm form(header.type, static_cast<Form>(form_code), scale);
  a.has_range = true;
  a.has_sum = (flags & kSum) != 0;
  a.has_counter = (flags & kCounter) != 0;
  if (form.form() == Form::Raw) {
    a.first = in.fixed<std::uint64_t>();
  } else if (!form.bits(in.zigzag_varint(), a.first)) {
    return false;
  }
  a.last = a.min = a.max = a.first;
  if (constant) {
    a.sum = a.has_sum ? even_sum(header) : 0;
    return in.ok() && header.stale == 0 && (flags & kResets) == 0;
  }
  if (!get_number(in, form, a.first, a.last)) return false;
  a.max = a.last;
  if ((flags & kMinIsFirst) == 0 && !get_number(in, form, a.first, a.min)) return false;
  if ((flags & kMaxIsLast) == 0 && !get_number(in, form, a.first, a.max)) return false;
  if (a.has_sum) {
    a.sum = static_cast<std::int64_t>(static_cast<std::uint64_t>(in.zigzag_varint()) +
                                      static_cast<std::uint64_t>(even_sum(header)));
  }
  if ((flags & kResets) != 0) {
    const std::uint64_t resets = in.varint();
    if (!a.has_counter || resets == 0 || resets > kMaxResets) return false;
    a.resets = static_cast<std::uint32_t>(resets);
    a.correction = in.fixed<double>();
  }
  return in.ok();
}

void put_values(const ChunkInput& input, ScaleHint& hint, std::string& out) {
  switch (input.type) {
    case ValueType::Float64: {
      thread_local std::vector<double> floats;
      floats.resize(input.bits.size());
      std::memcpy(floats.data(), input.bits.data(), input.bits.size_bytes());
      encode_floats(floats, hint, out);
      break;
    }
    case ValueType::Int64:
    case ValueType::Uint64: encode_uints(input.bits, out); break;
    case ValueType::Bool: encode_bools(input.bits, out); break;
    case ValueType::String: encode_strings(input.strings, out); break;
    case ValueType::Histogram: assert(false && "histograms have no chunks yet"); break;
  }
}

Status damaged(const char* what) { return {Code::DataLoss, std::string("damaged chunk: ") + what}; }

/// The times and how long they are, in ticks. @returns false when they are no int64 nanoseconds
bool get_times(ByteReader& in, Tick tick, ChunkHeader& header) {
  const std::int64_t first = in.zigzag_varint();
  const std::int64_t elapsed = in.zigzag_varint();
  const std::int64_t unit = nanoseconds(tick);
  std::int64_t last = 0;
  if (tick == Tick::Nanosecond) {  // any two times: the difference may wrap around
    last = static_cast<std::int64_t>(static_cast<std::uint64_t>(first) + static_cast<std::uint64_t>(elapsed));
  } else if (__builtin_add_overflow(first, elapsed, &last)) {
    return false;
  }
  return in.ok() && !__builtin_mul_overflow(first, unit, &header.first_ns) &&
         !__builtin_mul_overflow(last, unit, &header.last_ns);
}

}  // namespace

void encode_chunk(const ChunkInput& input, ScaleHint& hint, std::string& out) {
  const std::size_t n = input.times_ns.size();
  assert(n > 0 && n <= kMaxChunkSamples);
  assert((input.type == ValueType::String ? input.strings.size() : input.bits.size()) == n);
  ChunkHeader header;
  header.type = input.type;
  header.count = static_cast<std::uint32_t>(n);
  if (is_numeric(input.type)) aggregate(best_simd(), input.bits, header);
  const bool constant = is_constant(header);

  // The values come last but are encoded first: their scale is the aggregates' too.
  thread_local std::string values;
  values.clear();
  if (!constant) put_values(input, hint, values);

  const std::int64_t ends[] = {input.times_ns.front(), input.times_ns.back()};
  const Tick tick = coarsest_tick(ends);
  const std::int64_t first = ends[0] / nanoseconds(tick);
  const std::int64_t last = ends[1] / nanoseconds(tick);
  const bool inline_times = input.times_ref == 0;
  out.push_back(static_cast<char>(static_cast<unsigned>(input.type) |
                                  static_cast<unsigned>(tick) << kTickShift |
                                  (inline_times ? kInlineTimes : 0u) | (header.stale != 0 ? kHasStale : 0u) |
                                  (constant ? kConstant : 0u)));
  put_varint(out, n);
  put_zigzag(out, first);
  put_zigzag(out,
             static_cast<std::int64_t>(static_cast<std::uint64_t>(last) - static_cast<std::uint64_t>(first)));
  if (!inline_times) put_varint(out, input.times_ref);
  if (header.stale != 0) put_varint(out, header.stale);
  if (is_numeric(input.type)) put_aggregates(header, hint & 15u, out);
  if (inline_times) {
    thread_local std::string times;
    times.clear();
    encode_times(input.times_ns, times);
    put_string(out, times);
  }
  out += values;
}

Result<ChunkView> ChunkView::parse(std::string_view bytes) {
  ByteReader in(bytes);
  ChunkView chunk;
  ChunkHeader& header = chunk.header_;
  const auto flags = in.fixed<std::uint8_t>();
  const std::uint64_t count = in.varint();
  if (!in.ok() || count == 0 || count > kMaxChunkSamples) return damaged("impossible number of samples");
  header.type = static_cast<ValueType>(flags & kTypeMask);
  if (header.type > ValueType::String) return damaged("unknown type of values");
  header.count = static_cast<std::uint32_t>(count);
  if (!get_times(in, static_cast<Tick>(flags >> kTickShift & 3u), header)) return damaged("impossible times");
  const bool inline_times = (flags & kInlineTimes) != 0;
  if (!inline_times) {
    header.times_ref = in.varint();
    if (header.times_ref == 0) return damaged("no times");
  }
  if ((flags & kHasStale) != 0) {
    const std::uint64_t stale = in.varint();
    if (stale == 0 || stale > count || header.type != ValueType::Float64)
      return damaged("impossible stale markers");
    header.stale = static_cast<std::uint32_t>(stale);
  }
  const bool constant = (flags & kConstant) != 0;
  if (is_numeric(header.type) ? !get_aggregates(in, constant, header) : constant)
    return damaged("aggregates");
  if (inline_times) chunk.times_ = in.string();
  chunk.values_ = in.rest();
  chunk.constant_ = constant;
  if (!in.ok() || (constant && !chunk.values_.empty())) return damaged("wrong length");
  return chunk;
}

Status ChunkView::decode_times(TimeUnit unit, std::int64_t* out) const {
  assert(header_.times_ref == 0);
  ByteReader in(times_);
  if (const Status status = storage::decode_times(in, header_.count, unit, out); !status.ok()) return status;
  return in.at_end() ? Status() : damaged("bytes behind the times");
}

Status ChunkView::decode_bits(std::uint64_t* out) const {
  assert(is_numeric(header_.type));
  if (constant_) {
    std::fill_n(out, header_.count, header_.aggregates.first);
    return {};
  }
  ByteReader in(values_);
  Status status;
  if (header_.type == ValueType::Float64) {
    thread_local std::vector<double> floats;
    floats.resize(header_.count);
    status = storage::decode_floats(in, header_.count, floats.data());
    if (status.ok()) std::memcpy(out, floats.data(), floats.size() * sizeof(double));
  } else if (header_.type == ValueType::Bool) {
    status = decode_bools(in, header_.count, out);
  } else {
    status = decode_uints(in, header_.count, out);
  }
  if (!status.ok()) return status;
  return in.at_end() ? Status() : damaged("bytes behind the values");
}

Status ChunkView::decode_floats(double* out) const {
  assert(header_.type == ValueType::Float64);
  if (constant_) {
    std::fill_n(out, header_.count, double_of(header_.aggregates.first));
    return {};
  }
  ByteReader in(values_);
  if (Status status = storage::decode_floats(in, header_.count, out); !status.ok()) return status;
  return in.at_end() ? Status() : damaged("bytes behind the values");
}

Status ChunkView::decode_as_floats(double* out) const {
  if (header_.type == ValueType::Float64) return decode_floats(out);
  thread_local std::vector<std::uint64_t> bits;
  bits.resize(header_.count);
  if (Status status = decode_bits(bits.data()); !status.ok()) return status;
  if (header_.type == ValueType::Int64) {
    for (const std::uint64_t b : bits) *out++ = static_cast<double>(static_cast<std::int64_t>(b));
  } else {
    for (const std::uint64_t b : bits) *out++ = static_cast<double>(b);
  }
  return {};
}

Status ChunkView::decode_strings(std::vector<std::string_view>& out) const {
  assert(header_.type == ValueType::String);
  ByteReader in(values_);
  if (Status status = storage::decode_strings(in, header_.count, out); !status.ok()) return status;
  return in.at_end() ? Status() : damaged("bytes behind the values");
}

}  // namespace silverback::storage
