// How the records of notifications are written, for docs/format/notify.md: parts that several of them have.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "alerting/rule_file.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "base/status.h"
#include "model/labels.h"

namespace silverback::notify {

inline constexpr std::uint8_t kRecordVersion = 1;

inline Status damaged_record(std::string_view what) {
  return {Code::DataLoss, "the kept " + std::string(what) + " is damaged"};
}

/// Reads the first byte. @returns InvalidArgument for what a newer program wrote
inline Status check_version(ByteReader& in, std::string_view what) {
  const auto version = in.fixed<std::uint8_t>();
  if (!in.ok() || version == 0) return damaged_record(what);
  if (version <= kRecordVersion) return {};
  return {Code::InvalidArgument, "the kept " + std::string(what) + " has version " + std::to_string(version) +
                                     ", this program reads up to " + std::to_string(kRecordVersion)};
}

inline void put_pairs(std::string& out, const alerting::TextPairs& pairs) {
  put_varint(out, pairs.size());
  for (const auto& [name, text] : pairs) {
    put_string(out, name);
    put_string(out, text);
  }
}
inline alerting::TextPairs read_pairs(ByteReader& in) {
  alerting::TextPairs pairs;
  const std::uint64_t count = in.varint();
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    const std::string_view name = in.string();
    pairs.emplace_back(name, in.string());
  }
  return pairs;
}

/// 16 bytes that stand for any number of them: XXH3-128, low half first.
inline std::string hash_key(std::string_view bytes) {
  const Hash128 hash = hash128(bytes, 0);
  std::string key;
  put_fixed(key, hash.lo);
  put_fixed(key, hash.hi);
  return key;
}

}  // namespace silverback::notify
