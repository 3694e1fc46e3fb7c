// AlertingRule: an expression whose samples are alerts.
//
//   AlertingRule rule(spec);
//   auto asked = rule.ask(context);                 // runs the queries, changes nothing
//   if (!asked) ...                                 // the state is as before
//   auto evaluated = rule.apply(context, std::move(*asked));      // one step of the state machine
//   for (const Labels& labels : evaluated->changed) keep(rule.find(labels));   // nullptr: it is gone
//
// States follow Prometheus: a sample makes an alert pending; after `for` it fires; without a sample it ends
// (after keep_firing_for, if it fired) and is remembered as resolved for 15 minutes, so that Alertmanagers
// hear of it several times. on_missing and resolve go beyond (docs/alerting.md).
//
// Threads: none; belongs to its group. ask() may run beside readers, apply() may not.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "alerting/alert.h"
#include "alerting/gotemplate/template.h"
#include "alerting/rule.h"

namespace silverback::alerting {

class AlertingRule {
 public:
  using Alerts = std::map<Labels, Alert>;

  /// @param spec  checked by parse_rule_file()
  explicit AlertingRule(RuleSpec spec);
  AlertingRule(AlertingRule&&) = default;  // not copied: templates are trees
  AlertingRule& operator=(AlertingRule&&) = default;

  /// What the data says.
  struct Asked {
    Alerts now;                         // the alerts that there should be
    std::vector<std::string> problems;  // templates that failed: the rule goes on
  };
  /// @returns Unprocessable when two samples give the same alert, or the expression's own failure
  Result<Asked> ask(const RuleContext& context);

  struct Evaluated {
    std::vector<RuleSample> samples;  // ALERTS and ALERTS_FOR_STATE
    std::vector<Labels> changed;      // alerts made, altered in state or times, or gone; sorted
    std::vector<Alert> dropped;       // of those that are gone, the ones that fired before, as resolved now
    Status status;                    // ResourceExhausted over the group's limit: then no alert is left
  };
  Evaluated apply(const RuleContext& context, const Asked& asked);

  const RuleSpec& spec() const { return spec_; }
  const Alerts& alerts() const { return alerts_; }
  const Alert* find(const Labels& labels) const;
  /// The worst of its alerts' states.
  AlertState state() const;

  /// Takes up what was kept, before the first evaluation.
  void restore(Alert alert);
  /// Marks an alert as told to the Alertmanagers.
  void sent(const Labels& labels, std::int64_t time_ms, std::int64_t valid_until_ms);

 private:
  struct Text {
    std::string name;
    std::string plain;  // when there is nothing to expand
    std::optional<gotemplate::Template> parsed;
  };
  struct Texts {
    std::vector<Text> labels;
    std::vector<Text> annotations;
  };

  std::vector<Text> parse_texts(const TextPairs& pairs) const;
  const Texts& texts();
  Alert make_alert(const RuleContext& context, const VectorSample& sample, Asked& out);
  std::string expand(const Text& text, const gotemplate::Value& data, RuleEnvironment& environment,
                     Asked& out) const;
  Result<bool> inputs_missing(const RuleContext& context) const;
  Status ask_missing(const RuleContext& context, Asked& out);
  Status ask_resolve(const RuleContext& context, Asked& out) const;
  void take_up(const Alerts& now, std::vector<Labels>& changed);
  void advance(const RuleContext& context, const Alerts& now, std::vector<Labels>& changed);
  void end_or_keep(Alert& alert, std::int64_t time_ms, bool& gone) const;

  RuleSpec spec_;               // fixed
  std::optional<Texts> texts_;  // while there are alerts: of most rules they would be kept for nothing
  std::vector<std::string>
      inputs_;  // queries that give something when a selector of the expression finds series
  Alerts alerts_;
};

/// The series of an active alert: ALERTS{alertstate="firing", ...} and ALERTS_FOR_STATE, the time in seconds
/// since when it is active.
RuleSample state_sample(const Alert& alert);
RuleSample since_sample(const Alert& alert);

/// How long a resolved alert is remembered.
inline constexpr std::int64_t kResolvedRetentionMs = 15 * 60'000;

}  // namespace silverback::alerting
