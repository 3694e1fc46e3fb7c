#include "storage/registry.h"

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "base/hex.h"
#include "storage/label_index_state.h"
#include "storage/registry_rows.h"

namespace silverback::storage {

using namespace registry_rows;

Status registry_rows::failed(const rocksdb::Status& status, std::string_view doing) {
  return Status(status.IsCorruption() ? Code::DataLoss : Code::Unavailable,
                std::string(doing) + ": " + status.ToString());
}

Status registry_rows::damaged(std::string_view key, std::string_view why) {
  return Status(Code::DataLoss, "registry row " + to_hex(key.substr(0, 32)) + ": " + std::string(why));
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
  // A group's refs are neighbours; new series mostly are already.
  if (!std::is_sorted(refs.begin(), refs.end())) std::sort(refs.begin(), refs.end());
  Writer writer(*this);
  // The index is read a portion at a time, so that nobody waits long. Symbols and shapes never change.
  // `put_row` writes what goes into one row and says where the next begins.
  const auto write_rows = [&](std::uint32_t begin, std::uint32_t end, const auto& put_row) {
    while (begin < end) {
      {
        const ReaderLock lock(index.mutex_);
        while (begin < end && !writer.full()) begin = put_row(*index.state_, begin);
      }
      if (Status written = writer.write(); !written.ok()) return written;
    }
    return Status();
  };
  std::string value;
  Status status = write_rows(saved_symbols_, symbols, [&](const LabelIndex::State& state, std::uint32_t id) {
    const std::uint32_t first = id;
    value.clear();
    for (; id < symbols && value.size() < kRowBytes; ++id) value += state.symbols.prefixed(id);
    writer.put(key_of(Row::Symbols, first), value);
    return id;
  });
  if (status.ok()) {
    status = write_rows(saved_shapes_, shapes, [&](const LabelIndex::State& state, std::uint32_t id) {
      const auto& shape = state.shapes[id];
      value.clear();
      put_varint(value, static_cast<std::uint32_t>(shape.tenant));
      put_fixed(value, static_cast<std::uint8_t>(shape.type));
      for (const auto& column : shape.columns) put_varint(value, column.name);
      writer.put(key_of(Row::Shape, id), value);
      return id + 1;
    });
  }
  if (status.ok()) {
    const auto count = static_cast<std::uint32_t>(refs.size());
    status = write_rows(0, count, [&](const LabelIndex::State& state, std::uint32_t i) {
      const std::uint32_t first = refs[i];
      std::uint32_t before = first;
      value.clear();
      for (; i < count && refs[i] / kGroupRefs == first / kGroupRefs && value.size() < kRowBytes; ++i) {
        const std::string_view row = state.row_bytes(SeriesRef{refs[i]});
        if (row.empty()) continue;  // removed meanwhile
        put_varint(value, refs[i] - before);
        put_string(value, row);
        before = refs[i];
      }
      if (!value.empty()) writer.put(key_of(Row::Group, first), value);
      return i;
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
  std::vector<std::uint32_t> gone;
  gone.reserve(refs.size());
  for (const SeriesRef ref : refs) gone.push_back(static_cast<std::uint32_t>(ref));
  std::sort(gone.begin(), gone.end());
  const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator({}, family_));
  for (std::size_t i = 0; i < gone.size();) {
    const std::uint32_t bucket = gone[i] / kGroupRefs;
    std::size_t end = i;
    for (; end < gone.size() && gone[end] / kGroupRefs == bucket; ++end)
      writer.remove(key_of(Row::Series, gone[end]));
    const std::span<const std::uint32_t> of_bucket(gone.data() + i, end - i);
    for (at->Seek(key_of(Row::Group, bucket * kGroupRefs)); at->Valid(); at->Next()) {
      const std::string_view key = view(at->key());
      ByteReader number(key.substr(std::min<std::size_t>(key.size(), 1)));
      if (key.empty() || static_cast<Row>(key[0]) != Row::Group) break;
      if (number.big32() / kGroupRefs != bucket) break;
      if (Status bad = drop_from_group(writer, key, view(at->value()), of_bucket); !bad.ok()) return bad;
    }
    if (!at->status().ok()) return failed(at->status(), "reading the registry");
    i = end;
  }
  return writer.finish();
}

Status Registry::drop_from_group(Writer& writer, std::string_view key, std::string_view value,
                                 std::span<const std::uint32_t> gone) {
  ByteReader number(key.substr(1));
  std::uint64_t ref = number.big32();
  std::uint64_t before = ref;
  std::string left;
  ByteReader in(value);
  while (!in.at_end()) {
    ref += in.varint();
    const std::string_view row = in.string();
    if (!in.ok()) return damaged(key, "the group is malformed");
    if (std::binary_search(gone.begin(), gone.end(), ref)) continue;
    put_varint(left, ref - before);
    put_string(left, row);
    before = ref;
  }
  if (left.empty()) {
    writer.remove(key);
  } else if (left.size() != value.size()) {
    writer.put(key, left);
  }
  return {};
}

}  // namespace silverback::storage
