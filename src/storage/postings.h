// Postings: a set of series refs, small in memory whether it holds one ref or a million.
//
//   one ref            in the object itself
//   up to kMaxSmall    gaps as varints: neighbours, which arrive together, cost one byte each
//   more               a roaring bitmap, run-optimised as it grows, behind a short tail of fresh refs
//
// Source: Lemire et al., "Roaring Bitmaps: Implementation of an Optimized Software Library", 2018; the
// library is CRoaring. RefSet is the bare bitmap in which selections are computed.
//
// Threads: as containers, many readers or one writer.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "model/sample.h"

struct roaring_bitmap_s;

namespace silverback::storage {

/// An owned roaring bitmap of refs, with the set algebra that selections need.
class RefSet {
 public:
  RefSet();
  explicit RefSet(std::span<const SeriesRef> refs);
  RefSet(RefSet&&) noexcept;
  RefSet& operator=(RefSet&&) noexcept;
  ~RefSet();

  bool empty() const;
  std::uint64_t size() const;
  bool contains(SeriesRef ref) const;
  void add(SeriesRef ref);
  void add_many(std::span<const std::uint32_t> refs);
  void unite(const RefSet& other);
  void intersect(const RefSet& other);
  void subtract(const RefSet& other);
  bool intersects(const RefSet& other) const;
  RefSet copy() const;
  std::vector<SeriesRef> to_vector() const;

 private:
  friend class Postings;
  explicit RefSet(roaring_bitmap_s* bitmap) : bitmap_(bitmap) {}
  roaring_bitmap_s* bitmap_;
};

class Postings {
 public:
  static constexpr std::uint32_t kMaxSmall = 128;

  Postings() = default;
  Postings(Postings&& other) noexcept;
  Postings& operator=(Postings&& other) noexcept;
  ~Postings();

  /// Quick when `ref` is beyond all others, right in any case; adding twice changes nothing.
  void add(SeriesRef ref);
  /// Takes out every ref that is in `gone`.
  void remove(const RefSet& gone);

  std::uint32_t size() const { return count_; }
  bool contains(SeriesRef ref) const;
  bool intersects(const RefSet& set) const;
  /// set := set and this
  void intersect_into(RefSet& set) const;
  /// Appends the refs that are in both, in no order.
  void append_common(const RefSet& set, std::vector<std::uint32_t>& out) const;
  /// set := set without this
  void subtract_from(RefSet& set) const;
  /// set := set or this
  void unite_into(RefSet& set) const;
  RefSet to_set() const;
  /// Appends all refs, ascending.
  void append_to(std::vector<std::uint32_t>& out) const;
  std::size_t memory_bytes() const;  // on the heap

 private:
  struct Big;
  static constexpr std::uint16_t kBigForm = 0xffff;

  bool big() const { return gaps_capacity_ == kBigForm; }
  void append_gap(std::uint32_t gap);
  void rebuild(const std::vector<std::uint32_t>& refs);
  void become_big();
  void free_heap();

  union {
    char* gaps_ = nullptr;  // count_ - 1 varints, from first_ on
    Big* big_;
  };
  std::uint32_t count_ = 0;
  std::uint32_t first_ = 0;
  std::uint32_t last_ = 0;
  std::uint16_t gaps_used_ = 0;
  std::uint16_t gaps_capacity_ = 0;
};

}  // namespace silverback::storage
