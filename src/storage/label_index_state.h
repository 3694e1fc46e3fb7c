// LabelIndex::State: the index without its lock. Private to label_index, label_select and registry.
//
//   row of a series:  varint shape, then one varint symbol per label name of the shape
//   shape:            tenant, value type, label names (symbols, in the names' order)
//   list:             the Postings of one tenant, name and value
//
// Rows stand in blocks that never move; a series' row is found by its ref through a chunked array.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "storage/label_index.h"

namespace silverback::storage {

struct LabelIndex::State {
  struct Column {
    std::uint32_t name = 0;
    // The last series of the shape: the next one mostly has the same value here.
    std::uint32_t value = Symbols::kNone;
    std::uint32_t list = 0;
  };
  struct List {
    Postings postings;
    std::uint32_t name;
    std::uint32_t value;
  };
  struct OfTenant {
    std::vector<List> lists;
    TagTable list_of_pair;  // (name, value) to number of list
    std::unordered_map<std::uint32_t, std::vector<std::uint32_t>> lists_of_name;
    Postings all;
    Postings strings;         // series of type String
    std::uint32_t types = 0;  // of all series that ever were there, a bit each

    const List* find(std::uint32_t name, std::uint32_t value) const;
    std::uint32_t find_or_add(std::uint32_t name, std::uint32_t value);
  };

  struct Shape {
    Tenant tenant = kDefaultTenant;
    ValueType type = ValueType::Float64;
    std::vector<Column> columns;
    OfTenant* home = nullptr;
    std::uint64_t series = 0;
    SeriesRef newest = kNoSeries;  // unknown again when that one is removed
  };

  /// One label set on its way to a row.
  struct Probe {
    struct Pair {
      std::uint32_t name;  // symbols; kNone where there is none yet
      std::uint32_t value;
    };
    std::vector<Pair> pairs;
    std::string row;
  };

  static constexpr std::size_t kMaxRowBytes = 1 << 20;

  // Adding.
  /// @returns kNoSeries, and `probe` for create(), when the series is not there
  SeriesRef find(Tenant tenant, ValueType type, const Labels& labels, Probe& probe) const;
  /// find() has just missed for the same arguments. @returns false when the index is full
  bool create(Tenant tenant, ValueType type, const Labels& labels, SeriesRef ref, Probe& probe);
  void remove(std::span<const SeriesRef> refs);
  std::uint32_t add_shape(Tenant tenant, ValueType type, std::span<const std::uint32_t> names);
  static std::uint32_t tag_of_row(std::string_view row);  // in series_table
  /// A series under a ref that is free. @returns false when the index is full
  bool put_row(SeriesRef ref, std::string_view row, std::uint32_t tag);

  // Reading.
  const char* row(SeriesRef ref) const;  // null when unknown
  const Shape& shape_of(const char*& row) const { return shapes[read_varint(row)]; }
  std::string_view row_bytes(SeriesRef ref) const;
  /// The symbol of the label's value, or kNone.
  std::uint32_t value_of(SeriesRef ref, std::uint32_t name) const;
  Labels labels(SeriesRef ref) const;
  const OfTenant* tenant(Tenant which) const;
  /// Believes the bytes: they were written here or checked by the registry.
  static std::uint32_t read_varint(const char*& at) {
    std::uint32_t v = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(*at++);
      v |= static_cast<std::uint32_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return v;
    }
  }

  Symbols symbols;
  std::vector<Shape> shapes;
  TagTable shape_table;
  TagTable series_table;  // row to ref
  std::unordered_map<std::uint32_t, OfTenant> tenants;
  std::uint64_t series = 0;
  std::uint32_t next_ref = 1;
  std::vector<std::uint32_t> unsaved;  // refs that the registry has not seen

 private:
  static constexpr std::uint32_t kRefsPerChunk = 1 << 16;
  static constexpr std::size_t kBlockBytes = kMaxRowBytes;

  bool look_up(const Labels& labels, Probe& probe) const;
  std::uint32_t find_shape(Tenant tenant, ValueType type, const Probe& probe) const;
  static void encode_row(std::uint32_t shape, Probe& probe);
  std::uint32_t find_row(std::string_view bytes) const;
  std::uint32_t offset(std::uint32_t ref) const;
  void set_offset(std::uint32_t ref, std::uint32_t offset);
  friend class LabelIndex;

  std::vector<std::unique_ptr<char[]>> blocks_;
  std::size_t block_used_ = kBlockBytes;
  std::vector<std::unique_ptr<std::uint32_t[]>> offsets_;  // by ref; 0 is no series
  std::uint32_t last_shape_ = 0;                           // of the series added last
};

}  // namespace silverback::storage
