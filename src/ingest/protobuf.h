// Reading protobuf's wire format in place, as far as remote write needs it.
//
// Every function takes the position by reference and the end of what may be read; false means that the
// bytes are cut short or are no protobuf, and the position is then where that was seen. Nothing is copied,
// nothing recurses. Source: https://protobuf.dev/programming-guides/encoding/
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace silverback::ingest::protobuf {

enum WireType : std::uint32_t {
  kVarint = 0,
  kFixed64 = 1,
  kBytes = 2,
  kStartGroup = 3,
  kEndGroup = 4,
  kFixed32 = 5
};

/// A tag of one byte, as the fields 1 to 15 have it.
constexpr char tag_of(std::uint32_t field, WireType type) { return static_cast<char>(field << 3 | type); }

inline std::size_t left(const char* p, const char* end) { return static_cast<std::size_t>(end - p); }

inline bool read_varint(const char*& p, const char* end, std::uint64_t& value) {
  std::uint64_t v = 0;
  for (int shift = 0; shift < 70 && p != end; shift += 7) {
    const auto byte = static_cast<std::uint8_t>(*p++);
    v |= shift < 64 ? static_cast<std::uint64_t>(byte & 0x7f) << shift : 0;
    if (byte < 0x80) {
      value = v;
      return true;
    }
  }
  return false;
}

/// The length of a bytes field and its bytes.
inline bool read_bytes(const char*& p, const char* end, std::string_view& value) {
  std::uint64_t size = 0;
  if (p != end && static_cast<std::uint8_t>(*p) < 0x80) {
    size = static_cast<std::uint8_t>(*p++);
  } else if (!read_varint(p, end, size)) {
    return false;
  }
  if (size > left(p, end)) return false;
  value = {p, static_cast<std::size_t>(size)};
  p += size;
  return true;
}

inline bool read_fixed64(const char*& p, const char* end, std::uint64_t& value) {
  if (left(p, end) < sizeof value) return false;
  std::memcpy(&value, p, sizeof value);
  p += sizeof value;
  return true;
}

/// Steps over the value of a field whose tag has been read: a later version may add any.
inline bool skip_value(const char*& p, const char* end, std::uint64_t tag) {
  std::uint64_t number = 0;
  std::string_view bytes;
  for (std::uint32_t open_groups = 0;;) {
    switch (tag & 7) {
      case kVarint:
        if (!read_varint(p, end, number)) return false;
        break;
      case kFixed64:
        if (!read_fixed64(p, end, number)) return false;
        break;
      case kBytes:
        if (!read_bytes(p, end, bytes)) return false;
        break;
      case kFixed32:
        if (left(p, end) < 4) return false;
        p += 4;
        break;
      case kStartGroup: ++open_groups; break;
      case kEndGroup:
        if (open_groups-- == 0) return false;
        break;
      default: return false;
    }
    if (open_groups == 0) return true;
    if (!read_varint(p, end, tag) || tag >> 3 == 0) return false;
  }
}

/// The next tag. A field number of 0 is not protobuf.
inline bool read_tag(const char*& p, const char* end, std::uint64_t& tag) {
  return read_varint(p, end, tag) && tag >> 3 != 0 && tag >> 3 < (1U << 29);
}

}  // namespace silverback::ingest::protobuf
