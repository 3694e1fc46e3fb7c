#include "storage/head.h"

#include <sys/mman.h>

#include <bit>
#include <cassert>
#include <cstdlib>
#include <memory>
#include <new>

namespace silverback::storage {
namespace {

/// So many cache lines are on their way at once; more would push each other out of the first-level cache.
constexpr std::size_t kBlock = 64;
/// After so many series of a block out of order, the rest of it is looked up together.
constexpr std::size_t kMisses = 8;
constexpr std::uint32_t kAhead = 4;
constexpr std::size_t kMaxAliases = 1'000'000;

std::uint32_t tag_of(const Hash128& key) { return static_cast<std::uint32_t>(key.lo >> 32); }
/// 0 says "no key" in a series, so no key may have it.
std::uint64_t second_half(const Hash128& key) { return key.hi | 1; }
Hash128 mixed(const Hash128& key, std::uint64_t tenant_mix) {
  return {key.lo ^ tenant_mix, key.hi ^ tenant_mix};
}

std::atomic<HeadSeries*>* map_pages(std::size_t count) {
  void* memory = mmap(nullptr, count * sizeof(std::atomic<HeadSeries*>), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  return static_cast<std::atomic<HeadSeries*>*>(memory);  // zero bytes are null pointers
}

}  // namespace

Head::Head(std::uint32_t shards) : shard_mask_(shards - 1), pages_(map_pages(kPages)) {
  assert(std::has_single_bit(shards));
  for (std::uint32_t i = 0; i < shards; ++i) shards_.push_back(std::make_unique<HeadShard>(slabs_, times_));
}

Head::~Head() {
  for (std::uint32_t ref = 1; ref < end_ref(); ++ref) {
    HeadShard& shard = shard_of(SeriesRef{ref});
    const MutexLock lock(shard.mutex());
    if (HeadSeries* series = find_series(SeriesRef{ref}); series != nullptr) shard.clear(*series);
  }
  for (std::uint32_t i = 0; i <= end_ref() / kPageSeries; ++i)
    std::free(pages_[i].load(std::memory_order_relaxed));
  munmap(pages_, kPages * sizeof(std::atomic<HeadSeries*>));
}

bool Head::names(SeriesRef ref, std::uint64_t key_hi) const {
  const HeadSeries* series = find_series(ref);
  return series != nullptr && series->key_hi.load(std::memory_order_relaxed) == key_hi;
}

SeriesRef Head::find_one(const Hash128& key) const {
  const std::uint64_t hi = second_half(key);
  const std::uint32_t found =
      cache_.find(tag_of(key), [&](std::uint32_t id) { return names(SeriesRef{id}, hi); });
  if (found != TagTable::kNone) return SeriesRef{found};
  if (aliases_.empty()) return kNoSeries;
  const auto it = aliases_.find(key);
  return it == aliases_.end() ? kNoSeries : it->second;
}

void Head::find_block(std::uint64_t tenant_mix, std::span<const SeriesRun> runs, SeriesRef* refs) const {
  for (const SeriesRun& run : runs) cache_.prefetch(tag_of(mixed(run.key, tenant_mix)));
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const std::uint32_t id =
        cache_.find(tag_of(mixed(runs[i].key, tenant_mix)), [](std::uint32_t) { return true; });
    refs[i] = id == TagTable::kNone ? kNoSeries : SeriesRef{id};
    if (refs[i] != kNoSeries) prefetch_series(refs[i]);
  }
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const Hash128 key = mixed(runs[i].key, tenant_mix);
    if (refs[i] == kNoSeries || !names(refs[i], second_half(key))) refs[i] = find_one(key);
  }
}

// Series that were created one after another mostly arrive one after another: the next ref is tried before
// the table is asked, which reads structs in a row instead of slots all over the table.
std::size_t Head::find_in_row(std::uint64_t tenant_mix, std::span<const SeriesRun> runs, SeriesRef* refs,
                              std::uint32_t& next) const {
  std::size_t misses = 0;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const Hash128 key = mixed(runs[i].key, tenant_mix);
    if (names(SeriesRef{next}, second_half(key))) {
      refs[i] = SeriesRef{next};
      prefetch_series(SeriesRef{next + kAhead});
    } else {
      refs[i] = find_one(key);
      if (++misses == kMisses) return i + 1;
    }
    next = static_cast<std::uint32_t>(refs[i]) + 1;
  }
  return runs.size();
}

std::size_t Head::find(std::uint64_t tenant_mix, std::span<const SeriesRun> runs,
                       std::vector<SeriesRef>& refs) const {
  refs.resize(runs.size());
  {
    const ReaderLock lock(cache_mutex_);
    std::uint32_t next = 0;
    for (std::size_t at = 0; at < runs.size(); at += kBlock) {
      const auto block = runs.subspan(at, std::min(kBlock, runs.size() - at));
      const std::size_t found = find_in_row(tenant_mix, block, refs.data() + at, next);
      if (found == block.size()) continue;
      find_block(tenant_mix, block.subspan(found), refs.data() + at + found);
      next = static_cast<std::uint32_t>(refs[at + block.size() - 1]) + 1;
    }
  }
  std::size_t unknown = 0;
  for (const SeriesRef ref : refs) unknown += ref == kNoSeries ? 1 : 0;
  return unknown;
}

SeriesRef Head::find(std::uint64_t tenant_mix, const Hash128& raw_key) const {
  const ReaderLock lock(cache_mutex_);
  return find_one(mixed(raw_key, tenant_mix));
}

void Head::bind(std::uint64_t tenant_mix, const Hash128& raw_key, SeriesRef ref) {
  const Hash128 key = mixed(raw_key, tenant_mix);
  const WriterLock lock(cache_mutex_);
  if (find_one(key) != kNoSeries) return;
  HeadSeries* series = find_series(ref);
  assert(series != nullptr && "add_series() comes first");
  if (series->key_hi.load(std::memory_order_relaxed) == 0) {
    series->key_hi.store(second_half(key), std::memory_order_relaxed);
    cache_.insert(tag_of(key), static_cast<std::uint32_t>(ref));
    return;
  }
  if (aliases_.size() >= kMaxAliases) aliases_.clear();
  aliases_.emplace(key, ref);
}

void Head::add_series(SeriesRef ref, ValueType type) {
  const auto number = static_cast<std::uint32_t>(ref);
  std::atomic<HeadSeries*>& page = pages_[number / kPageSeries];
  if (page.load(std::memory_order_acquire) == nullptr) {
    const MutexLock lock(grow_mutex_);
    if (page.load(std::memory_order_relaxed) == nullptr) {
      page.store(make_page(number >= kHugeFrom), std::memory_order_release);
      page_count_.fetch_add(1, std::memory_order_relaxed);
    }
  }
  {
    HeadShard& shard = shard_of(ref);
    const MutexLock lock(shard.mutex());
    find_series(ref)->type = type;
  }
  auto end = end_ref_.load(std::memory_order_relaxed);
  while (end <= number && !end_ref_.compare_exchange_weak(end, number + 1, std::memory_order_release)) {
  }
}

HeadSeries* Head::make_page(bool huge) {
  constexpr std::size_t kBytes = std::size_t{kPageSeries} * sizeof(HeadSeries);
  void* memory = std::aligned_alloc(kBytes, kBytes);
  if (memory == nullptr) throw std::bad_alloc();
  if (huge) madvise(memory, kBytes, MADV_HUGEPAGE);
  auto* series = static_cast<HeadSeries*>(memory);
  std::uninitialized_default_construct_n(series, kPageSeries);
  return series;
}

ValueType Head::type_of(SeriesRef ref) const {
  HeadShard& shard = shard_of(ref);
  const MutexLock lock(shard.mutex());
  const HeadSeries* series = find_series(ref);
  return series == nullptr ? ValueType::Float64 : series->type;
}

void Head::apply_runs(HeadShard& shard, const Batch& batch, std::span<const SeriesRef> refs,
                      std::span<const std::uint32_t> runs) {
  // First the struct, which a request has looked at already and a replay has not, then its tail.
  for (std::size_t at = 0; at < runs.size() + 2 * kBlock; ++at) {
    if (at < runs.size()) prefetch_series(refs[runs[at]]);
    if (at < kBlock) continue;
    if (at - kBlock < runs.size()) {
      const HeadSeries* ahead = find_series(refs[runs[at - kBlock]]);
      __builtin_prefetch(ahead->tail + ahead->tail_size, 1);
    }
    if (at < 2 * kBlock) continue;
    const std::uint32_t number = runs[at - 2 * kBlock];
    HeadSeries& series = *find_series(refs[number]);
    const SeriesRun& run = batch.runs[number];
    const std::size_t end = std::size_t{run.first} + run.count;
    if (series.type == ValueType::String) {
      for (std::size_t s = run.first; s < end; ++s)
        shard.append_string(series, batch.times_ns[s], batch.string_at(s));
    } else {
      for (std::size_t s = run.first; s < end; ++s) shard.append(series, batch.times_ns[s], batch.bits[s]);
    }
  }
}

std::uint64_t Head::apply(const Batch& batch, std::span<const SeriesRef> refs, ShardPart part) {
  // Runs in order of their shards (counting sort, which keeps the order of arrival within a shard).
  thread_local std::vector<std::uint32_t> starts;
  thread_local std::vector<std::uint32_t> order;
  starts.assign(shards_.size() + 1, 0);
  order.resize(refs.size());
  std::uint64_t samples = 0;
  const auto shard_number = [&](SeriesRef ref) {
    return (static_cast<std::uint32_t>(ref) >> 8) & shard_mask_;
  };
  const auto wanted = [&](SeriesRef ref) {
    return ref != kNoSeries && (shard_number(ref) & part.mask) == part.number;
  };
  for (std::size_t i = 0; i < refs.size(); ++i) {
    if (!wanted(refs[i])) continue;
    ++starts[shard_number(refs[i]) + 1];
    samples += batch.runs[i].count;
  }
  for (std::size_t i = 1; i < starts.size(); ++i) starts[i] += starts[i - 1];
  for (std::uint32_t i = 0; i < refs.size(); ++i) {
    if (wanted(refs[i])) order[starts[shard_number(refs[i])]++] = i;
  }
  std::uint32_t begin = 0;  // starts[n] is now the end of shard n
  for (std::size_t n = 0; n < shards_.size(); ++n) {
    if (starts[n] == begin) continue;
    HeadShard& shard = *shards_[n];
    const MutexLock lock(shard.mutex());
    apply_runs(shard, batch, refs, {order.data() + begin, starts[n] - begin});
    begin = starts[n];
  }
  return samples;
}

HeadShard::Figures Head::figures() const {
  HeadShard::Figures sum;
  for (const auto& shard : shards_) {
    const MutexLock lock(shard->mutex());
    const auto part = shard->figures();
    sum.samples += part.samples;
    sum.chunks += part.chunks;
    sum.bytes += part.bytes;
    sum.late += part.late;
  }
  return sum;
}

std::uint64_t Head::memory_bytes() const {
  std::uint64_t cache = 0;
  {
    const ReaderLock lock(cache_mutex_);
    cache = cache_.memory_bytes() + aliases_.size() * 56;
  }
  return figures().bytes + times_.memory_bytes() + cache +
         page_count_.load(std::memory_order_relaxed) * kPageSeries * sizeof(HeadSeries);
}

}  // namespace silverback::storage
