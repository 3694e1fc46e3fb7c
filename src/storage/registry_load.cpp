#include <rocksdb/db.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "storage/label_index_state.h"
#include "storage/registry.h"
#include "storage/registry_rows.h"

namespace silverback::storage {

using namespace registry_rows;

/// Puts rows back where they came from, one by one in the order of their keys.
class Registry::Loader {
 public:
  Loader(LabelIndex::State& index, FieldCatalog& catalog, Loaded& loaded)
      : index_(index), catalog_(catalog), loaded_(loaded) {}

  Status version(std::string_view value) {
    ByteReader in(value);
    const std::uint64_t version = in.varint();
    if (in.ok() && version > kVersion) {
      return Status(Code::InvalidArgument, "registry format " + std::to_string(version) +
                                               " is newer than this program's " + std::to_string(kVersion) +
                                               "; start the newer version again");
    }
    const std::uint64_t next_ref = in.varint();
    const std::uint64_t series = in.varint();
    const std::uint64_t symbols = in.varint();
    if (!in.ok() || version == 0 || next_ref == 0 || next_ref > Symbols::kNone || series >= next_ref ||
        symbols >= Symbols::kNone) {
      return damaged(key_of(Row::Version), "it is malformed");
    }
    constexpr std::uint64_t kBelieved = 1 << 26;  // sizes to reserve are hints
    index_.next_ref = static_cast<std::uint32_t>(next_ref);
    index_.series_table.reserve(std::min(series, kBelieved));
    index_.symbols.reserve(std::min(symbols, kBelieved));
    return {};
  }

  Status row(std::string_view key, std::string_view value) {
    if (key.empty()) return damaged(key, "its key is empty");
    ByteReader number(key.substr(1));
    const std::uint32_t id = number.big32();
    if (static_cast<Row>(key[0]) == Row::Version) return {};
    if (!number.ok()) return damaged(key, "its key is cut short");
    switch (static_cast<Row>(key[0])) {
      case Row::Database: catalog_.add_database(Tenant{id}, number.rest()); return {};
      case Row::Field: return field(key, Tenant{id}, number, value);
      case Row::Metadata: return metadata(key, Tenant{id}, number, value);
      case Row::Shape: return shape(key, id, value);
      case Row::Series: return series(key, id, value);
      case Row::Group: return group(key, id, value);
      case Row::Symbol: return symbol(key, id, value);
      case Row::Symbols: return symbols(key, id, value);
      case Row::Version: break;
    }
    return damaged(key, "it is of no known kind");
  }

  /// What could not be checked before the symbols were there.
  Status finish() const {
    const std::size_t symbols = index_.symbols.size();
    if (series_ > 0 && greatest_symbol_ >= symbols) {
      return damaged(key_of(Row::Symbol, greatest_symbol_), "a series has this symbol, which is missing");
    }
    for (std::size_t i = 0; i < index_.shapes.size(); ++i) {
      std::string_view before;
      for (const auto& column : index_.shapes[i].columns) {
        const std::string_view name =
            column.name < symbols ? index_.symbols.get(column.name) : std::string_view();
        if (name <= before)
          return damaged(key_of(Row::Shape, static_cast<std::uint32_t>(i)), "its names are not in order");
        before = name;
      }
    }
    return {};
  }

 private:
  Status field(std::string_view key, Tenant tenant, ByteReader& in, std::string_view value) {
    const std::string_view database = in.string();
    const std::string_view measurement = in.string();
    const std::string_view name = in.string();
    if (!in.ok() || !in.at_end() || value.size() != 1 || value[0] < 0 ||
        value[0] > static_cast<char>(ValueType::Histogram)) {
      return damaged(key, "the field is malformed");
    }
    const auto added =
        catalog_.add_field(tenant, database, measurement, name, static_cast<ValueType>(value[0]));
    if (!added) return damaged(key, added.status().message());
    ++loaded_.fields;
    return {};
  }

  Status metadata(std::string_view key, Tenant tenant, ByteReader& metric, std::string_view value) {
    ByteReader in(value);
    Metadata entry;
    entry.metric = metric.rest();
    entry.type = in.string();
    entry.help = in.string();
    entry.unit = in.string();
    if (!in.ok() || !in.at_end()) return damaged(key, "the metadata is malformed");
    loaded_.metadata.emplace_back(tenant, std::move(entry));
    return {};
  }

  Status shape(std::string_view key, std::uint32_t id, std::string_view value) {
    ByteReader in(value);
    const std::uint64_t tenant = in.varint();
    const auto type = in.fixed<std::uint8_t>();
    std::vector<std::uint32_t> names;
    while (!in.at_end())
      names.push_back(static_cast<std::uint32_t>(std::min<std::uint64_t>(in.varint(), Symbols::kNone)));
    if (!in.ok() || tenant > 0xffff'ffff || type > static_cast<std::uint8_t>(ValueType::Histogram)) {
      return damaged(key, "the shape is malformed");
    }
    if (id != index_.shapes.size()) return damaged(key, "the shape before it is missing");
    index_.add_shape(Tenant{static_cast<std::uint32_t>(tenant)}, static_cast<ValueType>(type), names);
    return {};
  }

  Status series(std::string_view key, std::uint32_t ref, std::string_view row) {
    if (Status bad = check_series(key, ref, row); !bad.ok()) return bad;
    return put(key, ref, row, LabelIndex::State::tag_of_row(row));
  }

  /// Checks all of them first, and fetches their places in the table meanwhile.
  Status group(std::string_view key, std::uint32_t first, std::string_view value) {
    entries_.clear();
    ByteReader in(value);
    std::uint64_t ref = first;
    while (!in.at_end()) {
      ref += in.varint();
      const std::string_view row = in.string();
      if (!in.ok() || ref / kGroupRefs != first / kGroupRefs) return damaged(key, "the group is malformed");
      const auto number = static_cast<std::uint32_t>(ref);
      if (Status bad = check_series(key, number, row); !bad.ok()) return bad;
      entries_.push_back({row, number, LabelIndex::State::tag_of_row(row)});
      index_.series_table.prefetch(entries_.back().tag);
    }
    if (entries_.empty()) return damaged(key, "the group is empty");
    for (const Entry& entry : entries_) {
      if (Status bad = put(key, entry.ref, entry.row, entry.tag); !bad.ok()) return bad;
    }
    return {};
  }

  Status check_series(std::string_view key, std::uint32_t ref, std::string_view row) {
    const char* at = row.data();
    const char* const end = at + row.size();
    std::uint32_t id = 0;
    if (!read_symbol(at, end, id) || id >= index_.shapes.size()) return damaged(key, "its shape is missing");
    for (std::size_t left = index_.shapes[id].columns.size(); left > 0; --left) {
      std::uint32_t symbol = 0;
      if (!read_symbol(at, end, symbol)) return damaged(key, "the series is malformed");
      greatest_symbol_ = std::max(greatest_symbol_, symbol);
    }
    if (at != end || ref == 0 || ref == Symbols::kNone) return damaged(key, "the series is malformed");
    return {};
  }

  Status put(std::string_view key, std::uint32_t ref, std::string_view row, std::uint32_t tag) {
    // Twice the same: a save failed half way and was repeated in other groups.
    const std::string_view known = index_.row_bytes(SeriesRef{ref});
    if (!known.empty()) return known == row ? Status() : damaged(key, "the series is there twice");
    if (!index_.put_row(SeriesRef{ref}, row, tag))
      return Status(Code::ResourceExhausted, "the index is full");
    ++series_;
    ++loaded_.series;
    return {};
  }

  // At most five bytes and 32 bits, as the index believes later.
  static bool read_symbol(const char*& at, const char* end, std::uint32_t& out) {
    std::uint64_t v = 0;
    for (int shift = 0; shift < 35; shift += 7) {
      if (at == end) return false;
      const auto byte = static_cast<unsigned char>(*at++);
      v |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) {
        out = static_cast<std::uint32_t>(v);
        return v < Symbols::kNone;
      }
    }
    return false;
  }

  Status symbol(std::string_view key, std::uint32_t id, std::string_view value) {
    if (value.empty()) return damaged(key, "the symbol is empty");
    if (id != index_.symbols.size()) return damaged(key, "the symbol before it is missing");
    if (index_.symbols.intern(value) != id) return damaged(key, "the symbol is there twice");
    ++loaded_.symbols;
    return {};
  }

  Status symbols(std::string_view key, std::uint32_t first, std::string_view value) {
    if (value.empty()) return damaged(key, "the row is empty");
    ByteReader in(value);
    while (!in.at_end()) {
      const std::string_view text = in.string();
      if (!in.ok()) return damaged(key, "the row is malformed");
      // Those before: a save failed half way and was repeated.
      if (first < index_.symbols.size() && index_.symbols.get(first) == text) {
        ++first;
        continue;
      }
      if (Status bad = symbol(key, first++, text); !bad.ok()) return bad;
    }
    return {};
  }

  struct Entry {
    std::string_view row;
    std::uint32_t ref;
    std::uint32_t tag;
  };

  LabelIndex::State& index_;
  FieldCatalog& catalog_;
  Loaded& loaded_;
  std::vector<Entry> entries_;  // of the group being read
  std::uint32_t greatest_symbol_ = 0;
  std::uint64_t series_ = 0;
};

Result<Registry::Loaded> Registry::load(LabelIndex& index, FieldCatalog& catalog) {
  const WriterLock lock(index.mutex_);
  LabelIndex::State& state = *index.state_;
  if (state.next_ref != 1 || state.symbols.size() > 0)
    return Status(Code::Internal, "the registry is loaded into an index that is in use");

  Loaded loaded;
  Loader loader(state, catalog, loaded);
  std::string version;
  rocksdb::ReadOptions options;
  options.readahead_size = 2 << 20;
  options.fill_cache = false;
  const rocksdb::Status got = db_->Get(options, family_, key_of(Row::Version), &version);
  if (got.ok()) {
    if (Status read = loader.version(version); !read.ok()) return read;
  } else if (!got.IsNotFound()) {
    return failed(got, "reading the registry");
  }
  const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator(options, family_));
  for (at->SeekToFirst(); at->Valid(); at->Next()) {
    if (Status read = loader.row(view(at->key()), view(at->value())); !read.ok()) return read;
  }
  if (!at->status().ok()) return failed(at->status(), "reading the registry");
  if (Status whole = loader.finish(); !whole.ok()) return whole;
  saved_symbols_ = static_cast<std::uint32_t>(state.symbols.size());
  saved_shapes_ = static_cast<std::uint32_t>(state.shapes.size());
  saved_catalog_ = catalog.rows_since(~std::uint64_t{0}).next;
  return loaded;
}

}  // namespace silverback::storage
