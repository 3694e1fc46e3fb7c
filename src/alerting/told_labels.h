// ToldLabels: the labels under which others hear of an alert: its own, the external labels where it has none
// of that name, then `alert_relabel_configs` over all of them.
//
// Threads: any.
#pragma once

#include <optional>
#include <vector>

#include "alerting/relabel.h"
#include "alerting/rule_file.h"
#include "model/labels.h"

namespace silverback::alerting {

class ToldLabels {
 public:
  ToldLabels(TextPairs external_labels, const std::vector<RelabelRule>& rules);

  /// @returns nothing when nobody is to hear of the alert
  std::optional<Labels> of(const Labels& alert) const;

 private:
  const TextPairs external_labels_;
  const Relabeller relabel_;
};

}  // namespace silverback::alerting
