#include "ingest/seen_keys.h"

namespace silverback::ingest {

SeenKeys::Known* SeenKeys::learn(std::string_view key, std::uint64_t seed, const Hash128& hash) {
  if (pause_ > 0) {
    --pause_;
    return nullptr;
  }
  const auto [at, fresh] = by_hash_.try_emplace(hash.lo, kNone);
  std::uint32_t number = at->second;
  const bool same = !fresh && known_[number].hash == hash && known_[number].seed == seed &&
                    std::string_view(bytes_).substr(known_[number].at, known_[number].size) == key;
  if (!same) {
    if (!make_room(key.size())) return nullptr;
    number = static_cast<std::uint32_t>(known_.size());
    Known& known = known_.emplace_back();
    known.hash = hash;
    known.seed = seed;
    known.at = static_cast<std::uint32_t>(bytes_.size());
    known.size = static_cast<std::uint32_t>(key.size());
    bytes_.append(key);
    by_hash_[hash.lo] = number;
  }
  if (last_ != kNone) known_[last_].next = number;
  last_ = number;
  return &known_[number];
}

bool SeenKeys::make_room(std::size_t bytes) {
  if (known_.size() < kMostKeys && bytes_.size() + bytes <= kMostBytes) return true;
  const bool useless = found_ < known_.size();
  clear();
  if (useless) pause_ = kPause;
  return !useless && bytes <= kMostBytes;
}

void SeenKeys::clear() {
  known_.clear();
  bytes_.clear();
  by_hash_.clear();
  last_ = kNone;
  found_ = 0;
}

}  // namespace silverback::ingest
