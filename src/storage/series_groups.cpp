#include "storage/series_groups.h"

#include <algorithm>

#include "base/hash.h"

namespace silverback::storage {

bool has_hidden(const Labels& labels) {
  // In order of names, and these begin with what few others do.
  for (const LabelView& label : labels) {
    if (is_hidden_label(label.name)) return true;
    if (label.name > kRetentionPolicyLabel) break;
  }
  return false;
}

Labels visible(const Labels& labels) {
  if (!has_hidden(labels)) return labels;
  std::string bytes;
  for (const LabelView& label : labels) {
    if (!is_hidden_label(label.name)) append_label(bytes, label.name, label.value);
  }
  return Labels::from_checked_bytes(std::move(bytes));
}

SeriesGroups::SeriesGroups(std::vector<SeriesRef> refs, const LabelIndex& index, Tenant tenant,
                           bool hide_hidden)
    : refs_(std::move(refs)) {
  if (refs_.size() < 2 || !index.may_look_alike(tenant)) return;
  struct Named {
    Hash128 name;
    std::uint32_t at;
  };
  std::vector<Named> named;
  named.reserve(refs_.size());
  std::vector<Hash128> hashes;
  index.label_hashes(refs_, hide_hidden, hashes);
  for (std::uint32_t i = 0; i < hashes.size(); ++i) named.push_back({hashes[i], i});
  std::sort(named.begin(), named.end(), [](const Named& a, const Named& b) {
    if (a.name.lo != b.name.lo) return a.name.lo < b.name.lo;
    return a.name.hi != b.name.hi ? a.name.hi < b.name.hi : a.at < b.at;
  });
  const auto same = [](const Named& a, const Named& b) { return a.name == b.name; };
  if (std::adjacent_find(named.begin(), named.end(), same) == named.end()) return;

  // leader[i]: the first series that looks like series i.
  std::vector<std::uint32_t> leader(refs_.size());
  for (std::size_t i = 0; i < named.size(); ++i) {
    leader[named[i].at] = i > 0 && same(named[i - 1], named[i]) ? leader[named[i - 1].at] : named[i].at;
  }
  std::vector<std::uint32_t> order(refs_.size());
  for (std::uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return leader[a] < leader[b]; });
  std::vector<SeriesRef> grouped;
  grouped.reserve(refs_.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i == 0 || leader[order[i]] != leader[order[i - 1]]) starts_.push_back(static_cast<std::uint32_t>(i));
    grouped.push_back(refs_[order[i]]);
  }
  starts_.push_back(static_cast<std::uint32_t>(order.size()));
  refs_ = std::move(grouped);
}

}  // namespace silverback::storage
