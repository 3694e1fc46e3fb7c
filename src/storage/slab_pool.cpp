#include "storage/slab_pool.h"

#include <sys/mman.h>

#include <cassert>
#include <new>

namespace silverback::storage {

/// At the start of each slab; blocks follow from offset sizeof(Slab) on, rounded up to 64.
struct Slab {
  Slab* previous;
  Slab* next;
  std::uint32_t block_bytes;
  std::uint32_t live;
  std::uint32_t free_head;  // offset of the first free block, 0 for none; its first 4 bytes hold the next
  std::uint32_t untouched;  // offset from which no block was ever handed out
};

namespace {

constexpr std::uint32_t kFirstBlock = 64;
static_assert(sizeof(Slab) <= kFirstBlock);

Slab* slab_of(void* block) {
  const auto address = reinterpret_cast<std::uintptr_t>(block);
  return reinterpret_cast<Slab*>(address & ~(SlabSource::kSlabBytes - 1));
}

bool has_room(const Slab& slab) {
  return slab.free_head != 0 || slab.untouched + slab.block_bytes <= SlabSource::kSlabBytes;
}

std::uint32_t& next_free(Slab* slab, std::uint32_t offset) {
  return *reinterpret_cast<std::uint32_t*>(reinterpret_cast<char*>(slab) + offset);
}

}  // namespace

SlabSource::~SlabSource() {
  for (void* region : regions_) munmap(region, kRegionBytes);
}

void* SlabSource::take() {
  const MutexLock lock(mutex_);
  for (auto* list : {&resident_, &released_}) {
    if (list->empty()) continue;
    void* slab = list->back();
    list->pop_back();
    return slab;
  }
  // Twice the size, of which the aligned part stays: a region's slabs then share one huge page, which at
  // half a million series saves a page walk per append.
  void* raw = mmap(nullptr, 2 * kRegionBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (raw == MAP_FAILED) throw std::bad_alloc();
  char* const begin = static_cast<char*>(raw);
  char* const region = reinterpret_cast<char*>((reinterpret_cast<std::uintptr_t>(raw) + kRegionBytes - 1) &
                                               ~(kRegionBytes - 1));
  if (region > begin) munmap(begin, static_cast<std::size_t>(region - begin));
  if (char* const end = region + kRegionBytes; end < begin + 2 * kRegionBytes) {
    munmap(end, static_cast<std::size_t>(begin + 2 * kRegionBytes - end));
  }
  if (regions_.size() >= kPlainRegions) madvise(region, kRegionBytes, MADV_HUGEPAGE);
  regions_.push_back(region);
  released_.reserve(regions_.size() * (kRegionBytes / kSlabBytes));
  for (std::size_t offset = kRegionBytes; offset > kSlabBytes;) {
    offset -= kSlabBytes;
    released_.push_back(region + offset);
  }
  return region;
}

void SlabSource::give_back(void* slab) {
  const MutexLock lock(mutex_);
  if (resident_.size() < kKeep) {
    resident_.push_back(slab);
    return;
  }
  madvise(slab, kSlabBytes, MADV_DONTNEED);
  released_.push_back(slab);
}

std::size_t SlabPool::class_of(std::size_t bytes) {
  std::size_t i = 0;
  while (kSizes[i] < bytes) ++i;
  return i;
}

std::uint32_t SlabPool::capacity_for(std::size_t bytes) {
  return bytes > kLargest ? static_cast<std::uint32_t>(bytes) : kSizes[class_of(bytes)];
}

void* SlabPool::allocate(std::size_t bytes) {
  used_bytes_ += capacity_for(bytes);
  if (bytes > kLargest) return ::operator new(bytes);
  const std::size_t size_class = class_of(bytes);
  SizeClass& list = classes_[size_class];
  Slab* slab = list.partial != nullptr ? list.partial : new_slab(size_class);
  std::uint32_t offset = slab->free_head;
  if (offset != 0) {
    slab->free_head = next_free(slab, offset);
  } else {
    offset = slab->untouched;
    slab->untouched += slab->block_bytes;
  }
  ++slab->live;
  if (!has_room(*slab)) unlink(list, slab);
  return reinterpret_cast<char*>(slab) + offset;
}

void SlabPool::free(void* block, std::size_t bytes) {
  used_bytes_ -= capacity_for(bytes);
  if (bytes > kLargest) {
    ::operator delete(block);
    return;
  }
  Slab* slab = slab_of(block);
  SizeClass& list = classes_[class_of(bytes)];
  assert(slab->block_bytes == kSizes[class_of(bytes)] && "a block goes back to the size it came from");
  if (!has_room(*slab)) link(list, slab);
  const auto offset = static_cast<std::uint32_t>(static_cast<char*>(block) - reinterpret_cast<char*>(slab));
  next_free(slab, offset) = slab->free_head;
  slab->free_head = offset;
  if (--slab->live > 0) return;
  unlink(list, slab);
  source_.give_back(slab);
}

Slab* SlabPool::new_slab(std::size_t size_class) {
  Slab* slab = new (source_.take()) Slab{nullptr, nullptr, kSizes[size_class], 0, 0, kFirstBlock};
  link(classes_[size_class], slab);
  return slab;
}

void SlabPool::link(SizeClass& list, Slab* slab) {
  slab->previous = nullptr;
  slab->next = list.partial;
  if (list.partial != nullptr) list.partial->previous = slab;
  list.partial = slab;
}

void SlabPool::unlink(SizeClass& list, Slab* slab) {
  (slab->previous != nullptr ? slab->previous->next : list.partial) = slab->next;
  if (slab->next != nullptr) slab->next->previous = slab->previous;
}

}  // namespace silverback::storage
