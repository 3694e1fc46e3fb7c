#include "storage/registry.h"

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "base/bytes.h"
#include "storage/label_index_state.h"

namespace silverback::storage {
namespace {

constexpr std::uint32_t kVersion = 1;

// First byte of a key. Their order is the order of loading: shapes before the series that have them.
enum class Row : char {
  Database = 'c',
  Field = 'f',
  Metadata = 'm',
  Shape = 'n',
  Series = 's',
  Version = 'v',
  Symbol = 'y',
};

std::string key_of(Row row) { return std::string(1, static_cast<char>(row)); }
std::string key_of(Row row, std::uint32_t number) {
  std::string key = key_of(row);
  put_big32(key, number);
  return key;
}
std::string key_of(Row row, Tenant tenant) { return key_of(row, static_cast<std::uint32_t>(tenant)); }

std::string_view view(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

Status failed(const rocksdb::Status& status, std::string_view doing) {
  return Status(status.IsCorruption() ? Code::DataLoss : Code::Unavailable,
                std::string(doing) + ": " + status.ToString());
}

Status damaged(std::string_view key, std::string_view why) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (const char c : key.substr(0, 32)) {
    hex += kDigits[static_cast<unsigned char>(c) >> 4];
    hex += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return Status(Code::DataLoss, "registry row " + hex + ": " + std::string(why));
}

}  // namespace

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
      case Row::Symbol: return symbol(key, id, value);
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

  Status series(std::string_view key, std::uint32_t ref, std::string_view value) {
    const char* at = value.data();
    const char* const end = at + value.size();
    std::uint32_t id = 0;
    if (!read_symbol(at, end, id) || id >= index_.shapes.size()) return damaged(key, "its shape is missing");
    for (std::size_t left = index_.shapes[id].columns.size(); left > 0; --left) {
      std::uint32_t symbol = 0;
      if (!read_symbol(at, end, symbol)) return damaged(key, "the series is malformed");
      greatest_symbol_ = std::max(greatest_symbol_, symbol);
    }
    const bool free = ref != 0 && ref != Symbols::kNone && index_.row(SeriesRef{ref}) == nullptr;
    if (at != end || !free) return damaged(key, "the series is malformed");
    if (!index_.put_row(SeriesRef{ref}, value)) return Status(Code::ResourceExhausted, "the index is full");
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

  LabelIndex::State& index_;
  FieldCatalog& catalog_;
  Loaded& loaded_;
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

/// Gathers rows and writes them in portions; only finish() waits for the disk, and so for all of them.
class Registry::Writer {
 public:
  explicit Writer(const Registry& registry) : db_(registry.db_), family_(registry.family_) {}

  void put(std::string_view key, std::string_view value) {
    if (status_.ok()) status_ = batch_.Put(family_, key, value);
  }
  void remove(std::string_view key) {
    if (status_.ok()) status_ = batch_.Delete(family_, key);
  }
  bool full() const { return batch_.GetDataSize() >= kPortionBytes; }
  Status write(bool sync = false) {
    rocksdb::WriteOptions options;
    options.sync = sync;
    if (status_.ok()) status_ = db_->Write(options, &batch_);
    batch_.Clear();
    return status_.ok() ? Status() : failed(status_, "writing the registry");
  }
  Status finish() { return write(true); }

 private:
  static constexpr std::size_t kPortionBytes = 1 << 20;
  rocksdb::DB* const db_;
  rocksdb::ColumnFamilyHandle* const family_;
  rocksdb::WriteBatch batch_;
  rocksdb::Status status_;
};

Status Registry::save(LabelIndex& index, const FieldCatalog& catalog) {
  std::vector<std::uint32_t> refs;
  std::uint32_t symbols = 0;
  std::uint32_t shapes = 0;
  std::string version;
  const FieldCatalog::Rows fields = catalog.rows_since(saved_catalog_);
  {
    const WriterLock lock(index.mutex_);
    refs.swap(index.state_->unsaved);
    symbols = static_cast<std::uint32_t>(index.state_->symbols.size());
    shapes = static_cast<std::uint32_t>(index.state_->shapes.size());
    put_varint(version, kVersion);
    put_varint(version, index.state_->next_ref);
    put_varint(version, index.state_->series);
    put_varint(version, symbols);
  }
  Writer writer(*this);
  // The index is read a portion at a time, so that nobody waits long. Symbols and shapes never change.
  const auto write_rows = [&](std::uint32_t begin, std::uint32_t end, const auto& put_one) {
    while (begin < end) {
      {
        const ReaderLock lock(index.mutex_);
        for (; begin < end && !writer.full(); ++begin) put_one(*index.state_, begin);
      }
      if (Status written = writer.write(); !written.ok()) return written;
    }
    return Status();
  };
  std::string value;
  Status status = write_rows(saved_symbols_, symbols, [&](const LabelIndex::State& state, std::uint32_t id) {
    writer.put(key_of(Row::Symbol, id), state.symbols.get(id));
  });
  if (status.ok()) {
    status = write_rows(saved_shapes_, shapes, [&](const LabelIndex::State& state, std::uint32_t id) {
      const auto& shape = state.shapes[id];
      value.clear();
      put_varint(value, static_cast<std::uint32_t>(shape.tenant));
      put_fixed(value, static_cast<std::uint8_t>(shape.type));
      for (const auto& column : shape.columns) put_varint(value, column.name);
      writer.put(key_of(Row::Shape, id), value);
    });
  }
  if (status.ok()) {
    status = write_rows(0, static_cast<std::uint32_t>(refs.size()),
                        [&](const LabelIndex::State& state, std::uint32_t i) {
                          const std::string_view row = state.row_bytes(SeriesRef{refs[i]});
                          if (!row.empty()) writer.put(key_of(Row::Series, refs[i]), row);
                        });
  }
  for (const auto& [tenant, database] : fields.databases)
    writer.put(key_of(Row::Database, tenant) + database, {});
  for (const FieldRow& field : fields.fields) {
    std::string key = key_of(Row::Field, field.tenant);
    put_string(key, field.database);
    put_string(key, field.measurement);
    put_string(key, field.field);
    writer.put(key, std::string(1, static_cast<char>(field.type)));
  }
  writer.put(key_of(Row::Version), version);
  if (status.ok()) status = writer.finish();
  if (!status.ok()) {
    const WriterLock lock(index.mutex_);
    index.state_->unsaved.insert(index.state_->unsaved.end(), refs.begin(), refs.end());
    return status;
  }
  saved_symbols_ = symbols;
  saved_shapes_ = shapes;
  saved_catalog_ = fields.next;
  return {};
}

Status Registry::save_metadata(Tenant tenant, std::span<const Metadata> entries) {
  Writer writer(*this);
  for (const Metadata& entry : entries) {
    std::string value;
    put_string(value, entry.type);
    put_string(value, entry.help);
    put_string(value, entry.unit);
    writer.put(key_of(Row::Metadata, tenant) + entry.metric, value);
  }
  return writer.finish();
}

Status Registry::remove_metadata(Tenant tenant, std::span<const std::string> metrics) {
  Writer writer(*this);
  for (const std::string& metric : metrics) writer.remove(key_of(Row::Metadata, tenant) + metric);
  return writer.finish();
}

Status Registry::remove_series(std::span<const SeriesRef> refs) {
  Writer writer(*this);
  for (const SeriesRef ref : refs) writer.remove(key_of(Row::Series, static_cast<std::uint32_t>(ref)));
  return writer.finish();
}

}  // namespace silverback::storage
