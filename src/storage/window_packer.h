// WindowPacker: what the head collected of some windows, into a StoreFile.
//
// Each series' chunks of a window become parts of at most kPartSamples, cut evenly, so that series with the
// same times get the same cuts and share the times blocks. A series with few samples in a window takes the
// following windows' samples along (a chunk is filed under its first sample): one value a day would otherwise
// cost a chunk each.
//
// The value of a Values record is a list of parts, each varint(size) and a chunk; see docs/format/store.md.
//
// Threads: belongs to one flush.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/hash.h"
#include "base/status.h"
#include "model/sample.h"
#include "storage/chunk_store.h"
#include "storage/head_chunk.h"

namespace silverback::storage {

inline constexpr std::size_t kPartSamples = 1024;

/// One series of a flush: chunks [begin, end) of the flush's list, in order of arrival. There may be
/// millions.
struct PickedSeries {
  SeriesRef ref = kNoSeries;
  ValueType type = ValueType::Float64;
  ScaleHint hint = 0;
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
};

class WindowPacker {
 public:
  explicit WindowPacker(StoreFile& file) : file_(file) {}

  /// All series (refs ascending) and their chunks, which it sorts by window.
  Status pack(std::vector<PickedSeries>& series, std::vector<HeadChunkPtr>& chunks);

  std::uint64_t samples() const { return samples_; }

 private:
  Status pack_series(PickedSeries& series, std::span<const HeadChunkPtr> chunks);
  Status gather(ValueType type, std::span<const HeadChunkPtr> chunks);
  Status gather_overlapping(ValueType type, std::span<const HeadChunkPtr> chunks);
  Status append_chunk_times(const HeadChunk& chunk, std::vector<std::int64_t>& out);
  std::uint64_t times_block(std::span<const std::int64_t> times_ns);

  StoreFile& file_;
  std::uint64_t samples_ = 0;

  // Times blocks of the window being written, by the hash of the raw times.
  struct HashHash {
    std::size_t operator()(const Hash128& hash) const { return hash.lo; }
  };
  std::unordered_map<Hash128, std::uint64_t, HashHash> blocks_;

  // The series before mostly had the very same times.
  std::vector<const TimesBlock*> last_blocks_;
  std::vector<std::int64_t> last_times_;
  std::vector<std::uint64_t> last_numbers_;
  bool last_valid_ = false;

  // Reused from series to series.
  SampleColumn column_;
  std::vector<const TimesBlock*> now_blocks_;
  std::string part_;
  std::string value_;
};

}  // namespace silverback::storage
