#include "storage/label_index.h"

#include <algorithm>
#include <bit>

#include "storage/label_index_state.h"

namespace silverback::storage {

LabelIndex::LabelIndex() : state_(std::make_unique<State>()) {}
LabelIndex::~LabelIndex() = default;

void LabelIndex::add(Tenant tenant, std::span<SeriesToAdd> series, std::uint64_t max_series) {
  const WriterLock lock(mutex_);
  State::Probe probe;
  for (SeriesToAdd& each : series) {
    each.created = false;
    each.ref = state_->find(tenant, each.type, *each.labels, probe);
    if (each.ref != kNoSeries) continue;
    const State::OfTenant* const of_tenant = state_->tenant(tenant);
    if (max_series > 0 && of_tenant != nullptr && of_tenant->all.size() >= max_series) continue;
    if (state_->next_ref == TagTable::kNone) continue;  // four billion series were made
    const SeriesRef ref{state_->next_ref};
    if (!state_->create(tenant, each.type, *each.labels, ref, probe)) continue;
    each.ref = ref;
    each.created = true;
  }
}

Result<SeriesRef> LabelIndex::restore(SeriesRef ref, Tenant tenant, ValueType type, const Labels& labels) {
  const WriterLock lock(mutex_);
  State::Probe probe;
  const SeriesRef known = state_->find(tenant, type, labels, probe);
  if (known != kNoSeries) return known;
  const std::string name = "series " + std::to_string(static_cast<std::uint32_t>(ref));
  if (ref == kNoSeries || static_cast<std::uint32_t>(ref) == TagTable::kNone) {
    return Status(Code::DataLoss, name + " is no valid number of a series");
  }
  if (state_->row(ref) != nullptr) {
    return Status(Code::DataLoss,
                  name + " is " + state_->labels(ref).to_string() + " and cannot be " + labels.to_string());
  }
  if (!state_->create(tenant, type, labels, ref, probe)) {
    return Status(Code::ResourceExhausted, name + " does not fit into the index");
  }
  return ref;
}

void LabelIndex::skip_refs(SeriesRef upto) {
  const WriterLock lock(mutex_);
  const auto last = static_cast<std::uint32_t>(upto);
  state_->next_ref = std::max(state_->next_ref, last == TagTable::kNone ? last : last + 1);
}

void LabelIndex::remove(std::span<const SeriesRef> refs) {
  const WriterLock lock(mutex_);
  state_->remove(refs);
}

SeriesRef LabelIndex::find(Tenant tenant, const Labels& labels, ValueType type) const {
  State::Probe probe;
  const ReaderLock lock(mutex_);
  return state_->find(tenant, type, labels, probe);
}

bool LabelIndex::contains(SeriesRef ref) const {
  const ReaderLock lock(mutex_);
  return state_->row(ref) != nullptr;
}

Labels LabelIndex::labels(SeriesRef ref) const {
  const ReaderLock lock(mutex_);
  return state_->labels(ref);
}

void LabelIndex::labels(std::span<const SeriesRef> refs, std::vector<Labels>& out) const {
  out.clear();
  out.reserve(refs.size());
  const ReaderLock lock(mutex_);
  for (const SeriesRef ref : refs) out.push_back(state_->labels(ref));
}

void LabelIndex::label_hashes(std::span<const SeriesRef> refs, bool hide_hidden,
                              std::vector<Hash128>& out) const {
  out.clear();
  out.reserve(refs.size());
  const std::uint64_t seed = process_hash_seed();
  std::vector<std::uint32_t> pairs;  // symbols of names and values
  const ReaderLock lock(mutex_);
  const std::uint32_t field = state_->symbols.find(kFieldLabel);
  const std::uint32_t policy = state_->symbols.find(kRetentionPolicyLabel);
  for (const SeriesRef ref : refs) {
    const char* at = state_->row(ref);
    if (at == nullptr) {
      out.push_back({});
      continue;
    }
    const auto& columns = state_->shape_of(at).columns;
    pairs.clear();
    for (const auto& column : columns) {
      const std::uint32_t value = State::read_varint(at);
      if (hide_hidden && (column.name == field || column.name == policy)) continue;
      pairs.push_back(column.name);
      pairs.push_back(value);
    }
    out.push_back(
        hash128({reinterpret_cast<const char*>(pairs.data()), pairs.size() * sizeof pairs[0]}, seed));
  }
}

bool LabelIndex::may_look_alike(Tenant tenant) const {
  const ReaderLock lock(mutex_);
  const State::OfTenant* const of_tenant = state_->tenant(tenant);
  if (of_tenant == nullptr) return false;
  const auto used = [of_tenant, &symbols = state_->symbols](std::string_view name) {
    return of_tenant->lists_of_name.contains(symbols.find(name));
  };
  return !std::has_single_bit(of_tenant->types) || used(kFieldLabel) || used(kRetentionPolicyLabel);
}

ValueType LabelIndex::type(SeriesRef ref) const {
  const ReaderLock lock(mutex_);
  const char* row = state_->row(ref);
  return row == nullptr ? ValueType::Float64 : state_->shape_of(row).type;
}

Tenant LabelIndex::tenant(SeriesRef ref) const {
  const ReaderLock lock(mutex_);
  const char* row = state_->row(ref);
  return row == nullptr ? kDefaultTenant : state_->shape_of(row).tenant;
}

std::string_view LabelIndex::label_value(SeriesRef ref, std::string_view name) const {
  const ReaderLock lock(mutex_);
  const char* at = state_->row(ref);
  if (at == nullptr) return {};
  for (const State::Column& column : state_->shape_of(at).columns) {
    const std::uint32_t value = State::read_varint(at);
    if (state_->symbols.get(column.name) == name) return state_->symbols.get(value);
  }
  return {};
}

void LabelIndex::for_each_series(const std::function<void(SeriesRef, ValueType)>& use) const {
  const ReaderLock lock(mutex_);
  for (std::uint32_t ref = 1; ref < state_->next_ref; ++ref) {
    const char* row = state_->row(SeriesRef{ref});
    if (row != nullptr) use(SeriesRef{ref}, state_->shape_of(row).type);
  }
}

std::uint64_t LabelIndex::series_count() const {
  const ReaderLock lock(mutex_);
  return state_->series;
}

std::uint64_t LabelIndex::series_count(Tenant tenant) const {
  const ReaderLock lock(mutex_);
  const State::OfTenant* const of_tenant = state_->tenant(tenant);
  return of_tenant == nullptr ? 0 : of_tenant->all.size();
}

SeriesRef LabelIndex::next_ref() const {
  const ReaderLock lock(mutex_);
  return SeriesRef{state_->next_ref};
}

namespace {

void keep_top(std::vector<StorageStats::NamedCount>& counts, std::size_t top) {
  const auto more = [](const StorageStats::NamedCount& a, const StorageStats::NamedCount& b) {
    return a.count != b.count ? a.count > b.count : a.name < b.name;
  };
  const std::size_t kept = std::min(top, counts.size());
  std::partial_sort(counts.begin(), counts.begin() + static_cast<std::ptrdiff_t>(kept), counts.end(), more);
  counts.resize(kept);
}

}  // namespace

void LabelIndex::fill_stats(Tenant tenant, std::size_t top, StorageStats& stats) const {
  const ReaderLock lock(mutex_);
  stats.series_by_metric.clear();
  stats.values_by_label.clear();
  stats.total_series = 0;
  stats.label_pairs = 0;
  const State::OfTenant* const of_tenant = state_->tenant(tenant);
  if (of_tenant == nullptr) return;
  stats.total_series = of_tenant->all.size();
  stats.label_pairs = of_tenant->lists.size();
  if (top == 0) return;
  for (const auto& [name, lists] : of_tenant->lists_of_name) {
    const std::string_view text = state_->symbols.get(name);
    std::uint64_t values = 0;
    for (const std::uint32_t id : lists) {
      const State::List& list = of_tenant->lists[id];
      if (list.postings.size() == 0) continue;
      ++values;
      if (text == kMetricName)
        stats.series_by_metric.push_back(
            {std::string(state_->symbols.get(list.value)), list.postings.size()});
    }
    if (values > 0 && !is_hidden_label(text)) stats.values_by_label.push_back({std::string(text), values});
  }
  keep_top(stats.series_by_metric, top);
  keep_top(stats.values_by_label, top);
}

IndexMemory LabelIndex::memory() const {
  const ReaderLock lock(mutex_);
  IndexMemory memory;
  memory.series_bytes =
      state_->blocks_.size() * State::kBlockBytes + state_->unsaved.capacity() * sizeof(std::uint32_t);
  for (const auto& chunk : state_->offsets_)
    memory.series_bytes += chunk ? State::kRefsPerChunk * sizeof(std::uint32_t) : 0;
  memory.lookup_bytes = state_->series_table.memory_bytes() + state_->shape_table.memory_bytes();
  memory.symbol_bytes = state_->symbols.memory_bytes();
  for (const auto& [tenant, of_tenant] : state_->tenants) {
    memory.postings_bytes += of_tenant.lists.capacity() * sizeof(State::List) +
                             of_tenant.list_of_pair.memory_bytes() + of_tenant.all.memory_bytes() +
                             of_tenant.strings.memory_bytes();
    for (const State::List& list : of_tenant.lists) memory.postings_bytes += list.postings.memory_bytes();
    for (const auto& [name, lists] : of_tenant.lists_of_name)
      memory.postings_bytes += lists.capacity() * sizeof(std::uint32_t);
  }
  return memory;
}

}  // namespace silverback::storage
