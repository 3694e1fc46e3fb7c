#include "query/grouping.h"

#include <algorithm>

namespace silverback::query {
namespace {

std::vector<std::string> sorted_unique(std::vector<std::string> names) {
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

}  // namespace

Grouping::Grouping(Keep keep, std::vector<std::string> names)
    : keep_(keep), names_(sorted_unique(std::move(names))) {}

void Grouping::make_key(const Labels& labels, bool drop_name) {
  key_.clear();
  if (keep_ == Keep::These && names_.empty()) return;
  auto name = names_.begin();
  for (const LabelView& pair : labels) {
    while (name != names_.end() && *name < pair.name) ++name;
    const bool named = name != names_.end() && *name == pair.name;
    if (named != (keep_ == Keep::These)) continue;
    if (drop_name && pair.name == kMetricName) continue;
    append_label(key_, pair.name, pair.value);
  }
}

std::size_t Grouping::group_of(const Labels& labels, bool drop_name) {
  make_key(labels, drop_name);
  if (const auto known = groups_.find(std::string_view(key_)); known != groups_.end()) return known->second;
  const auto [it, added] = groups_.emplace(key_, keys_.size());
  keys_.push_back(&it->first);
  return it->second;
}

std::size_t Grouping::find(const Labels& labels) {
  make_key(labels, false);
  const auto known = groups_.find(std::string_view(key_));
  return known == groups_.end() ? npos : known->second;
}

Labels Grouping::labels_of(std::size_t group) const { return *Labels::from_bytes(*keys_[group]); }

}  // namespace silverback::query
