// Symbols: interned strings, each with a dense number from 0 on.
//
// The bytes stand in an arena of blocks that never move, so a view stays good as long as the Symbols.
// Lookup is open addressing over 8-byte slots (32-bit tag, 32-bit id + 1). A slot's place follows from
// its tag alone (multiply and shift), so growing copies the slots in order and hashes nothing.
//
// Invariants: ids are 0 .. size()-1; a string has one id for life.
//
// Threads: as a container, many readers or one writer.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace silverback::storage {

/// Slots of (tag, id) for anything that is verified elsewhere. Shared by Symbols and LabelIndex.
class TagTable {
 public:
  static constexpr std::uint32_t kNone = 0xffff'ffff;

  /// The first id under `tag` for which same(id) holds, or kNone.
  template <typename Same>
  std::uint32_t find(std::uint32_t tag, const Same& same) const {
    if (slots_.empty()) return kNone;
    for (std::size_t i = home(tag); slots_[i] != 0; i = next(i)) {
      if (static_cast<std::uint32_t>(slots_[i] >> 32) == tag) {
        const auto id = static_cast<std::uint32_t>(slots_[i]) - 1;
        if (same(id)) return id;
      }
    }
    return kNone;
  }
  void insert(std::uint32_t tag, std::uint32_t id);
  /// @returns false when it is not there
  bool erase(std::uint32_t tag, std::uint32_t id);
  void reserve(std::size_t ids);
  void prefetch(std::uint32_t tag) const {
    if (!slots_.empty()) __builtin_prefetch(&slots_[home(tag)]);
  }
  std::size_t size() const { return size_; }
  std::size_t memory_bytes() const { return slots_.capacity() * sizeof(std::uint64_t); }

 private:
  std::size_t home(std::uint32_t tag) const {
    return (tag * static_cast<std::uint64_t>(slots_.size())) >> 32;
  }
  std::size_t next(std::size_t i) const { return i + 1 == slots_.size() ? 0 : i + 1; }
  void resize(std::size_t slots);
  void place(std::uint64_t slot);

  std::vector<std::uint64_t> slots_;  // 0 is free
  std::size_t size_ = 0;
};

class Symbols {
 public:
  static constexpr std::uint32_t kNone = TagTable::kNone;

  /// Finds or adds.
  std::uint32_t intern(std::string_view text);
  /// kNone when it was never interned.
  std::uint32_t find(std::string_view text) const;
  /// Good as long as this object.
  std::string_view get(std::uint32_t id) const {
    const char* at = texts_[id];
    return decode(at);
  }
  /// The same with its size in front, as put_string() writes it.
  std::string_view prefixed(std::uint32_t id) const {
    const std::string_view text = get(id);
    return {texts_[id], static_cast<std::size_t>(text.data() + text.size() - texts_[id])};
  }
  std::size_t size() const { return texts_.size(); }
  void reserve(std::size_t count);
  std::size_t memory_bytes() const;

 private:
  static std::string_view decode(const char* at);
  const char* store(std::string_view text);

  TagTable table_;
  std::vector<const char*> texts_;  // varint size, then the bytes
  std::vector<std::unique_ptr<char[]>> blocks_;
  std::size_t block_used_ = 0;
  std::size_t block_size_ = 0;
  std::size_t arena_bytes_ = 0;
};

}  // namespace silverback::storage
