// Keys of the column family `chunks`: [window BE32, sign flipped][kind][id BE32][generation BE32].
// Described in docs/format/store.md.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace silverback::storage {

enum class RecordKind : std::uint8_t {
  Values = 1,  // id: series ref; value: a chunk
  Times = 2,   // id: number of the times block
  Live = 3,    // id 0; the series that have values here
  Mark = 4,    // id 0; in the last window of a flush: what the flush held
};

inline constexpr std::size_t kKeyBytes = 13;

struct StoreKey {
  std::int32_t window = 0;
  RecordKind kind = RecordKind::Values;
  std::uint32_t id = 0;
  std::uint32_t generation = 0;

  std::string encode() const {
    std::string out;
    out.reserve(kKeyBytes);
    put_big32(out, static_cast<std::uint32_t>(window) ^ 0x8000'0000u);
    out.push_back(static_cast<char>(kind));
    put_big32(out, id);
    put_big32(out, generation);
    return out;
  }
  static bool decode(std::string_view bytes, StoreKey& key) {
    if (bytes.size() != kKeyBytes) return false;
    ByteReader in(bytes);
    key.window = static_cast<std::int32_t>(in.big32() ^ 0x8000'0000u);
    key.kind = static_cast<RecordKind>(in.fixed<std::uint8_t>());
    key.id = in.big32();
    key.generation = in.big32();
    return key.kind >= RecordKind::Values && key.kind <= RecordKind::Mark;
  }
};

}  // namespace silverback::storage
