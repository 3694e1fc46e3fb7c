// SeenKeys: raw keys seen before (a line's measurement and tags, the label fields of a TimeSeries), each with
// its hash and with the key that came behind it.
//
// Senders repeat the same series in the same order, time after time. So the key that followed last time is
// compared with what stands in the body, which finds the key's end and saves its hash. Where another key
// comes, it is looked up by its hash, and the chain goes on from there.
//
// Invariant: a key is found only when all its bytes and its seed are equal.
//
// Memory is bounded: when it is full everything is forgotten, and when it was of little use, nothing is
// learned for a while (far more series than fit here gain nothing).
//
// Threads: one.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/hash.h"

namespace silverback::ingest {

class SeenKeys {
 public:
  struct Known {
    Hash128 hash;
    std::uint64_t seed = 0;   // of the hash: another database has other keys
    std::uint32_t shape = 0;  // the caller's own, as is its version
    std::uint32_t shape_version = 0;
    std::uint32_t at = 0;  // in bytes_
    std::uint32_t size = 0;
    std::uint32_t next = kNone;
  };

  /// The key that begins at `begin`, when it is the one that came next last time and may end there: `ends`
  /// says so of the position behind it, which may be `end`. Else null, and the caller goes on with learn().
  /// Valid until the next call.
  template <typename Ends>
  Known* expect(const char* begin, const char* end, std::uint64_t seed, const Ends& ends) {
    if (last_ == kNone) return nullptr;
    const std::uint32_t next = known_[last_].next;
    if (next == kNone) return nullptr;
    Known& known = known_[next];
    if (static_cast<std::size_t>(end - begin) < known.size || known.seed != seed ||
        !ends(begin + known.size) || std::memcmp(begin, bytes_.data() + known.at, known.size) != 0) {
      return nullptr;
    }
    last_ = next;
    ++found_;
    return &known;
  }

  /// What expect() did not find, and its hash under `seed`.
  /// @returns what is known of it from now on, or null while nothing is learned
  Known* learn(std::string_view key, std::uint64_t seed, const Hash128& hash);

  void clear();

 private:
  static constexpr std::uint32_t kNone = 0xffff'ffff;
  static constexpr std::size_t kMostKeys = 8192;
  static constexpr std::size_t kMostBytes = 2 << 20;
  static constexpr std::uint32_t kPause = 1 << 20;  // keys

  bool make_room(std::size_t bytes);

  std::vector<Known> known_;
  std::string bytes_;
  std::unordered_map<std::uint64_t, std::uint32_t>
      by_hash_;  // first half to number; the newest of equal ones
  std::uint32_t last_ = kNone;
  std::uint64_t found_ = 0;  // since the last clear()
  std::uint32_t pause_ = 0;
};

}  // namespace silverback::ingest
