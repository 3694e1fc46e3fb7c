// StorageAdmin: what an operator asks of the store, as api sees it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"

namespace silverback {

struct StorageStats {
  std::uint64_t head_series = 0;
  std::uint64_t total_series = 0;
  std::uint64_t head_chunks = 0;
  std::uint64_t head_samples = 0;  // in memory, not yet in windows
  std::uint64_t head_bytes = 0;
  std::int64_t head_min_ns = 0;
  std::int64_t head_max_ns = 0;
  std::uint64_t wal_bytes = 0;
  std::uint64_t wal_segment = 0;
  std::uint64_t windows = 0;  // persisted
  std::uint64_t label_pairs = 0;
  struct NamedCount {
    std::string name;
    std::uint64_t count = 0;
  };
  std::vector<NamedCount> series_by_metric;  // the top ones, most first
  std::vector<NamedCount> values_by_label;
};

/// Threads: any.
class StorageAdmin {
 public:
  virtual ~StorageAdmin() = default;
  /// Everything in memory to windows on disk; returns when done.
  virtual Status flush() = 0;
  /// `top` entries in each list of names; 0 leaves the lists empty, which is cheap.
  virtual StorageStats stats(std::size_t top) const = 0;
  /// Ready to serve, or Unavailable with what it is doing ("replaying the log, 40 % done").
  virtual Status ready() const = 0;
};

}  // namespace silverback
