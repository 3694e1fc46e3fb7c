// RecordingRule: an expression whose samples become series of another name.
//
// Threads: none; belongs to its group.
#pragma once

#include <vector>

#include "alerting/rule.h"

namespace silverback::alerting {

class RecordingRule {
 public:
  /// @param spec  checked by parse_rule_file()
  explicit RecordingRule(RuleSpec spec) : spec_(std::move(spec)) {}

  /// @returns Unprocessable when two samples get the same labels, ResourceExhausted over the group's limit,
  /// or the
  ///          expression's own failure
  Result<std::vector<RuleSample>> evaluate(const RuleContext& context) const;

  const RuleSpec& spec() const { return spec_; }

 private:
  RuleSpec spec_;  // fixed
};

}  // namespace silverback::alerting
