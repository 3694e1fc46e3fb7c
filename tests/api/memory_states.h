// MemoryStates: a StateStore that forgets, and fails when it is told to.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "base/mutex.h"
#include "model/state_store.h"

namespace silverback::api {

class MemoryStates final : public StateStore {
 public:
  Status apply(const StateBatch& batch) override {
    const MutexLock lock(mutex_);
    if (!failure_.ok()) return failure_;
    for (const auto& [key, value] : batch.changes()) {
      if (value) {
        values_[key] = *value;
      } else {
        values_.erase(key);
      }
    }
    return {};
  }
  Status scan(std::string_view prefix,
              const std::function<bool(std::string_view, std::string_view)>& each) const override {
    const MutexLock lock(mutex_);
    for (auto it = values_.lower_bound(prefix); it != values_.end() && it->first.starts_with(prefix); ++it) {
      if (!each(it->first, it->second)) break;
    }
    return {};
  }
  void fail(Status failure) {
    const MutexLock lock(mutex_);
    failure_ = std::move(failure);
  }

 private:
  mutable Mutex mutex_;
  std::map<std::string, std::string, std::less<>> values_ GUARDED_BY(mutex_);
  Status failure_ GUARDED_BY(mutex_);
};

}  // namespace silverback::api
