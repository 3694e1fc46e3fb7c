#include "alerting/notify/inhibitor.h"

#include "base/bytes.h"

namespace silverback::notify {

Inhibitor::Inhibitor(const std::vector<InhibitRule>& rules) {
  for (const InhibitRule& rule : rules) rules_.push_back({rule, {}});
}

std::string Inhibitor::Rule::key(const Labels& labels) const {
  std::string values;
  for (const std::string& name : spec.equal) put_string(values, labels.get(name));
  return values;
}

void Inhibitor::set(const NotifiedAlert& alert) {
  for (Rule& rule : rules_) {
    if (!matches(rule.spec.source, alert.labels)) continue;
    rule.sources[rule.key(alert.labels)][alert.labels] = {alert.ends_ns,
                                                          matches(rule.spec.target, alert.labels)};
  }
}

void Inhibitor::remove(const Labels& labels) {
  for (Rule& rule : rules_) {
    const auto it = rule.sources.find(rule.key(labels));
    if (it == rule.sources.end()) continue;
    it->second.erase(labels);
    if (it->second.empty()) rule.sources.erase(it);
  }
}

std::vector<std::string> Inhibitor::inhibiting(const Labels& labels, std::int64_t now_ns) const {
  std::vector<std::string> muting;
  for (const Rule& rule : rules_) {
    if (!matches(rule.spec.target, labels)) continue;
    const auto sources = rule.sources.find(rule.key(labels));
    if (sources == rule.sources.end()) continue;
    const bool both_sides = matches(rule.spec.source, labels);
    for (const auto& [source, about] : sources->second) {
      const bool fires = about.ends_ns == 0 || about.ends_ns > now_ns;
      if (!fires || (both_sides && about.both_sides)) continue;
      muting.push_back(fingerprint_text(source));
      break;
    }
  }
  return muting;
}

}  // namespace silverback::notify
