#include "storage/parallel_apply.h"

#include <algorithm>
#include <bit>

namespace silverback::storage {

ParallelApply::ParallelApply(Head& head, std::uint32_t workers)
    : head_(head), workers_(std::bit_floor(std::min(workers, head.shard_count()))), done_(workers_, 0) {
  for (std::uint32_t i = 0; i < workers_; ++i) threads_.emplace_back([this, i] { work(i); });
}

ParallelApply::Record& ParallelApply::next() {
  Group& to = group(filling_);
  if (to.used == to.records.size()) to.records.emplace_back();
  return to.records[to.used];
}

void ParallelApply::submit() {
  Group& to = group(filling_);
  to.samples += to.records[to.used++].batch.times_ns.size();
  if (workers_ == 0) {
    apply(to, 0);
    clear(to);
  } else if (to.samples >= kGroupSamples) {
    hand_over();
  }
}

void ParallelApply::hand_over() {
  const MutexLock lock(mutex_);
  waiting_ += group(filling_).samples;
  ++filled_;
  filled_more_.notify_all();
  for (reclaim(); filled_ - reclaimed_ == kGroups || (waiting_ > kMaxWaiting && filled_ > reclaimed_);
       reclaim()) {
    done_more_.wait(mutex_);
  }
  filling_ = filled_;
}

void ParallelApply::reclaim() {
  const std::uint64_t done = *std::min_element(done_.begin(), done_.end());
  for (; reclaimed_ < done; ++reclaimed_) {
    waiting_ -= group(reclaimed_).samples;
    clear(group(reclaimed_));
  }
}

void ParallelApply::clear(Group& group) {
  for (std::size_t i = 0; i < group.used; ++i) {
    if (group.records[i].batch.times_ns.capacity() > kKeptSamples) group.records[i] = {};
  }
  group.used = 0;
  group.samples = 0;
}

void ParallelApply::apply(const Group& group, std::uint32_t worker) {
  const ShardPart part{worker, std::max(workers_, 1u) - 1};
  for (std::size_t i = 0; i < group.used; ++i) {
    const Record& record = group.records[i];
    head_.apply(record.batch, record.refs, part);
  }
}

void ParallelApply::work(std::uint32_t worker) {
  for (std::uint64_t at = 0;; ++at) {
    {
      const MutexLock lock(mutex_);
      while (at == filled_ && !ended_) filled_more_.wait(mutex_);
      if (at == filled_) return;
    }
    apply(group(at), worker);
    const MutexLock lock(mutex_);
    done_[worker] = at + 1;
    done_more_.notify_one();
  }
}

void ParallelApply::finish() {
  if (threads_.empty()) return;
  {
    const MutexLock lock(mutex_);
    if (group(filling_).used > 0) ++filled_;
    ended_ = true;
    filled_more_.notify_all();
  }
  threads_.clear();
}

}  // namespace silverback::storage
