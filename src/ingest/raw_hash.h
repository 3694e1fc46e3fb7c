// RawHash: the seeded 128-bit hash of raw label bytes.
//
// XXH3 is quickest up to 240 bytes; beyond, it derives a secret from the seed on every call, which costs as
// much as hashing a series' labels, and its long form pays off only for kilobytes. So up to 480 bytes are two
// pieces, each hashed with a seed of its own, and added; longer inputs use a secret that was made once.
// What it gains has not been measured by itself. Source:
// https://github.com/Cyan4973/xxHash, XXH3_128bits_withSeed and _withSecretandSeed
//
// Threads: immutable.
#pragma once

#include <string_view>

#include "base/hash.h"

namespace silverback::ingest {

class RawHash {
 public:
  explicit RawHash(std::uint64_t seed) : seed_(seed) { XXH3_generateSecret_fromSeed(secret_, seed); }

  Hash128 operator()(std::string_view bytes) const { return (*this)(bytes, seed_); }
  /// `seed` tells keys of different kinds apart. Long inputs are hashed by the secret alone, so it is added.
  Hash128 operator()(std::string_view bytes, std::uint64_t seed) const {
    constexpr std::size_t kPiece = 240;
    if (bytes.size() <= kPiece) return hash128(bytes, seed);
    if (bytes.size() <= 2 * kPiece) {
      const Hash128 first = hash128(bytes.substr(0, kPiece), seed);
      const Hash128 second = hash128(bytes.substr(kPiece), seed + 0x9e3779b97f4a7c15);
      return {first.lo + second.lo, first.hi + second.hi};
    }
    const XXH128_hash_t h =
        XXH3_128bits_withSecretandSeed(bytes.data(), bytes.size(), secret_, sizeof secret_, seed);
    return {h.low64 + seed, h.high64 ^ seed};
  }

 private:
  std::uint64_t seed_;
  alignas(64) unsigned char secret_[XXH3_SECRET_DEFAULT_SIZE];
};

}  // namespace silverback::ingest
