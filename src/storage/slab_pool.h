// SlabPool: small blocks of a few sizes for what a series holds while it is open.
//
// Blocks of one size share slabs of 16 KiB. When the last block of a slab is given back the slab returns to
// the SlabSource and serves any other size, so that half a million raw tails that grow from 8 to 12 samples
// leave nothing behind in the class of 8. A block carries no header: its slab is found by its address.
//
// Source: Bonwick, "The Slab Allocator: An Object-Caching Kernel Memory Allocator", USENIX 1994, section 3.2;
// sizes and the address mask are ours.
//
// Threads: SlabSource any; a SlabPool belongs to its shard and is used under that shard's lock.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/mutex.h"

namespace silverback::storage {

struct Slab;

/// Where slabs come from: regions of the operating system's memory, kept until the source goes. Blocks need
/// not be given back before that: the regions go with everything in them.
class SlabSource {
 public:
  static constexpr std::size_t kSlabBytes = 16 << 10;

  SlabSource() = default;
  ~SlabSource();
  SlabSource(const SlabSource&) = delete;
  SlabSource& operator=(const SlabSource&) = delete;

  /// A slab's worth of memory, aligned to its size. @throws std::bad_alloc
  void* take() EXCLUDES(mutex_);
  void give_back(void* slab) EXCLUDES(mutex_);

 private:
  static constexpr std::size_t kRegionBytes = 2 << 20;
  static constexpr std::size_t kPlainRegions = 1;  // a small store does without huge pages
  static constexpr std::size_t kKeep = 256;        // free slabs that stay resident; the rest go to the system

  Mutex mutex_;
  std::vector<void*> regions_ GUARDED_BY(mutex_);
  std::vector<void*> resident_ GUARDED_BY(mutex_);  // free, and still backed by memory
  std::vector<void*> released_ GUARDED_BY(mutex_);  // free, and the system has their pages
};

class SlabPool {
 public:
  /// Sizes served, ascending; larger blocks come from the heap.
  static constexpr std::array<std::uint32_t, 11> kSizes{64,  96,  128, 192,  256, 320,
                                                        384, 512, 768, 1024, 2048};
  static constexpr std::uint32_t kLargest = kSizes.back();

  explicit SlabPool(SlabSource& source) : source_(source) {}
  SlabPool(const SlabPool&) = delete;
  SlabPool& operator=(const SlabPool&) = delete;

  /// The size that allocate(bytes) really gives.
  static std::uint32_t capacity_for(std::size_t bytes);

  void* allocate(std::size_t bytes);
  /// @param bytes  what was asked for, or any number of the same capacity_for()
  void free(void* block, std::size_t bytes);

  /// In blocks handed out.
  std::uint64_t used_bytes() const { return used_bytes_; }

 private:
  struct SizeClass {
    Slab* partial = nullptr;  // slabs with room, doubly linked
  };
  static std::size_t class_of(std::size_t bytes);
  Slab* new_slab(std::size_t size_class);
  void unlink(SizeClass& list, Slab* slab);
  void link(SizeClass& list, Slab* slab);

  SlabSource& source_;
  std::array<SizeClass, kSizes.size()> classes_{};
  std::uint64_t used_bytes_ = 0;
};

}  // namespace silverback::storage
