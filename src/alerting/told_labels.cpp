#include "alerting/told_labels.h"

#include <utility>

namespace silverback::alerting {

ToldLabels::ToldLabels(TextPairs external_labels, const std::vector<RelabelRule>& rules)
    : external_labels_(std::move(external_labels)), relabel_(rules) {}

std::optional<Labels> ToldLabels::of(const Labels& alert) const {
  LabelsBuilder labels(alert);
  for (const auto& [name, value] : external_labels_) {
    if (labels.get(name).empty()) labels.set(name, value);
  }
  return relabel_.apply(labels.build());
}

}  // namespace silverback::alerting
