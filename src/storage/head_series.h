// HeadSeries: what one series has in memory. HeadShard: a share of the series, one lock, one pool of blocks.
//
//   HeadSeries (64 B) -> tail: up to 8 raw samples, the newest; 16 while there is no body; a whole chunk's
//                        while the shard has memory for it, and then nothing is packed before it is sealed
//                     -> SeriesBody (64 B), once there is more: a Gorilla stream of the samples before the
//                        tail, sealed chunks before that, and late samples in order of arrival
//
// Invariants
//   (1) Stream and tail together, the open part, lie within one window and their times strictly increase.
//   (2) The body has chunks only behind a first_chunk.
//   (3) Of two samples at one time the later arrival is found, in this order: chunks as listed, open part,
//   late
//       samples. For a late sample never comes before an open sample of its time, because a sample is late
//       when its time is not beyond last_ns, and last_ns goes back only in seal_late(), which seals the open
//       part first.
//
// Threads: everything of a series is guarded by its shard's mutex, but key_hi.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "model/sample.h"
#include "model/time_range.h"
#include "storage/gorilla.h"
#include "storage/head_chunk.h"
#include "storage/slab_pool.h"
#include "storage/window.h"

namespace silverback::storage {

// Raw samples before they go to the stream. A young series waits longer, because a body costs what four
// samples do and most series of a cardinality bomb never need one.
inline constexpr std::uint32_t kYoungTail = 16;
inline constexpr std::uint32_t kTail = 8;
inline constexpr std::uint32_t kTailStep = 4;        // tails grow by so many
inline constexpr std::uint32_t kChunkSamples = 128;  // then the open part is sealed
// Of a shard's tails with more than kYoungTail samples; 768 whole chunks. Packing samples into a stream and
// unpacking them when the chunk is sealed is a seventh of what line protocol costs: few series do without.
inline constexpr std::uint64_t kWideBytes = 3 << 19;
inline constexpr std::uint32_t kLateSamples = 64;  // then the late ones are sorted and sealed

struct RawSample {
  std::int64_t time_ns;
  std::uint64_t bits;  // of String: a std::string* that the sample owns
};

struct SeriesBody {
  GorillaState state;
  char* stream = nullptr;        // capacity_for(state.byte_count()) bytes of the pool
  HeadChunk** chunks = nullptr;  // of the pool, in order of sealing
  std::vector<RawSample>* late = nullptr;
  std::uint32_t chunk_count = 0;
  std::uint32_t chunk_capacity = 0;
};
static_assert(sizeof(SeriesBody) == 64);

struct alignas(64) HeadSeries {
  std::atomic<std::uint64_t> key_hi{0};  // second half of the raw key, 0 for none; see Head::find
  std::int64_t last_ns = std::numeric_limits<std::int64_t>::min();  // newest of the open part, or before it
  std::int64_t window_last_ns = std::numeric_limits<std::int64_t>::min();  // the open part's window ends here
  RawSample* tail = nullptr;
  SeriesBody* body = nullptr;
  HeadChunk* first_chunk =
      nullptr;  // the chunk before those of the body; most series that are flushed have one
  std::uint8_t tail_size = 0;
  std::uint8_t tail_capacity = 0;
  ValueType type = ValueType::Float64;
  ScaleHint hint = 0;
};
static_assert(sizeof(HeadSeries) == 64);

/// A copy of what a series holds, in order of arrival; decodes without any lock.
struct SeriesSnapshot {
  ValueType type = ValueType::Float64;
  std::vector<HeadChunkPtr> chunks;
  std::string stream;  // of Gorilla, the first stream_count samples
  std::uint32_t stream_count = 0;
  std::vector<RawSample> tail;  // bits of strings are indices into `strings`
  std::vector<RawSample> late;
  std::vector<std::string> strings;

  void clear();
  std::size_t memory_bytes() const;  // on the heap, without the chunks: the head holds those
  bool empty() const { return chunks.empty() && stream_count == 0 && tail.empty() && late.empty(); }
};

/// In order of sealing.
template <typename Use>
void for_each_chunk(const HeadSeries& series, const Use& use) {
  if (series.first_chunk == nullptr) return;
  use(series.first_chunk);
  if (series.body == nullptr) return;
  for (std::uint32_t i = 0; i < series.body->chunk_count; ++i) use(series.body->chunks[i]);
}

class HeadShard {
 public:
  HeadShard(SlabSource& source, TimesTable& times) : times_(times), pool_(source) {}
  ~HeadShard() = default;  // Head::~Head has cleared every series
  HeadShard(const HeadShard&) = delete;
  HeadShard& operator=(const HeadShard&) = delete;

  Mutex& mutex() RETURN_CAPABILITY(mutex_) { return mutex_; }

  /// @param bits  of any type but String
  void append(HeadSeries& series, std::int64_t time_ns, std::uint64_t bits) REQUIRES(mutex_) {
    if (time_ns > series.last_ns) [[likely]] {
      if (time_ns > series.window_last_ns) [[unlikely]]
        roll_window(series, time_ns);
      if (series.tail_size == series.tail_capacity) [[unlikely]]
        make_room(series);
      series.tail[series.tail_size++] = {time_ns, bits};
      series.last_ns = time_ns;
      ++samples_;
      return;
    }
    append_late(series, time_ns, bits);
  }

  void append_string(HeadSeries& series, std::int64_t time_ns, std::string_view value) REQUIRES(mutex_);

  /// What may lie within `range`; whole chunks, not cut.
  void snapshot(const HeadSeries& series, TimeRange range, SeriesSnapshot& out) const REQUIRES(mutex_);

  /// Whether the series has samples here that may lie within `range`: to the chunk, and to the run of samples
  /// that is not sealed yet.
  bool may_have(const HeadSeries& series, TimeRange range) const REQUIRES(mutex_);

  /// Seals what is open or late in windows first..last, and gives all chunks of these windows.
  void collect(HeadSeries& series, std::int32_t first, std::int32_t last, std::vector<HeadChunkPtr>& out)
      REQUIRES(mutex_);
  /// Takes away those of the series' chunks that are in `chunks`, in any order.
  void remove(HeadSeries& series, std::span<const HeadChunkPtr> chunks) REQUIRES(mutex_);

  /// For recovery: makes room for so many samples at once, as far as a tail may grow, in a series that has
  /// none yet.
  void expect(HeadSeries& series, std::size_t samples) REQUIRES(mutex_);
  /// For recovery: a chunk as it was, behind those that are there.
  void restore_chunk(HeadSeries& series, HeadChunkPtr chunk) REQUIRES(mutex_);

  /// Frees everything of the series.
  void clear(HeadSeries& series) REQUIRES(mutex_);

  struct Figures {
    std::uint64_t samples = 0;
    std::uint64_t chunks = 0;
    std::uint64_t bytes = 0;
    std::uint64_t late = 0;  // samples that arrived out of order
  };
  Figures figures() const REQUIRES(mutex_);

 private:
  static std::int64_t first_in_stream(const SeriesBody& body);
  void roll_window(HeadSeries& series, std::int64_t time_ns) REQUIRES(mutex_);
  void make_room(HeadSeries& series) REQUIRES(mutex_);
  bool widen_tail(HeadSeries& series) REQUIRES(mutex_);
  void spill_tail(HeadSeries& series) REQUIRES(mutex_);
  void pack(SeriesBody& body, std::span<const RawSample> samples) REQUIRES(mutex_);
  void append_late(HeadSeries& series, std::int64_t time_ns, std::uint64_t bits) REQUIRES(mutex_);
  void seal_open(HeadSeries& series) REQUIRES(mutex_);
  void seal_late(HeadSeries& series) REQUIRES(mutex_);
  void seal_column(HeadSeries& series, const SampleColumn& column) REQUIRES(mutex_);
  void read_open(const HeadSeries& series, SampleColumn& out) const REQUIRES(mutex_);
  void add_chunk(HeadSeries& series, HeadChunkPtr chunk) REQUIRES(mutex_);
  void release_chunk(HeadChunk* chunk) REQUIRES(mutex_);
  void drop_raw(ValueType type, std::span<const RawSample> samples) REQUIRES(mutex_);
  void free_string(std::uint64_t bits) REQUIRES(mutex_);
  void resize_tail(HeadSeries& series, std::uint32_t capacity) REQUIRES(mutex_);
  void free_stream(SeriesBody& body) REQUIRES(mutex_);
  void shrink_chunks(SeriesBody& body, std::uint32_t count) REQUIRES(mutex_);
  void free_body_if_empty(HeadSeries& series) REQUIRES(mutex_);
  SeriesBody& body_of(HeadSeries& series) REQUIRES(mutex_);

  TimesTable& times_;

  // Taken once per batch, and for short spans by queries and flushes. Nothing is called out to under it but
  // the TimesTable.
  Mutex mutex_;
  SlabPool pool_ GUARDED_BY(mutex_);
  std::uint64_t samples_ GUARDED_BY(mutex_) = 0;
  std::uint64_t late_ GUARDED_BY(mutex_) = 0;
  std::uint64_t chunks_ GUARDED_BY(mutex_) = 0;
  std::uint64_t wide_bytes_ GUARDED_BY(mutex_) = 0;  // see kWideBytes
  std::uint64_t heap_bytes_ GUARDED_BY(mutex_) = 0;  // chunks, late samples, strings
};

}  // namespace silverback::storage
