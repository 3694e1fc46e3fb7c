#include "storage/progress_table.h"

namespace silverback::storage {

void ProgressTable::apply(std::span<const Progress> progress) {
  const MutexLock lock(mutex_);
  for (const Progress& one : progress) sources_[one.source].applied = one.position;
}

void ProgressTable::confirm(std::span<const Progress> progress) {
  const MutexLock lock(mutex_);
  for (const Progress& one : progress) {
    Positions& positions = sources_[one.source];
    positions.durable = one.position;
    positions.kept = true;
  }
}

void ProgressTable::restore(std::span<const Progress> progress) {
  apply(progress);
  confirm(progress);
}

std::vector<Progress> ProgressTable::applied() const {
  const MutexLock lock(mutex_);
  std::vector<Progress> all;
  for (const auto& [source, positions] : sources_) all.push_back({source, positions.applied});
  return all;
}

std::vector<Progress> ProgressTable::durable(std::string_view prefix) const {
  const MutexLock lock(mutex_);
  std::vector<Progress> found;
  for (auto it = sources_.lower_bound(prefix); it != sources_.end() && it->first.starts_with(prefix); ++it) {
    if (it->second.kept) found.push_back({it->first, it->second.durable});
  }
  return found;
}

}  // namespace silverback::storage
