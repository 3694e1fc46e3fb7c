// Rows of the registry: kinds and keys. For registry.cpp and registry_load.cpp alone.
//
// Described in docs/format/registry.md.
#pragma once

#include <rocksdb/slice.h>
#include <rocksdb/status.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/status.h"
#include "model/sample.h"

namespace silverback::storage::registry_rows {

inline constexpr std::uint32_t kVersion = 2;

// First byte of a key. Their order is the order of loading: shapes before the series that have them.
enum class Row : char {
  Database = 'c',
  Field = 'f',
  Metadata = 'm',
  Shape = 'n',
  Series = 's',  // one; no longer written since version 2
  Group = 't',   // of series
  Version = 'v',
  Symbol = 'y',   // one; no longer written since version 2
  Symbols = 'z',  // several
};

/// A group's refs lie between two multiples of this: a series is looked for in few rows.
inline constexpr std::uint32_t kGroupRefs = 256;
/// A group or row of symbols ends behind so many bytes.
inline constexpr std::size_t kRowBytes = 64 << 10;

inline std::string key_of(Row row) { return std::string(1, static_cast<char>(row)); }
inline std::string key_of(Row row, std::uint32_t number) {
  std::string key = key_of(row);
  put_big32(key, number);
  return key;
}
inline std::string key_of(Row row, Tenant tenant) { return key_of(row, static_cast<std::uint32_t>(tenant)); }

inline std::string_view view(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

Status failed(const rocksdb::Status& status, std::string_view doing);
Status damaged(std::string_view key, std::string_view why);

}  // namespace silverback::storage::registry_rows
