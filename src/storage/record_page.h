// RecordPage: the Values records of neighbouring series in one window; RecordPages: those in use lately.
//
// Looking a record up in RocksDB costs some microseconds, and stepping over one costs 60 ns, in the end for a
// few hundred bytes. Queries come back to the same series, and series that are asked for together are
// neighbours: a page keeps what was read of 64 of them as it is on disk, uncompressed, and finds a record by
// two array accesses.
//
// A page belongs to the window as its newest flush left it: a later flush into the window makes other pages,
// and nobody asks for the old ones again.
//
// Threads: a page is immutable once shared; RecordPages any.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/sample.h"
#include "storage/recent_cache.h"

namespace silverback::storage {

class RecordPage {
 public:
  static constexpr std::uint32_t kSeries = 64;
  /// Long strings make pages that are not worth keeping.
  static constexpr std::size_t kMostBytes = 1 << 20;

  struct Record {
    std::uint32_t generation;
    std::uint32_t begin;
    std::uint32_t size;
  };

  static std::uint32_t number_of(SeriesRef ref) { return static_cast<std::uint32_t>(ref) / kSeries; }

  /// By ascending ref, and for each by ascending generation; then finish().
  /// @returns false when the page is too large: it stays as it is, and holds nothing
  bool add(SeriesRef ref, std::uint32_t generation, std::string_view bytes);
  void finish();

  /// Records are looked up one by one instead.
  bool too_large() const { return too_large_; }
  std::span<const Record> of(SeriesRef ref) const {
    const std::uint32_t at = static_cast<std::uint32_t>(ref) % kSeries;
    return std::span(records_).subspan(first_[at], first_[at + 1] - first_[at]);
  }
  std::string_view bytes(const Record& record) const {
    return std::string_view(bytes_).substr(record.begin, record.size);
  }
  std::size_t weight() const {
    return sizeof(RecordPage) + kOverhead + records_.capacity() * sizeof(Record) + bytes_.capacity();
  }

 private:
  static constexpr std::size_t kOverhead = 96;  // of the cache for each entry

  std::array<std::uint32_t, kSeries + 1> first_{};  // of each series' records; counts until finish()
  std::vector<Record> records_;
  std::string bytes_;
  bool too_large_ = false;
};

class RecordPages {
 public:
  struct Key {
    std::int32_t window = 0;
    std::uint32_t generation = 0;  // the window's newest
    std::uint32_t page = 0;
    friend bool operator==(const Key&, const Key&) = default;
    std::size_t hash() const {
      const auto a = std::uint64_t{static_cast<std::uint32_t>(window)} << 32 | generation;
      const std::uint64_t x = (a * 0x9e37'79b9'7f4a'7c15 ^ page) * 0xc2b2'ae3d'27d4'eb4f;
      return x ^ x >> 32;
    }
  };

  explicit RecordPages(std::size_t max_bytes) : cache_(max_bytes), asked_(kAsked) {}

  std::shared_ptr<const RecordPage> find(const Key& key) { return cache_.find(key); }
  void insert(const Key& key, std::shared_ptr<const RecordPage> page) { cache_.insert(key, std::move(page)); }

  /// Whether the page was asked for before, as far as is remembered; from now on it was.
  bool asked_again(const Key& key) {
    const std::size_t hash = key.hash();
    return asked_[hash % kAsked].exchange(static_cast<std::uint32_t>(hash >> 32),
                                          std::memory_order_relaxed) ==
           static_cast<std::uint32_t>(hash >> 32);
  }

  std::size_t bytes() const { return cache_.weight() + kAsked * sizeof(std::uint32_t); }

 private:
  static constexpr std::size_t kAsked = 1 << 14;

  RecentCache<Key, RecordPage> cache_;
  std::vector<std::atomic<std::uint32_t>> asked_;  // halves of hashes; the last to come stays. Orders nothing
};

}  // namespace silverback::storage
