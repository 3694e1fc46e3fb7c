#include "storage/symbols.h"

#include <algorithm>
#include <cstring>

#include "base/hash.h"

namespace silverback::storage {
namespace {

// Load between 0.53 and 0.8: probes stay short, and a table just grown does not stand half empty.
constexpr std::size_t kFullTenths = 8;
constexpr std::size_t kFirstSlots = 16;
constexpr std::size_t kBlockBytes = 1 << 16;

std::uint32_t tag_of(std::string_view text) {
  static const std::uint64_t seed = process_hash_seed();
  return static_cast<std::uint32_t>(hash64(text, seed) >> 32);
}

}  // namespace

void TagTable::insert(std::uint32_t tag, std::uint32_t id) {
  if ((size_ + 1) * 10 > slots_.size() * kFullTenths)
    resize(std::max(kFirstSlots, slots_.size() + slots_.size() / 2));
  place(std::uint64_t{tag} << 32 | (id + 1));
  ++size_;
}

void TagTable::place(std::uint64_t slot) {
  std::size_t i = home(static_cast<std::uint32_t>(slot >> 32));
  while (slots_[i] != 0) i = next(i);
  slots_[i] = slot;
}

void TagTable::resize(std::size_t slots) {
  std::vector<std::uint64_t> old(slots);
  old.swap(slots_);
  for (const std::uint64_t slot : old) {
    if (slot != 0) place(slot);
  }
}

void TagTable::reserve(std::size_t ids) {
  const std::size_t slots = ids * 10 / kFullTenths + 1;
  if (slots > slots_.size()) resize(slots);
}

bool TagTable::erase(std::uint32_t tag, std::uint32_t id) {
  if (slots_.empty()) return false;
  const std::uint64_t slot = std::uint64_t{tag} << 32 | (id + 1);
  std::size_t hole = home(tag);
  while (slots_[hole] != slot) {
    if (slots_[hole] == 0) return false;
    hole = next(hole);
  }
  // What stands behind moves up, unless it is between its home and itself.
  for (std::size_t i = next(hole); slots_[i] != 0; i = next(i)) {
    const std::size_t from = home(static_cast<std::uint32_t>(slots_[i] >> 32));
    const bool stays = hole < i ? hole < from && from <= i : hole < from || from <= i;
    if (stays) continue;
    slots_[hole] = slots_[i];
    hole = i;
  }
  slots_[hole] = 0;
  --size_;
  return true;
}

std::string_view Symbols::decode(const char* at) {
  std::size_t size = 0;
  for (int shift = 0;; shift += 7) {
    const auto byte = static_cast<unsigned char>(*at++);
    size |= static_cast<std::size_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return {at, size};
  }
}

const char* Symbols::store(std::string_view text) {
  char prefix[10];
  std::size_t width = 0;
  std::size_t size = text.size();
  for (; size >= 0x80; size >>= 7) prefix[width++] = static_cast<char>(size | 0x80);
  prefix[width++] = static_cast<char>(size);

  const std::size_t bytes = width + text.size();
  if (block_size_ - block_used_ < bytes) {
    block_size_ = std::max(kBlockBytes, bytes);
    block_used_ = 0;
    arena_bytes_ += block_size_;
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(block_size_));
  }
  char* const at = blocks_.back().get() + block_used_;
  std::memcpy(at, prefix, width);
  if (!text.empty()) std::memcpy(at + width, text.data(), text.size());
  block_used_ += bytes;
  return at;
}

std::uint32_t Symbols::intern(std::string_view text) {
  const std::uint32_t tag = tag_of(text);
  std::uint32_t id = table_.find(tag, [&](std::uint32_t candidate) { return get(candidate) == text; });
  if (id != kNone) return id;
  id = static_cast<std::uint32_t>(texts_.size());
  texts_.push_back(store(text));
  table_.insert(tag, id);
  return id;
}

std::uint32_t Symbols::find(std::string_view text) const {
  return table_.find(tag_of(text), [&](std::uint32_t candidate) { return get(candidate) == text; });
}

void Symbols::reserve(std::size_t count) {
  texts_.reserve(count);
  table_.reserve(count);
}

std::size_t Symbols::memory_bytes() const {
  return table_.memory_bytes() + texts_.capacity() * sizeof(const char*) + arena_bytes_;
}

}  // namespace silverback::storage
