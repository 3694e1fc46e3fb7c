#include "storage/label_index_state.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>

#include "base/bytes.h"
#include "base/hash.h"

namespace silverback::storage {
namespace {

std::uint32_t tag_of(std::string_view bytes) {
  static const std::uint64_t seed = process_hash_seed();
  return static_cast<std::uint32_t>(hash64(bytes, seed) >> 32);
}

std::uint32_t tag_of_pair(std::uint32_t name, std::uint32_t value) {
  std::uint64_t x = (std::uint64_t{name} << 32 | value) * 0x9e3779b97f4a7c15;
  x = (x ^ x >> 32) * 0xd6e8feb86659fd93;
  return static_cast<std::uint32_t>(x >> 32);
}

template <typename Names>
std::uint32_t tag_of_shape(Tenant tenant, ValueType type, const Names& names) {
  std::uint64_t hash =
      std::uint64_t{static_cast<std::uint32_t>(tenant)} << 8 | static_cast<std::uint8_t>(type);
  for (const std::uint32_t name : names) hash = (hash ^ hash >> 29 ^ name) * 0x9e3779b97f4a7c15;
  return static_cast<std::uint32_t>(hash >> 32);
}

}  // namespace

const LabelIndex::State::List* LabelIndex::State::OfTenant::find(std::uint32_t name,
                                                                 std::uint32_t value) const {
  const std::uint32_t id = list_of_pair.find(tag_of_pair(name, value), [&](std::uint32_t candidate) {
    return lists[candidate].name == name && lists[candidate].value == value;
  });
  return id == TagTable::kNone ? nullptr : &lists[id];
}

std::uint32_t LabelIndex::State::OfTenant::find_or_add(std::uint32_t name, std::uint32_t value) {
  if (const List* list = find(name, value)) return static_cast<std::uint32_t>(list - lists.data());
  const auto id = static_cast<std::uint32_t>(lists.size());
  lists.push_back({Postings(), name, value});
  list_of_pair.insert(tag_of_pair(name, value), id);
  lists_of_name[name].push_back(id);
  return id;
}

// Neighbours in a scrape share most names and values: comparing with the series before is cheaper than
// hashing.
bool LabelIndex::State::look_up(const Labels& labels, Probe& probe) const {
  probe.pairs.clear();
  const std::span<const Column> before =
      last_shape_ < shapes.size() ? shapes[last_shape_].columns : std::span<const Column>();
  bool complete = true;
  std::size_t k = 0;
  for (const LabelView& label : labels) {
    std::uint32_t name = Symbols::kNone;
    std::uint32_t value = Symbols::kNone;
    if (k < before.size() && symbols.get(before[k].name) == label.name) {
      name = before[k].name;
      if (before[k].value != Symbols::kNone && symbols.get(before[k].value) == label.value)
        value = before[k].value;
    }
    if (name == Symbols::kNone) name = symbols.find(label.name);
    if (value == Symbols::kNone) value = symbols.find(label.value);
    complete = complete && name != Symbols::kNone && value != Symbols::kNone;
    probe.pairs.push_back({name, value});
    ++k;
  }
  return complete;
}

std::uint32_t LabelIndex::State::find_shape(Tenant tenant, ValueType type, const Probe& probe) const {
  const auto same = [&](std::uint32_t id) {
    const Shape& shape = shapes[id];
    return shape.tenant == tenant && shape.type == type &&
           std::equal(shape.columns.begin(), shape.columns.end(), probe.pairs.begin(), probe.pairs.end(),
                      [](const Column& column, const Probe::Pair& pair) { return column.name == pair.name; });
  };
  if (last_shape_ < shapes.size() && same(last_shape_)) return last_shape_;
  std::vector<std::uint32_t> names;
  for (const Probe::Pair& pair : probe.pairs) names.push_back(pair.name);
  return shape_table.find(tag_of_shape(tenant, type, names), same);
}

std::uint32_t LabelIndex::State::add_shape(Tenant tenant, ValueType type,
                                           std::span<const std::uint32_t> names) {
  const auto id = static_cast<std::uint32_t>(shapes.size());
  Shape& shape = shapes.emplace_back();
  shape.tenant = tenant;
  shape.type = type;
  shape.home = &tenants[static_cast<std::uint32_t>(tenant)];
  shape.home->types |= 1u << static_cast<unsigned>(type);
  for (const std::uint32_t name : names) shape.columns.push_back({name, Symbols::kNone, 0});
  shape_table.insert(tag_of_shape(tenant, type, names), id);
  return id;
}

void LabelIndex::State::encode_row(std::uint32_t shape, Probe& probe) {
  probe.row.resize(5 * (probe.pairs.size() + 1));
  char* out = probe.row.data();
  const auto put = [&out](std::uint32_t v) {
    for (; v >= 0x80; v >>= 7) *out++ = static_cast<char>(v | 0x80);
    *out++ = static_cast<char>(v);
  };
  put(shape);
  for (const Probe::Pair& pair : probe.pairs) put(pair.value);
  probe.row.resize(static_cast<std::size_t>(out - probe.row.data()));
}

// A row ends where its shape says, so no row is the beginning of another: equal bytes are the same series.
std::uint32_t LabelIndex::State::find_row(std::string_view bytes) const {
  return series_table.find(tag_of(bytes), [&](std::uint32_t ref) {
    const std::uint32_t at = offset(ref);
    if (kBlockBytes - at % kBlockBytes < bytes.size()) return false;
    return std::memcmp(row(SeriesRef{ref}), bytes.data(), bytes.size()) == 0;
  });
}

SeriesRef LabelIndex::State::find(Tenant tenant, ValueType type, const Labels& labels, Probe& probe) const {
  if (!look_up(labels, probe)) return kNoSeries;
  const std::uint32_t shape = find_shape(tenant, type, probe);
  if (shape == TagTable::kNone) return kNoSeries;
  encode_row(shape, probe);
  const std::uint32_t ref = find_row(probe.row);
  return ref == TagTable::kNone ? kNoSeries : SeriesRef{ref};
}

bool LabelIndex::State::create(Tenant tenant, ValueType type, const Labels& labels, SeriesRef ref,
                               Probe& probe) {
  std::size_t k = 0;
  for (const LabelView& label : labels) {
    Probe::Pair& pair = probe.pairs[k++];
    if (pair.name == Symbols::kNone) pair.name = symbols.intern(label.name);
    if (pair.value == Symbols::kNone) pair.value = symbols.intern(label.value);
  }
  std::uint32_t shape = find_shape(tenant, type, probe);
  if (shape == TagTable::kNone) {
    std::vector<std::uint32_t> names;
    for (const Probe::Pair& pair : probe.pairs) names.push_back(pair.name);
    shape = add_shape(tenant, type, names);
  }
  encode_row(shape, probe);
  if (!put_row(ref, probe.row, tag_of(probe.row))) return false;
  unsaved.push_back(static_cast<std::uint32_t>(ref));
  return true;
}

std::uint32_t LabelIndex::State::tag_of_row(std::string_view row) { return tag_of(row); }

bool LabelIndex::State::put_row(SeriesRef ref, std::string_view row_bytes, std::uint32_t tag) {
  constexpr std::size_t kMaxBlocks = (std::uint64_t{1} << 32) / kBlockBytes;
  if (row_bytes.size() > kBlockBytes - 1) return false;
  if (kBlockBytes - block_used_ < row_bytes.size()) {
    if (blocks_.size() == kMaxBlocks) return false;
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(kBlockBytes));
    block_used_ = blocks_.size() == 1 ? 1 : 0;  // offset 0 is no series
  }
  const auto number = static_cast<std::uint32_t>(ref);
  set_offset(number, static_cast<std::uint32_t>((blocks_.size() - 1) * kBlockBytes + block_used_));
  std::memcpy(blocks_.back().get() + block_used_, row_bytes.data(), row_bytes.size());
  block_used_ += row_bytes.size();
  series_table.insert(tag, number);

  const char* at = row_bytes.data();
  const std::uint32_t shape_id = read_varint(at);
  Shape& shape = shapes[shape_id];
  OfTenant& home = *shape.home;
  for (Column& column : shape.columns) {
    const std::uint32_t value = read_varint(at);
    if (value != column.value) {
      column.list = home.find_or_add(column.name, value);
      column.value = value;
    }
    home.lists[column.list].postings.add(ref);
  }
  home.all.add(ref);
  if (shape.type == ValueType::String) home.strings.add(ref);
  ++shape.series;
  shape.newest = std::max(shape.newest, ref);
  last_shape_ = shape_id;
  next_ref = std::max(next_ref, number + 1);
  ++series;
  return true;
}

void LabelIndex::State::remove(std::span<const SeriesRef> refs) {
  std::map<OfTenant*, std::vector<SeriesRef>> gone;
  std::map<OfTenant*, std::vector<std::uint32_t>> touched;  // lists
  for (const SeriesRef ref : refs) {
    const std::string_view bytes = row_bytes(ref);
    if (bytes.empty()) continue;
    const char* at = bytes.data();
    Shape& shape = shapes[read_varint(at)];
    --shape.series;
    if (shape.newest == ref) shape.newest = kNoSeries;
    gone[shape.home].push_back(ref);
    for (const Column& column : shape.columns) {
      const List* list = shape.home->find(column.name, read_varint(at));
      touched[shape.home].push_back(static_cast<std::uint32_t>(list - shape.home->lists.data()));
    }
    const auto number = static_cast<std::uint32_t>(ref);
    series_table.erase(tag_of(bytes), number);
    set_offset(number, 0);
    --series;
  }
  for (auto& [home, of_tenant] : gone) {
    const RefSet set(of_tenant);
    std::vector<std::uint32_t>& lists = touched[home];
    std::sort(lists.begin(), lists.end());
    lists.erase(std::unique(lists.begin(), lists.end()), lists.end());
    for (const std::uint32_t list : lists) home->lists[list].postings.remove(set);
    home->all.remove(set);
    home->strings.remove(set);
  }
  if (gone.empty()) return;
  std::erase_if(unsaved, [&](std::uint32_t ref) { return offset(ref) == 0; });
}

std::uint32_t LabelIndex::State::offset(std::uint32_t ref) const {
  const std::uint32_t chunk = ref / kRefsPerChunk;
  return chunk < offsets_.size() && offsets_[chunk] != nullptr ? offsets_[chunk][ref % kRefsPerChunk] : 0;
}

void LabelIndex::State::set_offset(std::uint32_t ref, std::uint32_t to) {
  const std::uint32_t chunk = ref / kRefsPerChunk;
  if (chunk >= offsets_.size()) offsets_.resize(chunk + 1);
  if (offsets_[chunk] == nullptr) offsets_[chunk] = std::make_unique<std::uint32_t[]>(kRefsPerChunk);
  offsets_[chunk][ref % kRefsPerChunk] = to;
}

const char* LabelIndex::State::row(SeriesRef ref) const {
  const std::uint32_t at = offset(static_cast<std::uint32_t>(ref));
  return at == 0 ? nullptr : blocks_[at / kBlockBytes].get() + at % kBlockBytes;
}

std::string_view LabelIndex::State::row_bytes(SeriesRef ref) const {
  const char* const begin = row(ref);
  if (begin == nullptr) return {};
  const char* at = begin;
  for (std::size_t left = shape_of(at).columns.size(); left > 0; --left) read_varint(at);
  return {begin, static_cast<std::size_t>(at - begin)};
}

std::uint32_t LabelIndex::State::value_of(SeriesRef ref, std::uint32_t name) const {
  const char* at = row(ref);
  if (at == nullptr) return Symbols::kNone;
  for (const Column& column : shape_of(at).columns) {
    const std::uint32_t value = read_varint(at);
    if (column.name == name) return value;
  }
  return Symbols::kNone;
}

// A symbol's stored form is that of canonical labels, and a shape's names are in their order.
Labels LabelIndex::State::labels(SeriesRef ref) const {
  const char* at = row(ref);
  if (at == nullptr) return {};
  const std::vector<Column>& columns = shape_of(at).columns;
  constexpr std::size_t kTogether = 32;
  std::array<std::string_view, 2 * kTogether> pieces;
  std::string bytes;
  for (std::size_t done = 0; done < columns.size();) {
    const std::size_t end = std::min(done + kTogether, columns.size());
    std::size_t count = 0;
    std::size_t size = bytes.size();
    const std::size_t before = size;
    for (; done < end; ++done) {
      pieces[count++] = symbols.prefixed(columns[done].name);
      pieces[count++] = symbols.prefixed(read_varint(at));
      size += pieces[count - 2].size() + pieces[count - 1].size();
    }
    bytes.resize(size);
    char* out = bytes.data() + before;
    for (std::size_t i = 0; i < count; ++i) {
      std::memcpy(out, pieces[i].data(), pieces[i].size());
      out += pieces[i].size();
    }
  }
  return Labels::from_checked_bytes(std::move(bytes));
}

const LabelIndex::State::OfTenant* LabelIndex::State::tenant(Tenant which) const {
  const auto found = tenants.find(static_cast<std::uint32_t>(which));
  return found == tenants.end() ? nullptr : &found->second;
}

}  // namespace silverback::storage
