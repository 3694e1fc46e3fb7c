// Bytes: little-endian numbers, varints and zigzag in and out of byte strings.
//
// Writers append to a std::string. ByteReader never reads past its end: a short or malformed
// input makes ok() false and every later read returns 0, so a parser checks once at the end.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace silverback {

static_assert(std::endian::native == std::endian::little,
              "formats are little endian and copied as they stand");

constexpr std::uint64_t zigzag(std::int64_t v) {
  return (static_cast<std::uint64_t>(v) << 1) ^ static_cast<std::uint64_t>(v >> 63);
}
constexpr std::int64_t unzigzag(std::uint64_t v) {
  return static_cast<std::int64_t>(v >> 1) ^ -static_cast<std::int64_t>(v & 1);
}

template <typename T>
void put_fixed(std::string& out, T v) {
  char bytes[sizeof v];
  std::memcpy(bytes, &v, sizeof v);
  out.append(bytes, sizeof v);
}

/// Big endian: keys sort as numbers.
inline void put_big32(std::string& out, std::uint32_t v) { put_fixed(out, __builtin_bswap32(v)); }

inline void put_varint(std::string& out, std::uint64_t v) {
  char bytes[10];
  std::size_t n = 0;
  while (v >= 0x80) {
    bytes[n++] = static_cast<char>(v | 0x80);
    v >>= 7;
  }
  bytes[n++] = static_cast<char>(v);
  out.append(bytes, n);
}
inline void put_zigzag(std::string& out, std::int64_t v) { put_varint(out, zigzag(v)); }
inline void put_string(std::string& out, std::string_view s) {
  put_varint(out, s.size());
  out.append(s);
}

class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : p_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  bool ok() const { return ok_; }
  bool at_end() const { return p_ == end_; }
  std::size_t left() const { return static_cast<std::size_t>(end_ - p_); }
  const char* position() const { return p_; }

  std::uint64_t varint() {
    std::uint64_t v = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (p_ == end_) return fail();
      const auto byte = static_cast<std::uint8_t>(*p_++);
      if (shift == 63 && byte > 1) return fail();
      v |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return v;
    }
    return fail();
  }
  std::int64_t zigzag_varint() { return unzigzag(varint()); }

  template <typename T>
  T fixed() {
    T v{};
    if (left() < sizeof v) {
      fail();
      return v;
    }
    std::memcpy(&v, p_, sizeof v);
    p_ += sizeof v;
    return v;
  }
  std::uint32_t big32() { return __builtin_bswap32(fixed<std::uint32_t>()); }

  std::string_view bytes(std::uint64_t n) {
    if (n > left()) {
      fail();
      return {};
    }
    const std::string_view view(p_, n);
    p_ += n;
    return view;
  }
  std::string_view string() { return bytes(varint()); }
  std::string_view rest() { return bytes(left()); }

 private:
  std::uint64_t fail() {
    ok_ = false;
    p_ = end_;
    return 0;
  }

  const char* p_;
  const char* end_;
  bool ok_ = true;
};

}  // namespace silverback
