// ProgressTable: how far each source has been taken in.
//
// Two positions of each: applied() follows the head, so a checkpoint that holds a batch's samples holds its
// progress, too; durable() follows the log, so that nobody goes on from a position that a kill would take
// back.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "model/appender.h"

namespace silverback::storage {

class ProgressTable {
 public:
  void apply(std::span<const Progress> progress) EXCLUDES(mutex_);
  /// What was applied is in the log now.
  void confirm(std::span<const Progress> progress) EXCLUDES(mutex_);
  /// From a checkpoint or the log: both.
  void restore(std::span<const Progress> progress) EXCLUDES(mutex_);

  std::vector<Progress> applied() const EXCLUDES(mutex_);
  /// Of sources whose names begin with `prefix`, by name.
  std::vector<Progress> durable(std::string_view prefix) const EXCLUDES(mutex_);

 private:
  struct Positions {
    std::int64_t applied = 0;
    std::int64_t durable = 0;
    bool kept = false;  // there is a durable one
  };
  mutable Mutex mutex_;
  std::map<std::string, Positions, std::less<>> sources_ GUARDED_BY(mutex_);
};

}  // namespace silverback::storage
