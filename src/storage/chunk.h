// Chunk: the values of one series over a span of time as one byte string: a header that answers range
// functions without decoding, then times (inline, or a reference to a times block that many series share),
// then values. The bytes are described in docs/format/chunk.md.
//
//   std::string bytes;
//   encode_chunk({.type = ..., .times_ns = ..., .values = ..., .times_ref = 7}, hint, bytes);
//   auto chunk = ChunkView::parse(bytes);            // header only
//   chunk->header().last_ns ...
//   chunk->decode_values(out_bits);
//
// Invariants of a header that parse() accepts: 0 < count <= kMaxChunkSamples.
//
// Threads: values. Errors: DataLoss for damaged bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "model/querier.h"
#include "model/sample.h"
#include "storage/value_codec.h"

namespace silverback::storage {

/// Of the samples that are not stale markers. Values are bits of the chunk's type (a double's bits, an
/// int64, a uint64, 0 or 1) and exact.
///
/// What may be answered from it, with the very result that the samples would give:
///   count_over_time, present_over_time   always, from count - stale
///   first, last, min, max                when has_range
///   sum_over_time, avg_over_time         when has_sum: every value is an integer and the sum of their
///                                        magnitudes is below 2^53, so doubles add without rounding
///   rate, increase, resets               when has_counter: last - first + correction
/// When stale > 0 the first and last values are not those at first_ns and last_ns: decode where times matter.
struct ChunkAggregates {
  bool has_range = false;  // numeric, at least one sample that is not stale, no other NaN
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::uint64_t min = 0;
  std::uint64_t max = 0;

  bool has_sum = false;
  std::int64_t sum = 0;

  // A value below the one before it is a counter's reset; the correction is the sum of the values before each
  // reset, added in order as doubles. Only when there are at most kMaxResets and the result is exact (no or
  // one reset, or has_sum); a gauge has no use for it.
  bool has_counter = false;
  std::uint32_t resets = 0;
  double correction = 0;
};
inline constexpr std::uint32_t kMaxResets = 8;

struct ChunkHeader {
  ValueType type = ValueType::Float64;
  std::uint32_t count = 0;  // samples, stale markers included
  std::uint32_t stale = 0;  // stale markers among them
  bool has_nan = false;     // NaN that is no stale marker
  std::int64_t first_ns = 0;
  std::int64_t last_ns = 0;
  std::uint64_t times_ref = 0;  // of the shared times block; 0: the times are in the chunk
  ChunkAggregates aggregates;
};

/// A column of samples in time order. Which of the value columns counts is said by `type`.
struct ChunkInput {
  ValueType type = ValueType::Float64;
  std::span<const std::int64_t> times_ns;     // 1 to kMaxChunkSamples
  std::span<const std::uint64_t> bits;        // all types but String
  std::span<const std::string_view> strings;  // String
  std::uint64_t times_ref = 0;                // 0: store the times in the chunk
};

/// Appends one chunk. @param hint see value_codec.h; used for floats alone
void encode_chunk(const ChunkInput& input, ScaleHint& hint, std::string& out);

/// A parsed header over bytes that the caller keeps alive. The chunk is the whole of the bytes.
class ChunkView {
 public:
  static Result<ChunkView> parse(std::string_view bytes);

  const ChunkHeader& header() const { return header_; }

  /// Inline times only: times_ref == 0. `out` has room for count. Milliseconds are floored.
  Status decode_times(TimeUnit unit, std::int64_t* out) const;
  /// Every type but String; `out` has room for count.
  Status decode_bits(std::uint64_t* out) const;
  /// Float64 only.
  Status decode_floats(double* out) const;
  /// Every type but String, as PromQL sees it: integers and bools as the nearest float.
  Status decode_as_floats(double* out) const;
  /// String only; views into the chunk's bytes.
  Status decode_strings(std::vector<std::string_view>& out) const;

 private:
  ChunkHeader header_;
  std::string_view times_;  // empty when by reference
  std::string_view values_;
  bool constant_ = false;  // every value is the first; there are no bytes of values
};

}  // namespace silverback::storage
