// HeadChunk: a sealed span of one series in memory; TimesBlock: its times, shared by all chunks that have the
// very same ones.
//
// A scrape gives all its series one time, so 128 samples of a thousand series need one times block, not a
// thousand: a block is found by the 128-bit hash of the raw times (seeded, so nobody can craft an equal one)
// before anything is encoded.
//
// Invariants: both are immutable once made; a chunk lies within one window; its times strictly increase.
//
// Threads: counted references, any thread. A TimesTable outlives the chunks whose times it holds.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "base/mutex.h"
#include "base/status.h"
#include "model/querier.h"
#include "model/sample.h"
#include "storage/value_codec.h"

namespace silverback::storage {

class TimesTable;

struct TimesBlock {
  TimesTable* table = nullptr;
  Hash128 hash;
  std::atomic<std::uint32_t> users{1};
  std::uint32_t count = 0;
  std::int64_t first_ns = 0;
  std::int64_t last_ns = 0;
  std::string bytes;  // of encode_times()
};

class TimesTable {
 public:
  TimesTable() = default;
  ~TimesTable();
  TimesTable(const TimesTable&) = delete;
  TimesTable& operator=(const TimesTable&) = delete;

  /// The block of these times, with one more user.
  TimesBlock* take(std::span<const std::int64_t> times_ns) EXCLUDES(mutex_);
  void release(TimesBlock* block) EXCLUDES(mutex_);

  std::uint64_t memory_bytes() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  Mutex mutex_;
  std::unordered_map<std::uint64_t, TimesBlock*> blocks_ GUARDED_BY(mutex_);  // by hash.lo; see take()
  std::atomic<std::uint64_t> bytes_{0};                                       // a statistic
};

/// Header and values in one allocation.
class HeadChunk {
 public:
  /// Takes over one use of `times`.
  static HeadChunk* make(ValueType type, std::int32_t window, TimesBlock* times, std::string_view values);

  std::uint32_t count() const { return times_->count; }
  std::int64_t first_ns() const { return times_->first_ns; }
  std::int64_t last_ns() const { return times_->last_ns; }
  std::int32_t window() const { return window_; }
  ValueType type() const { return type_; }
  const TimesBlock& times() const { return *times_; }
  std::string_view values() const { return {reinterpret_cast<const char*>(this + 1), size_}; }
  std::size_t memory_bytes() const { return sizeof(HeadChunk) + size_; }

 private:
  friend class HeadChunkPtr;
  HeadChunk(ValueType type, std::int32_t window, TimesBlock* times, std::uint32_t size)
      : size_(size), window_(window), type_(type), times_(times) {}
  ~HeadChunk() { times_->table->release(times_); }

  std::atomic<std::uint32_t> users_{1};
  std::uint32_t size_;
  std::int32_t window_;
  ValueType type_;
  TimesBlock* times_;
};

class HeadChunkPtr {
 public:
  HeadChunkPtr() = default;
  /// Takes over one use.
  explicit HeadChunkPtr(HeadChunk* chunk) : chunk_(chunk) {}
  HeadChunkPtr(const HeadChunkPtr& other) : chunk_(other.chunk_) {
    if (chunk_ != nullptr) chunk_->users_.fetch_add(1, std::memory_order_relaxed);
  }
  HeadChunkPtr(HeadChunkPtr&& other) noexcept : chunk_(std::exchange(other.chunk_, nullptr)) {}
  HeadChunkPtr& operator=(HeadChunkPtr other) noexcept {
    std::swap(chunk_, other.chunk_);
    return *this;
  }
  ~HeadChunkPtr();

  /// One use more of a chunk that somebody else keeps alive meanwhile.
  static HeadChunkPtr share(HeadChunk* chunk) {
    chunk->users_.fetch_add(1, std::memory_order_relaxed);
    return HeadChunkPtr(chunk);
  }
  /// The use passes to the caller.
  HeadChunk* leave() { return std::exchange(chunk_, nullptr); }

  const HeadChunk* get() const { return chunk_; }
  const HeadChunk& operator*() const { return *chunk_; }
  const HeadChunk* operator->() const { return chunk_; }

 private:
  HeadChunk* chunk_ = nullptr;
};

/// A column of samples: what sealing takes and decoding gives.
struct SampleColumn {
  std::vector<std::int64_t> times_ns;
  std::vector<std::uint64_t> bits;        // all types but String
  std::vector<std::string_view> strings;  // String

  std::size_t size() const { return times_ns.size(); }
  void clear() {
    times_ns.clear();
    bits.clear();
    strings.clear();
  }
};

/// Values of any type to bytes and back, without times and header.
void encode_values(ValueType type, std::span<const std::uint64_t> bits,
                   std::span<const std::string_view> strings, ScaleHint& hint, std::string& out);
/// Appends n values to the column that `type` uses. Strings point into `bytes`.
Status decode_values(ValueType type, std::string_view bytes, std::size_t n, SampleColumn& out);

}  // namespace silverback::storage
