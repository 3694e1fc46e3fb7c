// ColumnBuilder: the parts of one series (chunks from disk, chunks and open samples from the head), in any
// order and perhaps overlapping, into one Columns.
//
// In the common case the parts follow each other in time, and values are decoded straight into the columns,
// times copied from a decoded times block that many series share. Where parts overlap, all samples are
// gathered and sorted; of one time the sample of the later part stays.
//
// Threads: belongs to one cursor.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/status.h"
#include "model/querier.h"
#include "storage/chunk.h"
#include "storage/chunk_store.h"
#include "storage/decoded_times.h"
#include "storage/head_chunk.h"
#include "storage/head_series.h"

namespace silverback::storage {

/// Decoded times blocks of one query, before those of all. Bounded; forgets all when full.
class TimesCache {
 public:
  TimesCache(const ChunkStore& store, TimeUnit unit)
      : shared_(store.decoded_times()), reader_(store), unit_(unit) {}

  StoreReader& reader() { return reader_; }
  /// What they give is good until the next call.
  Result<const DecodedTimes*> of(const HeadChunk& chunk);
  Result<const DecodedTimes*> of(std::int32_t window, std::uint32_t generation, std::uint64_t number,
                                 std::size_t count);
  std::size_t memory_bytes() const { return bytes_; }

 private:
  using Key = DecodedTimesKey;
  struct KeyHash {
    std::size_t operator()(const Key& key) const { return key.hash(); }
  };
  /// From here, from all queries', or by decode(); it is the last one now.
  template <typename Decode>
  Result<const DecodedTimes*> find(const Key& key, const Decode& decode);
  Result<DecodedTimes> read(std::int32_t window, std::uint32_t generation, std::uint64_t number);

  DecodedTimesCache& shared_;
  StoreReader reader_;
  const TimeUnit unit_;
  std::unordered_map<Key, DecodedTimesPtr, KeyHash> entries_;
  std::size_t bytes_ = 0;
  Key last_key_;
  const DecodedTimes* last_ = nullptr;
};

class ColumnBuilder {
 public:
  ColumnBuilder(TimesCache& times, TimeRange range, TimeUnit unit, bool as_floats)
      : times_(times), range_(range), unit_(unit), as_floats_(as_floats) {}

  void clear();

  /// Parts in order of arrival: where times are equal, a later call wins. Bytes stay good until build().
  /// A Values record of the store: one or more chunks.
  Status add_stored(std::int32_t window, std::uint32_t generation, std::string_view record);
  void add_head(const HeadChunkPtr& chunk);
  /// Open samples, sorted by time.
  void add_open(ValueType type, const SampleColumn* column);
  /// Samples in order of arrival, each a part of its own.
  void add_late(ValueType type, std::span<const RawSample> samples, std::span<const std::string> strings);

  /// At most what build() will take for these parts, `out` included.
  std::uint64_t bytes_to_build() const;
  Status build(Columns& out);

 private:
  struct Part {
    std::int64_t first_ns = 0;
    std::int64_t last_ns = 0;
    std::uint32_t arrival = 0;
    ValueType type = ValueType::Float64;
    std::uint32_t count = 0;
    // One of these:
    ChunkView chunk;  // is_chunk
    std::int32_t window = 0;
    std::uint32_t generation = 0;
    bool is_chunk = false;
    const HeadChunkPtr* head = nullptr;
    const SampleColumn* open = nullptr;
    const RawSample* late = nullptr;
    std::string_view late_text;
  };
  Part& add_part(ValueType type, std::int64_t first_ns, std::int64_t last_ns, std::uint32_t count);
  ValueType common_type() const;
  Result<const DecodedTimes*> times_of(const Part& part);
  Status append(const Part& part, Columns& out);
  Status append_values(const Part& part, std::size_t from, std::size_t to, Columns& out);
  Status append_strings(const Part& part, std::size_t from, std::size_t to, Columns& out);
  Status build_overlapping(Columns& out);
  Status decode_bits(const Part& part);
  void drop_repeats(Columns& out) const;

  TimesCache& times_;
  const TimeRange range_;
  const TimeUnit unit_;
  const bool as_floats_;
  std::vector<Part> parts_;
  DecodedTimes own_times_;  // of an open part
  bool repeats_ = false;    // two samples of the output may lie within one unit
  UninitialisedVector<double> floats_;
  SampleColumn scratch_;
};

}  // namespace silverback::storage
