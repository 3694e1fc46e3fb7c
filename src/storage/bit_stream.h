// Bit stream, most significant bit first: the shape that codes of varying length want. Internal to the
// codecs.
//
// Threads: values.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace silverback::storage {

/// Writes whole words without asking for room: the caller gives 8 bytes more than the bits need.
class BitWriter {
 public:
  /// Continues at `bit` of `bytes`; the bits before it stay.
  BitWriter(char* bytes, std::size_t bit) : p_(bytes + (bit >> 3)), fill_(bit & 7) {
    if (fill_ != 0) word_ = static_cast<std::uint8_t>(*p_) >> (8 - fill_);
  }

  /// The lowest n bits of v, 1 <= n <= 56; bits above them must be 0.
  void put(std::uint64_t v, unsigned n) {
    word_ = word_ << n | v;
    fill_ += n;
    const std::uint64_t bytes = __builtin_bswap64(word_ << (64 - fill_));
    std::memcpy(p_, &bytes, sizeof bytes);
    p_ += fill_ >> 3;
    fill_ &= 7;
  }
  /// Up to 64 bits.
  void put_long(std::uint64_t v, unsigned n) {
    if (n > 32) {
      put(v >> 32, n - 32);
      v &= 0xffffffff;
      n = 32;
    }
    put(v, n);
  }

  std::size_t bit(const char* bytes) const { return static_cast<std::size_t>(p_ - bytes) * 8 + fill_; }

 private:
  char* p_;
  std::uint64_t word_ = 0;  // the lowest fill_ bits are those of the unfinished byte
  unsigned fill_;
};

/// Reads zeros behind the end and remembers it: check ok() at the end.
class BitReader {
 public:
  explicit BitReader(std::string_view bytes) : bytes_(bytes.data()), size_(bytes.size()) {}

  /// The next bits, topmost first; at least 57 of them count.
  std::uint64_t peek() const {
    const std::size_t at = bit_ >> 3;
    std::uint64_t word = 0;
    if (at + sizeof word <= size_) {
      std::memcpy(&word, bytes_ + at, sizeof word);
    } else if (at < size_) {
      std::memcpy(&word, bytes_ + at, size_ - at);
    }
    return __builtin_bswap64(word) << (bit_ & 7);
  }
  void skip(unsigned n) { bit_ += n; }
  /// 1 <= n <= 64
  std::uint64_t get(unsigned n) {
    if (n <= 57) return get_short(n);
    const std::uint64_t high = get_short(n - 32);
    return high << 32 | get_short(32);
  }

  bool ok() const { return bit_ <= size_ * 8; }
  std::size_t bit() const { return bit_; }

 private:
  std::uint64_t get_short(unsigned n) {
    const std::uint64_t v = peek() >> (64 - n);
    bit_ += n;
    return v;
  }

  const char* bytes_;
  std::size_t size_;
  std::size_t bit_ = 0;
};

}  // namespace silverback::storage
