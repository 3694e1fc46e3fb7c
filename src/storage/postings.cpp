#include "storage/postings.h"

#include <roaring/roaring.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace silverback::storage {
namespace {

std::uint32_t number(SeriesRef ref) { return static_cast<std::uint32_t>(ref); }

// SeriesRef has the layout of its number.
const std::uint32_t* numbers(std::span<const SeriesRef> refs) {
  return reinterpret_cast<const std::uint32_t*>(refs.data());
}

/// Calls visit(ref) for each ref of the small form.
template <typename Visit>
void for_each_gap(const char* gaps, std::uint32_t first, std::uint32_t count, const Visit& visit) {
  std::uint32_t ref = first;
  visit(ref);
  for (std::uint32_t i = 1; i < count; ++i) {
    std::uint32_t gap = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(*gaps++);
      gap |= static_cast<std::uint32_t>(byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    ref += gap;
    visit(ref);
  }
}

}  // namespace

RefSet::RefSet() : bitmap_(roaring_bitmap_create()) {}
RefSet::RefSet(std::span<const SeriesRef> refs)
    : bitmap_(roaring_bitmap_of_ptr(refs.size(), numbers(refs))) {}
RefSet::RefSet(RefSet&& other) noexcept : bitmap_(std::exchange(other.bitmap_, nullptr)) {}
RefSet& RefSet::operator=(RefSet&& other) noexcept {
  std::swap(bitmap_, other.bitmap_);
  return *this;
}
RefSet::~RefSet() {
  if (bitmap_ != nullptr) roaring_bitmap_free(bitmap_);
}

bool RefSet::empty() const { return roaring_bitmap_is_empty(bitmap_); }
std::uint64_t RefSet::size() const { return roaring_bitmap_get_cardinality(bitmap_); }
bool RefSet::contains(SeriesRef ref) const { return roaring_bitmap_contains(bitmap_, number(ref)); }
void RefSet::add(SeriesRef ref) { roaring_bitmap_add(bitmap_, number(ref)); }
void RefSet::add_many(std::span<const std::uint32_t> refs) {
  roaring_bitmap_add_many(bitmap_, refs.size(), refs.data());
}
void RefSet::unite(const RefSet& other) { roaring_bitmap_or_inplace(bitmap_, other.bitmap_); }
void RefSet::intersect(const RefSet& other) { roaring_bitmap_and_inplace(bitmap_, other.bitmap_); }
void RefSet::subtract(const RefSet& other) { roaring_bitmap_andnot_inplace(bitmap_, other.bitmap_); }
bool RefSet::intersects(const RefSet& other) const {
  return roaring_bitmap_intersect(bitmap_, other.bitmap_);
}
RefSet RefSet::copy() const { return RefSet(roaring_bitmap_copy(bitmap_)); }
std::vector<SeriesRef> RefSet::to_vector() const {
  std::vector<SeriesRef> refs(size());
  roaring_bitmap_to_uint32_array(bitmap_, reinterpret_cast<std::uint32_t*>(refs.data()));
  return refs;
}

struct Postings::Big {
  // Fresh refs gather here: adding them one by one to a bitmap costs ten times as much.
  static constexpr std::uint32_t kTail = 32;

  Big() = default;
  explicit Big(RefSet from) : set(std::move(from)) {}

  void flush() {
    if (tail_used == 0) return;
    // Neighbours extend a run at once; a bitmap takes others one by one.
    if (tail[tail_used - 1] - tail[0] == tail_used - 1) {
      roaring_bitmap_add_range_closed(set.bitmap_, tail[0], tail[tail_used - 1]);
    } else {
      set.add_many({tail, tail_used});
    }
    tail_used = 0;
  }
  std::span<const std::uint32_t> fresh() const { return {tail, tail_used}; }

  /// A run, which neighbours make, then takes four bytes however long it is. Worth it when the set has
  /// doubled, or has grown by an eighth and filled a container of 65536 numbers.
  bool may_compress(std::uint32_t count, std::uint32_t last) const {
    return count / 2 >= compressed_at || (count - count / 9 >= compressed_at && last >> 16 != compressed_key);
  }

  RefSet set;
  std::uint32_t compressed_at = 0;   // count when runs were last looked for
  std::uint32_t compressed_key = 0;  // and the container that was being filled
  std::uint32_t tail_used = 0;
  std::uint32_t tail[kTail];
};

Postings::Postings(Postings&& other) noexcept { *this = std::move(other); }
Postings& Postings::operator=(Postings&& other) noexcept {
  std::swap(gaps_, other.gaps_);
  std::swap(count_, other.count_);
  std::swap(first_, other.first_);
  std::swap(last_, other.last_);
  std::swap(gaps_used_, other.gaps_used_);
  std::swap(gaps_capacity_, other.gaps_capacity_);
  return *this;
}
Postings::~Postings() { free_heap(); }

void Postings::free_heap() {
  if (big()) {
    delete big_;
  } else {
    std::free(gaps_);
  }
  gaps_ = nullptr;
  gaps_used_ = 0;
  gaps_capacity_ = 0;
}

void Postings::add(SeriesRef ref) {
  const std::uint32_t n = number(ref);
  if (count_ > 0 && n <= last_) {
    if (contains(ref)) return;
    if (big()) {
      big_->flush();  // fresh refs stay beyond all others
      big_->set.add(ref);
      ++count_;
      return;
    }
    std::vector<std::uint32_t> refs;
    append_to(refs);
    refs.insert(std::lower_bound(refs.begin(), refs.end(), n), n);
    rebuild(refs);
    return;
  }
  if (count_ == kMaxSmall && !big()) become_big();
  if (big()) {
    big_->tail[big_->tail_used++] = n;
    if (big_->tail_used == Big::kTail) {
      big_->flush();
      if (big_->may_compress(count_, n)) {
        roaring_bitmap_run_optimize(big_->set.bitmap_);
        roaring_bitmap_shrink_to_fit(big_->set.bitmap_);
        big_->compressed_at = count_;
        big_->compressed_key = n >> 16;
      }
    }
  } else if (count_ == 0) {
    first_ = n;
  } else {
    append_gap(n - last_);
  }
  last_ = n;
  ++count_;
}

void Postings::append_gap(std::uint32_t gap) {
  constexpr std::uint16_t kLongest = 5;
  if (gaps_capacity_ - gaps_used_ < kLongest) {
    // malloc hands out 16 n + 8 bytes, from 24 on: take all of them.
    const unsigned wanted = std::max(24u, (gaps_capacity_ + gaps_capacity_ / 3u + 15u) / 16u * 16u + 8u);
    char* const grown = static_cast<char*>(std::realloc(gaps_, wanted));
    if (grown == nullptr) throw std::bad_alloc();
    gaps_ = grown;
    gaps_capacity_ = static_cast<std::uint16_t>(wanted);
  }
  for (; gap >= 0x80; gap >>= 7) gaps_[gaps_used_++] = static_cast<char>(gap | 0x80);
  gaps_[gaps_used_++] = static_cast<char>(gap);
}

void Postings::become_big() {
  std::vector<std::uint32_t> refs;
  append_to(refs);
  auto big = std::make_unique<Big>();
  big->set.add_many(refs);
  free_heap();
  big_ = big.release();
  gaps_capacity_ = kBigForm;
}

void Postings::rebuild(const std::vector<std::uint32_t>& refs) {
  free_heap();
  count_ = 0;
  first_ = 0;
  last_ = 0;
  for (const std::uint32_t ref : refs) add(SeriesRef{ref});
}

void Postings::remove(const RefSet& gone) {
  if (count_ == 0) return;
  if (big()) {
    big_->flush();
    big_->set.subtract(gone);
    count_ = static_cast<std::uint32_t>(big_->set.size());
    last_ = count_ > 0 ? roaring_bitmap_maximum(big_->set.bitmap_) : 0;
    if (count_ > kMaxSmall / 2) return;
  }
  std::vector<std::uint32_t> refs;
  append_to(refs);
  const bool was_big = big();
  if (std::erase_if(refs, [&](std::uint32_t ref) { return gone.contains(SeriesRef{ref}); }) > 0 || was_big)
    rebuild(refs);
}

bool Postings::contains(SeriesRef ref) const {
  const std::uint32_t n = number(ref);
  if (count_ == 0 || n > last_) return false;
  if (big()) {
    const auto fresh = big_->fresh();
    return big_->set.contains(ref) || std::binary_search(fresh.begin(), fresh.end(), n);
  }
  bool found = false;
  for_each_gap(gaps_, first_, count_, [&](std::uint32_t each) { found |= each == n; });
  return found;
}

bool Postings::intersects(const RefSet& set) const {
  if (count_ == 0) return false;
  bool found = false;
  if (big()) {
    if (set.intersects(big_->set)) return true;
    for (const std::uint32_t ref : big_->fresh()) found |= set.contains(SeriesRef{ref});
  } else {
    for_each_gap(gaps_, first_, count_, [&](std::uint32_t ref) { found |= set.contains(SeriesRef{ref}); });
  }
  return found;
}

void Postings::intersect_into(RefSet& set) const {
  std::vector<std::uint32_t> both;
  const auto keep = [&](std::uint32_t ref) {
    if (set.contains(SeriesRef{ref})) both.push_back(ref);
  };
  if (big()) {
    for (const std::uint32_t ref : big_->fresh()) keep(ref);
    set.intersect(big_->set);
  } else {
    if (count_ > 0) for_each_gap(gaps_, first_, count_, keep);
    set = RefSet();
  }
  set.add_many(both);
}

void Postings::append_common(const RefSet& set, std::vector<std::uint32_t>& out) const {
  const auto keep = [&](std::uint32_t ref) {
    if (set.contains(SeriesRef{ref})) out.push_back(ref);
  };
  if (big()) {
    const RefSet common(roaring_bitmap_and(set.bitmap_, big_->set.bitmap_));
    const std::size_t before = out.size();
    out.resize(before + common.size());
    roaring_bitmap_to_uint32_array(common.bitmap_, out.data() + before);
    for (const std::uint32_t ref : big_->fresh()) keep(ref);
  } else if (count_ > 0) {
    for_each_gap(gaps_, first_, count_, keep);
  }
}

void Postings::subtract_from(RefSet& set) const {
  const auto drop = [&](std::uint32_t ref) { roaring_bitmap_remove(set.bitmap_, ref); };
  if (big()) {
    set.subtract(big_->set);
    for (const std::uint32_t ref : big_->fresh()) drop(ref);
  } else if (count_ > 0) {
    for_each_gap(gaps_, first_, count_, drop);
  }
}

void Postings::unite_into(RefSet& set) const {
  if (big()) {
    set.unite(big_->set);
    set.add_many(big_->fresh());
    return;
  }
  std::vector<std::uint32_t> refs;
  append_to(refs);
  set.add_many(refs);
}

RefSet Postings::to_set() const {
  RefSet set;
  if (big()) {
    set = big_->set.copy();
    set.add_many(big_->fresh());
  } else {
    unite_into(set);
  }
  return set;
}

void Postings::append_to(std::vector<std::uint32_t>& out) const {
  const std::size_t before = out.size();
  if (count_ == 0) return;
  if (big()) {
    out.resize(before + big_->set.size());
    roaring_bitmap_to_uint32_array(big_->set.bitmap_, out.data() + before);
    out.insert(out.end(), big_->fresh().begin(), big_->fresh().end());
    return;
  }
  out.reserve(before + count_);
  for_each_gap(gaps_, first_, count_, [&](std::uint32_t ref) { out.push_back(ref); });
}

std::size_t Postings::memory_bytes() const {
  if (!big()) return gaps_capacity_ > 0 ? gaps_capacity_ + 8u : 0;
  return sizeof(Big) + roaring_bitmap_size_in_bytes(big_->set.bitmap_);
}

}  // namespace silverback::storage
