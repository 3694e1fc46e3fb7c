// Int codec: a column of 64-bit integers as differences of some order, in packed blocks.
//
//   order 0   a[i] = a[0] + g * (c + r[i])
//   order 1   a[i] = a[i-1] + g * (c + r[i])              a regular counter
//   order 2   a[i] = a[i-1] + g * s[i], s[i] = s[i-1] + c + r[i]   a counter whose rate drifts
//
// g is the greatest common divisor of the differences. The residuals r are zigzagged around c = 0, or c is
// the least of them and they stand as they are; they are packed in blocks, and left out when all are 0. All
// sums wrap around at 64 bits, so every column of int64 (or of uint64, or of doubles by bits) comes back. The
// bytes are described in docs/format/chunk.md.
//
// Threads: pure functions (the encoder keeps thread-local scratch memory).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "storage/bitpack.h"
#include "storage/simd.h"

namespace silverback::storage {

/// The caller's own bits in the column's first byte: 0 to 3.
using ColumnTag = unsigned;

/// @param values  not empty
void put_int_column(std::span<const std::int64_t> values, ColumnTag tag, std::string& out);

/// Reads a column block by block, so that what is made of it can be made while it is in the first cache.
class IntColumnReader {
 public:
  /// Room that read() needs: a block and the values before the first residual.
  static constexpr std::size_t kMaxRead = kBlockValues + 8;

  /// Reads the column's head. @param n > 0 @returns false when it is damaged
  bool open(Simd simd, const char* p, const char* end, std::size_t n);
  ColumnTag tag() const { return tag_; }
  /// All values are first(): nothing to read.
  bool constant() const { return flat_ && order_ == 0 && centre_ == 0; }
  std::int64_t first() const { return static_cast<std::int64_t>(value_); }

  /// The next values: at least 1 and at most kMaxRead - 8 while any are left, 0 afterwards or when damaged.
  std::size_t read(std::int64_t* out);
  /// Everything was read and was sound.
  bool done() const { return left_ == 0 && p_ != nullptr; }
  /// The first byte behind the column, once done().
  const char* position() const { return p_; }

 private:
  void sum(std::uint64_t* residuals, std::size_t n, std::int64_t* out);
  void sum_flat(std::size_t n, std::int64_t* out);

  Simd simd_ = Simd::Baseline;
  const char* p_ = nullptr;
  const char* end_ = nullptr;
  std::size_t left_ = 0;
  ColumnTag tag_ = 0;
  unsigned order_ = 0;
  bool positive_ = false;
  bool flat_ = false;
  bool started_ = false;
  std::uint64_t unit_ = 1;    // g
  std::uint64_t centre_ = 0;  // c
  std::uint64_t value_ = 0;   // a[i-1], or a[0] for order 0
  std::uint64_t step_ = 0;    // g * s[i-1]
};

}  // namespace silverback::storage
