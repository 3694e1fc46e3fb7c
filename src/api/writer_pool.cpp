#include "api/writer_pool.h"

namespace silverback::api {
namespace {

constexpr std::size_t kMostDecodedBytesKept = 8 << 20;

}  // namespace

WriterPool::WriterPool(const ingest::WriteTargets& targets, const ingest::WriteLimits& limits)
    : targets_(targets), limits_(limits) {}

WriterPool::Borrowed WriterPool::borrow() {
  {
    const MutexLock lock(mutex_);
    if (!idle_.empty()) {
      auto set = std::move(idle_.back());
      idle_.pop_back();
      return {*this, std::move(set)};
    }
  }
  return {*this, std::make_unique<WriterSet>(targets_, limits_)};
}

void WriterPool::give_back(std::unique_ptr<WriterSet> set) {
  if (set->decoded.capacity() > kMostDecodedBytesKept) std::string().swap(set->decoded);
  const MutexLock lock(mutex_);
  idle_.push_back(std::move(set));
}

}  // namespace silverback::api
