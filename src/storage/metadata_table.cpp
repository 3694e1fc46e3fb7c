#include "storage/metadata_table.h"

#include <algorithm>

namespace silverback::storage {

std::vector<Metadata> MetadataTable::changed(Tenant tenant, std::vector<Metadata> entries) const {
  std::vector<Metadata> changed;
  const MutexLock lock(mutex_);
  for (Metadata& entry : entries) {
    const auto it = entries_.find({tenant, entry.metric});
    if (it == entries_.end() || !(it->second.metadata == entry)) changed.push_back(std::move(entry));
  }
  return changed;
}

void MetadataTable::put(Tenant tenant, std::span<const Metadata> entries) {
  const MutexLock lock(mutex_);
  for (const Metadata& metadata : entries) {
    const Key key{tenant, metadata.metric};
    Entry& entry = entries_[key];
    if (entry.put != 0) by_age_.erase(entry.put);
    entry.metadata = metadata;
    entry.put = next_++;
    entry.unsaved = true;
    by_age_.emplace(entry.put, key);
  }
  evict();
}

void MetadataTable::evict() {
  while (entries_.size() > most_) {
    const auto oldest = by_age_.begin();
    removed_.push_back(oldest->second);
    entries_.erase(oldest->second);
    by_age_.erase(oldest);
  }
}

std::vector<Metadata> MetadataTable::get(Tenant tenant, std::string_view metric, std::size_t limit) const {
  std::vector<Metadata> out;
  const MutexLock lock(mutex_);
  for (auto it = entries_.lower_bound({tenant, std::string(metric)}); it != entries_.end(); ++it) {
    if (it->first.first != tenant || (!metric.empty() && it->first.second != metric)) break;
    if (limit != 0 && out.size() == limit) break;
    out.push_back(it->second.metadata);
  }
  return out;
}

MetadataTable::Changes MetadataTable::take_changes() {
  Changes out;
  const MutexLock lock(mutex_);
  for (auto& [key, entry] : entries_) {
    if (!entry.unsaved) continue;
    entry.unsaved = false;
    out.put[key.first].push_back(entry.metadata);
  }
  for (const Key& key : removed_) {
    if (!entries_.contains(key)) out.removed[key.first].push_back(key.second);
  }
  removed_.clear();
  return out;
}

void MetadataTable::give_back(Changes changes) {
  const MutexLock lock(mutex_);
  for (const auto& [tenant, entries] : changes.put) {
    for (const Metadata& metadata : entries) {
      if (const auto it = entries_.find({tenant, metadata.metric}); it != entries_.end())
        it->second.unsaved = true;
    }
  }
  for (const auto& [tenant, metrics] : changes.removed) {
    for (const std::string& metric : metrics) removed_.emplace_back(tenant, metric);
  }
}

}  // namespace silverback::storage
