// ParallelApply: puts decoded records into the head with several threads, while the log is read on.
//
//   log -> next() is filled -> submit() ==> [group | group | group] ==> worker 0: shards 0, 2, 4 ...
//                                                                   ==> worker 1: shards 1, 3, 5 ...
//
// Every worker goes through every group in order and takes the series of its own shards, so a series gets
// its samples in the order of submit(), as if one thread had applied them all.
//
// Records wait in groups, so that threads meet seldom. The groups are few, and what waits in them is bounded
// by kMaxWaiting samples and one record: a record of any size waits alone.
//
// Threads: one caller. Nobody else appends to the head meanwhile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "model/appender.h"
#include "storage/head.h"

namespace silverback::storage {

class ParallelApply {
 public:
  struct Record {
    Batch batch;
    std::vector<SeriesRef> refs;  // one per run; kNoSeries is left out
  };

  /// @param workers  0: the caller's thread applies, at submit(); else rounded down to a power of two, and
  ///                 no more than there are shards
  ParallelApply(Head& head, std::uint32_t workers);
  /// Waits until everything is applied.
  ~ParallelApply() { finish(); }
  ParallelApply(const ParallelApply&) = delete;
  ParallelApply& operator=(const ParallelApply&) = delete;

  /// To be filled; valid until submit(). The same one until then. Waits when too much waits already.
  Record& next() EXCLUDES(mutex_);
  /// What next() gave goes behind all before it.
  void submit() EXCLUDES(mutex_);
  /// Everything is applied when this returns, and the threads are gone. Again is harmless.
  void finish() EXCLUDES(mutex_);

 private:
  static constexpr std::size_t kGroups = 6;
  static constexpr std::size_t kGroupSamples = 1 << 14;
  static constexpr std::size_t kMaxWaiting = 1 << 17;   // samples; some 6 MiB
  static constexpr std::size_t kKeptSamples = 1 << 16;  // larger buffers are not kept for the next record

  struct Group {
    std::vector<Record> records;
    std::size_t used = 0;
    std::size_t samples = 0;
  };

  Group& group(std::uint64_t number) { return groups_[number % kGroups]; }
  void apply(const Group& group, std::uint32_t worker);
  void work(std::uint32_t worker) EXCLUDES(mutex_);
  void hand_over() EXCLUDES(mutex_);
  /// Takes back what every worker is done with.
  void reclaim() REQUIRES(mutex_);
  static void clear(Group& group);

  // Fixed after construction.
  Head& head_;
  const std::uint32_t workers_;

  // A group between done_ and filled_ belongs to the workers, which only read it; others to the caller.
  std::vector<Group> groups_{kGroups};

  Mutex mutex_;
  Condition filled_more_;
  Condition done_more_;
  std::uint64_t filled_ GUARDED_BY(mutex_) = 0;         // groups handed over
  std::uint64_t reclaimed_ GUARDED_BY(mutex_) = 0;      // and empty again
  std::vector<std::uint64_t> done_ GUARDED_BY(mutex_);  // by worker
  std::size_t waiting_ GUARDED_BY(mutex_) = 0;          // samples between the two
  bool ended_ GUARDED_BY(mutex_) = false;

  std::uint64_t filling_ = 0;  // the caller's own: the group it fills

  std::vector<std::jthread> threads_;  // last member: joined before the rest goes away
};

}  // namespace silverback::storage
