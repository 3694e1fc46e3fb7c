// Inhibitor: which alerts are muted because others fire.
//
// An alert that matches a rule's target is muted while another one fires that matches its source and has the
// same values for the labels in `equal`. What matches both sides does not mute what does so, too. Source:
// https://prometheus.io/docs/alerting/latest/configuration/#inhibition-related-settings
//
// Threads: none; its owner locks.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "alerting/notify/alert.h"
#include "alerting/notify/config.h"

namespace silverback::notify {

class Inhibitor {
 public:
  Inhibitor() = default;
  explicit Inhibitor(const std::vector<InhibitRule>& rules);

  /// Of an alert that is there, until remove(): of the same labels at any time the newest.
  void set(const NotifiedAlert& alert);
  void remove(const Labels& labels);

  /// Fingerprints of those that mute it at `now_ns`, one of each rule.
  std::vector<std::string> inhibiting(const Labels& labels, std::int64_t now_ns) const;

 private:
  struct Source {
    std::int64_t ends_ns = 0;
    bool both_sides = false;  // it matches the rule's target, too
  };
  struct Rule {
    InhibitRule spec;
    std::map<std::string, std::map<Labels, Source>> sources;  // by the values of `equal`
    std::string key(const Labels& labels) const;
  };
  std::vector<Rule> rules_;
};

}  // namespace silverback::notify
