#include "storage/gorilla.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "base/bytes.h"
#include "storage/time_codec.h"
#include "storage/xor_codec.h"

namespace silverback::storage {
namespace {

// A sample's codes, topmost bit first:
//
//   0                          same step and same value, else 1, then a time and a value
//   time   0                   same step
//          10 s:8              the step changes by s ticks, two's complement
//          110 s:14
//          1110 s:21
//          11110 s:64
//          11111 tick:2 t:64   another tick from here on: the time in nanoseconds; the step is now 0
//   float  0                   same value; else as xor_codec.h has it, behind it the bits of the XOR
//   delta  0                   same value
//          10 d:8              the zigzagged difference
//          110 d:16
//          1110 d:32
//          1111 d:64
struct Bucket {
  unsigned bits;  // of the number
  BitCode prefix;
};
constexpr Bucket kSteps[] = {{8, {0b10, 2}}, {14, {0b110, 3}}, {21, {0b1110, 4}}, {64, {0b11110, 5}}};
constexpr BitCode kNewTick{0b11111, 5};
constexpr Bucket kDeltas[] = {{8, {0b10, 2}}, {16, {0b110, 3}}, {32, {0b1110, 4}}, {64, {0b1111, 4}}};

constexpr std::uint64_t low_bits(unsigned n) { return n == 64 ? ~0ull : (1ull << n) - 1; }

/// In ticks, when it is a whole number of them and fits.
bool to_ticks(std::int64_t ns, Tick tick, std::int64_t& ticks) {
  switch (tick) {  // constants, so that there is no division
    case Tick::Second: ticks = ns / 1'000'000'000; break;
    case Tick::Millisecond: ticks = ns / 1'000'000; break;
    case Tick::Microsecond: ticks = ns / 1'000; break;
    case Tick::Nanosecond: ticks = ns; break;
  }
  return ticks * nanoseconds(tick) == ns;
}

class Appender {
 public:
  Appender(GorillaState& state, char* stream)
      : state_(state), stream_(stream), writer_(stream, state.bit_count) {}
  ~Appender() { state_.bit_count = static_cast<std::uint32_t>(writer_.bit(stream_)); }
  Appender(const Appender&) = delete;
  Appender& operator=(const Appender&) = delete;

  /// The first sample of a stream: a value against 0, and its time in full.
  void begin(std::int64_t time_ns, std::uint64_t bits, Tick tick) {
    std::int64_t ticks = 0;
    to_ticks(time_ns, tick, ticks);
    const std::uint64_t number = zigzag(ticks);
    const unsigned length = std::max(1u, static_cast<unsigned>(std::bit_width(number)));
    writer_.put(static_cast<std::uint64_t>(tick) << 6 | (length - 1), 8);
    writer_.put_long(number, length);
    state_.tick = static_cast<std::uint16_t>(tick) & 3u;
    state_.step = 0;
    state_.lead = 0;
    state_.width = 0;
    state_.last_ns = time_ns;
    state_.last_bits = 0;
    put_value({}, bits);
    ++state_.count;
  }

  /// @param rest  the times from this one on: should the tick change, the new one suits them all
  void append(std::span<const std::int64_t> rest, std::uint64_t bits) {
    const std::int64_t time_ns = rest[0];
    const auto tick = static_cast<Tick>(state_.tick);
    std::int64_t elapsed = 0;
    std::int64_t step = 0;
    const bool overflow = __builtin_sub_overflow(time_ns, state_.last_ns, &elapsed);
    if (!overflow && elapsed == state_.step * nanoseconds(tick)) {
      if (bits == state_.last_bits) {
        writer_.put(0, 1);
      } else {
        put_value({0b10, 2}, bits);
      }
    } else if (overflow || !to_ticks(elapsed, tick, step)) {
      change_tick(rest);
      put_value({}, bits);
    } else {
      put_value(step_code(step), bits);
      state_.step = step;
    }
    state_.last_ns = time_ns;
    ++state_.count;
  }

 private:
  /// With the leading 1 that says "not the same". A long one is written, and nothing is left to put.
  BitCode step_code(std::int64_t step) {
    const std::uint64_t turn = static_cast<std::uint64_t>(step) - static_cast<std::uint64_t>(state_.step);
    if (turn == 0) return {0b10, 2};
    for (const Bucket& bucket : kSteps) {
      const std::uint64_t half = 1ull << (bucket.bits - 1);
      if (bucket.bits == 64) break;
      if (turn + half >= 2 * half) continue;
      const BitCode prefix = bucket.prefix;
      return {(1ull << prefix.length | prefix.bits) << bucket.bits | (turn & low_bits(bucket.bits)),
              1 + prefix.length + bucket.bits};
    }
    const BitCode prefix = kSteps[std::size(kSteps) - 1].prefix;
    writer_.put(1u << prefix.length | prefix.bits, 1 + prefix.length);
    writer_.put_long(turn, 64);
    return {};
  }

  void change_tick(std::span<const std::int64_t> rest) {
    const Tick tick = coarsest_tick(rest, static_cast<Tick>(state_.tick));
    writer_.put((1u << kNewTick.length | kNewTick.bits) << 2 | static_cast<unsigned>(tick),
                kNewTick.length + 3);
    writer_.put_long(static_cast<std::uint64_t>(rest[0]), 64);
    state_.tick = static_cast<std::uint16_t>(tick) & 3u;
    state_.step = 0;
  }

  /// `before` is put in front, in the same word where it fits; at most 26 bits.
  void put_value(BitCode before, std::uint64_t bits) {
    const std::uint64_t last = state_.last_bits;
    state_.last_bits = bits;
    if (bits == last) {
      put_together(before, {0, 1});
    } else if (state_.delta != 0) {
      put_delta(before, zigzag(static_cast<std::int64_t>(bits - last)));
    } else {
      XorWindow window{state_.lead, state_.width};
      const BitCode control = xor_control(bits ^ last, window);
      state_.lead = static_cast<std::uint16_t>(window.lead) & 63u;
      state_.width = static_cast<std::uint16_t>(window.width) & 127u;
      put_together(before, control);
      writer_.put_long((bits ^ last) >> (64 - window.lead - window.width), window.width);
    }
  }

  void put_delta(BitCode before, std::uint64_t delta) {
    for (const Bucket& bucket : kDeltas) {
      if (delta > low_bits(bucket.bits)) continue;
      put_together(before, bucket.prefix);
      writer_.put_long(delta, bucket.bits);
      return;
    }
  }

  void put_together(BitCode first, BitCode second) {
    writer_.put(first.bits << second.length | second.bits, first.length + second.length);
  }

  GorillaState& state_;
  char* stream_;
  BitWriter writer_;
};

class Decoder {
 public:
  Decoder(std::string_view stream, bool delta) : in_(stream), delta_(delta) {}

  bool begin() {
    const std::uint64_t head = in_.get(8);
    tick_ns_ = nanoseconds(static_cast<Tick>(head >> 6));
    const std::int64_t ticks = unzigzag(in_.get((head & 63) + 1));
    time_ = static_cast<std::uint64_t>(ticks) * static_cast<std::uint64_t>(tick_ns_);
    return get_value();
  }
  bool next() {
    if (in_.peek() >> 63 == 0) {
      in_.skip(1);
      time_ += step_ns_;
      return true;
    }
    in_.skip(1);
    get_time();
    return get_value();
  }
  bool ok() const { return in_.ok(); }
  std::int64_t time() const { return static_cast<std::int64_t>(time_); }
  std::uint64_t value() const { return value_; }

 private:
  void get_time() {
    const std::uint64_t next = in_.peek();
    if (next >> 63 == 0) {
      in_.skip(1);
      time_ += step_ns_;
      return;
    }
    const auto ones = static_cast<unsigned>(std::countl_one(next));
    if (ones > 4) {
      in_.skip(kNewTick.length);
      tick_ns_ = nanoseconds(static_cast<Tick>(in_.get(2)));
      time_ = in_.get(64);
      step_ns_ = 0;
      return;
    }
    const Bucket& bucket = kSteps[ones - 1];
    in_.skip(bucket.prefix.length);
    const std::uint64_t raw = in_.get(bucket.bits);
    const unsigned unused = 64 - bucket.bits;
    const auto turn = static_cast<std::uint64_t>(static_cast<std::int64_t>(raw << unused) >> unused);
    step_ns_ += turn * static_cast<std::uint64_t>(tick_ns_);
    time_ += step_ns_;
  }

  bool get_value() {
    if (!delta_) return get_xor(in_, window_, value_);
    const std::uint64_t next = in_.peek();
    if (next >> 63 == 0) {
      in_.skip(1);
      return true;
    }
    const Bucket& bucket = kDeltas[std::min(static_cast<unsigned>(std::countl_one(next)), 4u) - 1];
    in_.skip(bucket.prefix.length);
    value_ += static_cast<std::uint64_t>(unzigzag(in_.get(bucket.bits)));
    return true;
  }

  BitReader in_;
  bool delta_;
  std::int64_t tick_ns_ = 1;
  std::uint64_t time_ = 0;  // these wrap around as the appender's do
  std::uint64_t step_ns_ = 0;
  std::uint64_t value_ = 0;
  XorWindow window_;
};

}  // namespace

void gorilla_append(GorillaState& state, char* stream, std::span<const std::int64_t> times_ns,
                    std::span<const std::uint64_t> bits) {
  assert(times_ns.size() == bits.size() && state.count + times_ns.size() <= kGorillaMaxSamples);
  if (times_ns.empty()) return;
  Appender appender(state, stream);
  std::size_t i = 0;
  if (state.count == 0) {
    appender.begin(times_ns[0], bits[0], coarsest_tick(times_ns));
    i = 1;
  }
  for (; i < times_ns.size(); ++i) appender.append(times_ns.subspan(i), bits[i]);
}

void gorilla_append(GorillaState& state, std::string& stream, std::span<const std::int64_t> times_ns,
                    std::span<const std::uint64_t> bits) {
  assert(stream.size() == state.byte_count());
  constexpr std::size_t kPart = 32;
  char buffer[(kPart + 1) * kGorillaMaxSampleBytes];
  for (std::size_t i = 0; i < times_ns.size(); i += kPart) {
    const std::size_t n = std::min(kPart, times_ns.size() - i);
    // The unfinished byte goes first in the buffer and is written again, finished.
    const std::size_t whole = state.bit_count / 8;
    const std::size_t started = stream.size() - whole;
    if (started != 0) buffer[0] = stream[whole];
    const std::uint32_t base = state.bit_count - static_cast<std::uint32_t>(whole * 8);
    const auto skipped = static_cast<std::uint32_t>(whole * 8);
    state.bit_count = base;
    gorilla_append(state, buffer, times_ns.subspan(i, n), bits.subspan(i, n));
    stream.resize(whole);
    stream.append(buffer, state.byte_count());
    state.bit_count += skipped;
  }
}

Status gorilla_decode(std::string_view stream, bool delta, std::size_t n, std::int64_t* times_ns,
                      std::uint64_t* bits) {
  Decoder decoder(stream, delta);
  for (std::size_t i = 0; i < n; ++i) {
    const bool sound = i == 0 ? decoder.begin() : decoder.next();
    if (!sound) return {Code::DataLoss, "damaged stream of samples: sample " + std::to_string(i)};
    times_ns[i] = decoder.time();
    bits[i] = decoder.value();
  }
  if (decoder.ok()) return {};
  return {Code::DataLoss, "stream of " + std::to_string(n) + " samples ends early"};
}

}  // namespace silverback::storage
