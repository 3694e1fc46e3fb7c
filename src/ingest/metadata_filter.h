// MetadataFilter: which metadata was handed over lately. Senders repeat it with every request, and storing it
// is a durable write.
//
// Threads: one.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace silverback::ingest {

class MetadataFilter {
 public:
  /// False when exactly this was seen before; remembers it.
  bool is_new(std::uint64_t hash) {
    std::uint64_t& slot = seen_[hash % seen_.size()];
    if (slot == hash) return false;
    slot = hash;
    return true;
  }
  void clear() { seen_.fill(0); }

 private:
  std::array<std::uint64_t, 8192> seen_{};  // direct mapped: a newer entry drives an older one out
};

}  // namespace silverback::ingest
