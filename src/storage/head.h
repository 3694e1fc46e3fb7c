// Head: the recent samples of all series, in memory.
//
// Series structs stand in pages by ref, so a ref is an address. Series are dealt to shards in runs of 256
// refs: series made together arrive together, and one batch then takes few locks, each once.
//
//   head.find(...)          raw keys to refs, prefetching (shared lock of the cache, no shard's)
//   head.bind(...)          a key that was unknown now names this ref
//   head.apply(...)         the batch's samples into their series
//
// Threads: any, except where noted.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/hash.h"
#include "base/mutex.h"
#include "model/appender.h"
#include "model/sample.h"
#include "storage/head_series.h"
#include "storage/symbols.h"

namespace silverback::storage {

/// Those of the shards whose number has `number` in the bits of `mask`; all by default.
struct ShardPart {
  std::uint32_t number = 0;
  std::uint32_t mask = 0;
};

class Head {
 public:
  /// @param shards  a power of two
  explicit Head(std::uint32_t shards);
  ~Head();
  Head(const Head&) = delete;
  Head& operator=(const Head&) = delete;

  /// The ref of each run, kNoSeries where the raw key is not known.
  /// @returns how many are not known
  std::size_t find(std::uint64_t tenant_mix, std::span<const SeriesRun> runs,
                   std::vector<SeriesRef>& refs) const EXCLUDES(cache_mutex_);
  /// The same of one key.
  SeriesRef find(std::uint64_t tenant_mix, const Hash128& key) const EXCLUDES(cache_mutex_);
  /// From now on find() gives `ref` for `key`. Several keys may name one series. Nothing happens to a known
  /// key.
  void bind(std::uint64_t tenant_mix, const Hash128& key, SeriesRef ref) EXCLUDES(cache_mutex_);

  /// Makes room for the series and says what it holds. Before its first use in apply(); again is harmless.
  void add_series(SeriesRef ref, ValueType type) EXCLUDES(grow_mutex_);

  /// Appends the samples of every run that has a ref, in a shard of `part`.
  /// @returns their number
  std::uint64_t apply(const Batch& batch, std::span<const SeriesRef> refs, ShardPart part = {});
  std::uint32_t shard_count() const { return shard_mask_ + 1; }

  /// Runs `use(HeadShard&, HeadSeries&)` under the shard's lock for each of the refs that the head knows.
  /// Neighbours share one taking of the lock.
  template <typename Use>
  void visit(std::span<const SeriesRef> refs, const Use& use) {
    for (std::size_t i = 0; i < refs.size();) {
      HeadShard& shard = shard_of(refs[i]);
      const MutexLock lock(shard.mutex());
      do {
        if (HeadSeries* series = find_series(refs[i]); series != nullptr) use(i, shard, *series);
        ++i;
      } while (i < refs.size() && &shard_of(refs[i]) == &shard);
    }
  }

  /// Refs are below this.
  std::uint32_t end_ref() const { return end_ref_.load(std::memory_order_acquire); }
  ValueType type_of(SeriesRef ref) const;
  bool knows(SeriesRef ref) const { return ref != kNoSeries && find_series(ref) != nullptr; }

  TimesTable& times() { return times_; }

  HeadShard::Figures figures() const;
  /// Samples, chunks and structs; without the labels.
  std::uint64_t memory_bytes() const;

 private:
  static constexpr std::uint32_t kPageSeries =
      1u << 15;  // 2 MiB: a huge page, which saves a page walk per append
  static constexpr std::uint32_t kHugeFrom = kPageSeries;  // a small store does without
  static constexpr std::uint32_t kPages = 1u << 17;  // of pointers to pages; untouched ones cost no memory

  HeadSeries* find_series(SeriesRef ref) const {
    const auto number = static_cast<std::uint32_t>(ref);
    HeadSeries* page = pages_[number / kPageSeries].load(std::memory_order_acquire);
    return page == nullptr ? nullptr : page + number % kPageSeries;
  }
  HeadShard& shard_of(SeriesRef ref) const {
    return *shards_[(static_cast<std::uint32_t>(ref) >> 8) & shard_mask_];
  }
  void prefetch_series(SeriesRef ref) const { __builtin_prefetch(find_series(ref)); }
  static HeadSeries* make_page(bool huge);
  void find_block(std::uint64_t tenant_mix, std::span<const SeriesRun> runs, SeriesRef* refs) const
      REQUIRES_SHARED(cache_mutex_);
  /// Stops behind the block's first few that are not in a row. @returns how many it looked up
  std::size_t find_in_row(std::uint64_t tenant_mix, std::span<const SeriesRun> runs, SeriesRef* refs,
                          std::uint32_t& next) const REQUIRES_SHARED(cache_mutex_);
  bool names(SeriesRef ref, std::uint64_t key_hi) const;
  SeriesRef find_one(const Hash128& key) const REQUIRES_SHARED(cache_mutex_);
  void apply_runs(HeadShard& shard, const Batch& batch, std::span<const SeriesRef> refs,
                  std::span<const std::uint32_t> runs) REQUIRES(shard.mutex());

  // Fixed after construction.
  const std::uint32_t shard_mask_;
  std::atomic<HeadSeries*>* const pages_;  // kPages of them, mapped; a page once set stays until the end
  TimesTable times_;
  SlabSource slabs_;
  std::vector<std::unique_ptr<HeadShard>> shards_;

  Mutex grow_mutex_;
  std::atomic<std::uint32_t> end_ref_{1};  // released after the page is there
  std::atomic<std::uint64_t> page_count_{0};

  // Raw keys. Held shared for a batch's look-ups, exclusively for binding.
  mutable SharedMutex cache_mutex_;
  TagTable cache_ GUARDED_BY(cache_mutex_);
  // Further spellings of a series' labels. Emptied when it grows beyond reason: they are asked for again.
  struct KeyHash {
    std::size_t operator()(const Hash128& key) const { return key.lo; }
  };
  std::unordered_map<Hash128, SeriesRef, KeyHash> aliases_ GUARDED_BY(cache_mutex_);
};

}  // namespace silverback::storage
