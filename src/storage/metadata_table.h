// MetadataTable: type, help and unit of metrics, the newest of each.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "model/appender.h"
#include "model/sample.h"

namespace silverback::storage {

class MetadataTable {
 public:
  explicit MetadataTable(std::uint64_t most) : most_(most) {}

  /// Those of `entries` that say something new. They are kept as soon as put() has them.
  std::vector<Metadata> changed(Tenant tenant, std::vector<Metadata> entries) const EXCLUDES(mutex_);
  /// Beyond the bound those that were put the longest ago go.
  void put(Tenant tenant, std::span<const Metadata> entries) EXCLUDES(mutex_);

  std::vector<Metadata> get(Tenant tenant, std::string_view metric, std::size_t limit) const EXCLUDES(mutex_);

  /// What was put and removed since the last call, for the registry.
  struct Changes {
    std::map<Tenant, std::vector<Metadata>> put;
    std::map<Tenant, std::vector<std::string>> removed;
  };
  Changes take_changes() EXCLUDES(mutex_);
  /// The registry could not take them: they are due again.
  void give_back(Changes changes) EXCLUDES(mutex_);

 private:
  using Key = std::pair<Tenant, std::string>;
  struct Entry {
    Metadata metadata;
    std::uint64_t put = 0;  // number of the putting
    bool unsaved = true;
  };
  void evict() REQUIRES(mutex_);

  const std::uint64_t most_;
  mutable Mutex mutex_;
  std::map<Key, Entry> entries_ GUARDED_BY(mutex_);
  std::map<std::uint64_t, Key> by_age_ GUARDED_BY(mutex_);
  std::vector<Key> removed_ GUARDED_BY(mutex_);
  std::uint64_t next_ GUARDED_BY(mutex_) = 1;
};

}  // namespace silverback::storage
