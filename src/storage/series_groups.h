// SeriesGroups: series that look alike once hidden labels are gone, and twins of different value types, are
// one series to whoever asks.
//
// Threads: a value.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/sample.h"
#include "storage/label_index.h"

namespace silverback::storage {

class SeriesGroups {
 public:
  /// @param refs  ascending, of one tenant. @param hide_hidden  hidden labels do not count
  SeriesGroups(std::vector<SeriesRef> refs, const LabelIndex& index, Tenant tenant, bool hide_hidden);

  /// What finding the groups of so many series takes, for a while.
  static std::uint64_t bytes_to_find(std::size_t series) { return series * std::uint64_t{56}; }
  std::uint64_t memory_bytes() const { return (refs_.capacity() + starts_.capacity()) * sizeof(SeriesRef); }

  std::size_t size() const { return starts_.empty() ? refs_.size() : starts_.size() - 1; }
  /// Ascending; the first one names the group. Groups are in order of their first series.
  std::span<const SeriesRef> group(std::size_t i) const {
    if (starts_.empty()) return {&refs_[i], 1};
    return {&refs_[starts_[i]], starts_[i + 1] - starts_[i]};
  }

 private:
  std::vector<SeriesRef> refs_;        // group by group
  std::vector<std::uint32_t> starts_;  // empty when every series is alone
};

bool has_hidden(const Labels& labels);
/// Without hidden labels.
Labels visible(const Labels& labels);

}  // namespace silverback::storage
