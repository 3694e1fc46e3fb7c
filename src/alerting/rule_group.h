// RuleGroup: the rules that are evaluated together, in order, at one time.
//
// Each rule sees what the rules before it have just written. What evaluation changed of the alerts is kept in
// the state store before anybody is told. Series that a rule no longer gives end with a stale marker. What a
// recording rule with a topic has stored is then sent there.
//
// Threads: evaluate() one at a time; view() and the other const methods any.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "alerting/alert_sink.h"
#include "alerting/alerting_rule.h"
#include "alerting/recorded_topic.h"
#include "alerting/recording_rule.h"
#include "alerting/rule_file.h"
#include "alerting/sample_writer.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "model/labels.h"
#include "model/state_store.h"

namespace silverback::alerting {

/// Of all groups; outlives them.
struct RuleServices {
  QueryAt query;
  Appender& appender;
  StateStore& states;
  AlertSink& sink;
  bool quiet = false;  // rules are tried out: what fails is neither logged nor counted
};
struct RuleSettings {
  std::int64_t interval_ms = 60'000;
  std::int64_t query_offset_ms = 0;
  std::int64_t resend_delay_ms = 60'000;  // Alertmanagers hear of a firing alert again so often
  TextPairs external_labels;
  std::string external_url;
  query::promql::ParserOptions expressions;  // what those of rules may use
  friend bool operator==(const RuleSettings&, const RuleSettings&) = default;
};

struct RuleEvaluation {
  std::int64_t time_ms = 0;
  double duration_s = 0;
  std::uint64_t samples = 0;
  std::string error = {};
};

/// A rule as the API shows it.
struct RuleView {
  const RuleSpec* spec = nullptr;
  std::vector<Alert> alerts;  // pending and firing
  AlertState state = AlertState::Inactive;
  RuleHealth health = RuleHealth::Unknown;
  std::string warning;                 // why what is recorded does not reach its topic; empty: it does
  std::deque<RuleEvaluation> history;  // newest first
};

/// Of the summaries of durations.
inline const std::vector<double> kDurationQuantiles = {0.01, 0.05, 0.5, 0.9, 0.99};

class RuleGroup {
 public:
  /// @param file  the rule file's path, as the API names it
  /// @param messages  takes what is recorded and has a topic, outlives the group; null: nothing is sent
  RuleGroup(const RuleServices& services, const RuleSettings& settings, std::string file, GroupSpec spec,
            MessageSink* messages = nullptr);

  const std::string& file() const { return file_; }
  const GroupSpec& spec() const { return spec_; }
  const RuleSettings& settings() const { return settings_; }
  std::int64_t interval_ms() const { return spec_.interval_ms.value_or(settings_.interval_ms); }
  /// Its metrics have these and go with it.
  const MetricLabels& metric_labels() const { return metrics_.labels(); }
  /// The last grid point at or before `now_ms`: multiples of the interval, shifted by a hash of file and
  /// name.
  std::int64_t grid_ms(std::int64_t now_ms) const;

  /// All rules at `time_ms`.
  void evaluate(std::int64_t time_ms);

  struct LastRun {
    std::int64_t time_ms = 0;
    double duration_s = 0;
    double rules_s = 0;
    std::uint64_t samples = 0;
  };
  LastRun last_run() const EXCLUDES(mutex_);
  /// Rules whose last evaluation failed.
  std::size_t failed_rules() const EXCLUDES(mutex_);
  std::vector<RuleView> view(bool with_alerts) const EXCLUDES(mutex_);

  /// Keys of kept alerts begin with this and the rule's 16 bytes.
  static constexpr std::string_view kAlertPrefix = "alert/";
  /// 16 bytes that name a rule: file, group, name, labels, and which of several equal ones.
  std::vector<std::string> rule_keys() const;
  /// Before the first evaluation.
  void restore(std::size_t rule, Alert alert) EXCLUDES(mutex_);
  /// From the same group as it was before a reload: everything of rules that are still there.
  void take_over(RuleGroup& before) EXCLUDES(mutex_);
  /// The group is gone: its series end, its alerts are resolved. Rules whose key is in `still_there` are
  /// left.
  void retire(std::int64_t time_ms, const std::set<std::string>& still_there) EXCLUDES(mutex_);

 private:
  using SeriesTable = std::unordered_map<Labels, bool, LabelsHash>;  // true: given by this evaluation
  struct Rule {
    std::string key;
    std::variant<AlertingRule, RecordingRule> what;
    SeriesTable series;          // as of the last evaluation
    std::set<Labels> unkept;     // alerts whose last change the state store did not take
    std::vector<Alert> dropped;  // that fired when the rule went over its limit, until their end is kept
    RuleHealth health = RuleHealth::Unknown;
    std::deque<RuleEvaluation> history;
    std::shared_ptr<RecordedTopic> topic;  // null: none

    const RuleSpec& spec() const;
  };

  Result<std::uint64_t> evaluate_rule(Rule& rule, const RuleContext& context) EXCLUDES(mutex_);
  Result<std::vector<RuleSample>> evaluate_alerts(Rule& rule, AlertingRule& alerts,
                                                  const RuleContext& context) EXCLUDES(mutex_);
  Status keep_and_tell(Rule& rule, AlertingRule& alerts, std::int64_t time_ms) EXCLUDES(mutex_);
  std::vector<Labels> mark_due(AlertingRule& alerts, std::int64_t time_ms) EXCLUDES(mutex_);
  Status write(Rule& rule, std::vector<RuleSample>& samples, std::int64_t time_ms);
  Status end_series(Rule& rule, std::int64_t time_ms);
  RuleContext context(std::int64_t time_ms) const;

  // Fixed after construction.
  const RuleServices& services_;
  const RuleSettings settings_;
  const std::string file_;
  const GroupSpec spec_;

  const Metrics::Lease metrics_;

  SampleWriter writer_;  // of the evaluating thread

  // Guards what readers see of the rules: alerts, health, history; taken to change them, never during a
  // query.
  mutable Mutex mutex_;
  std::vector<Rule> rules_;
  LastRun last_run_ GUARDED_BY(mutex_);
};

}  // namespace silverback::alerting
