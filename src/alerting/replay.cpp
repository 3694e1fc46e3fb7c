#include "alerting/replay.h"

#include <algorithm>
#include <map>
#include <memory>
#include <queue>
#include <utility>

#include "alerting/instant_query.h"
#include "alerting/scratch_states.h"
#include "alerting/scratch_store.h"

namespace silverback::alerting {
namespace {

constexpr std::string_view kAlerts = "ALERTS";
constexpr std::string_view kAlertsForState = "ALERTS_FOR_STATE";

// Notes when alerts of a group fire and end.
class Recorder final : public AlertSink {
 public:
  Recorder(std::string group, std::vector<ReplayedAlert>& out) : group_(std::move(group)), out_(out) {}

  void prepare(std::span<const AlertEvent>, std::int64_t, StateBatch&) override {}
  void commit(std::span<const AlertEvent> events, std::int64_t) override {
    for (const AlertEvent& event : events) {
      if (!event.changed) continue;
      const Alert& alert = *event.alert;
      const Key key{std::string(event.expression), alert.labels};
      const auto open = open_.find(key);
      if (alert.state == AlertState::Inactive) {
        if (open == open_.end()) continue;
        out_[open->second].resolved_ms = alert.resolved_ms;
        open_.erase(open);
      } else if (open == open_.end() || out_[open->second].fired_ms != alert.fired_ms) {
        open_[key] = out_.size();
        out_.push_back(
            {group_, alert.labels, alert.annotations, alert.value, alert.active_ms, alert.fired_ms, 0});
      }
    }
  }

 private:
  using Key = std::pair<std::string, Labels>;
  const std::string group_;
  std::vector<ReplayedAlert>& out_;
  std::map<Key, std::size_t> open_;
};

// Into memory and, what is recorded, into the store.
class Tee final : public Appender {
 public:
  Tee(ScratchStore& scratch, Appender* store) : scratch_(scratch), store_(store) {}

  Result<AppendOutcome> append_with(Tenant tenant, const Batch& batch, SeriesResolver& resolver,
                                    const AppendExtras& extras) override {
    auto outcome = scratch_.append_with(tenant, batch, resolver, extras);
    if (!outcome) {
      failure_ = outcome.status();
    } else if (store_ != nullptr && !of_alerts(batch, resolver)) {
      auto stored = store_->append_with(tenant, batch, resolver, extras);
      if (!stored) {
        failure_ = stored.status();
        return stored;
      }
      written_ += stored->stored;
      outcome = std::move(stored);
    }
    return outcome;
  }

  /// Why samples could not be kept at all, if so: the replay is over then.
  const Status& failure() const { return failure_; }
  std::uint64_t written() const { return written_; }

 private:
  // A batch is of one rule: an alerting rule's begins with ALERTS or ALERTS_FOR_STATE.
  static bool of_alerts(const Batch& batch, SeriesResolver& resolver) {
    if (batch.runs.empty()) return false;
    const auto first = resolver.resolve(0);
    if (!first) return false;
    const std::string_view name = first->labels.get(kMetricName);
    return name == kAlerts || name == kAlertsForState;
  }

  ScratchStore& scratch_;
  Appender* const store_;
  Status failure_;
  std::uint64_t written_ = 0;
};

class Run {
 public:
  Run(Queryable& store, Appender* write_to, query::EngineOptions engine, const ReplayJob& job,
      const ReplayLimits& limits, const std::stop_token& cancel)
      : job_(job),
        limits_(limits),
        cancel_(cancel),
        scratch_(&store, limits.samples),
        tee_(scratch_, job.write ? write_to : nullptr),
        engine_(scratch_, quiet(std::move(engine))) {
    for (const GroupSpec& spec : job.rules.groups) {
      Group& group = groups_.emplace_back();
      group.sink = std::make_unique<Recorder>(spec.name, report_.alerts);
      group.services = std::make_unique<RuleServices>(
          RuleServices{instant_query(engine_, cancel), tee_, states_, *group.sink, /*quiet=*/true});
      group.rules = std::make_unique<RuleGroup>(*group.services, job.settings, job.file, spec);
      hide(*group.rules);
    }
    report_.from_ms = job.from_ms;
    report_.to_ms = job.to_ms;
  }

  Result<ReplayReport> run() {
    if (Status good = check(); !good.ok()) return good;
    std::priority_queue<Due, std::vector<Due>, std::greater<>> due;
    for (std::size_t i = 0; i < groups_.size(); ++i) due.push({first_ms(*groups_[i].rules), i});
    while (!due.empty()) {
      const auto [time_ms, at] = due.top();
      due.pop();
      if (time_ms > job_.to_ms) continue;
      if (Status good = step(groups_[at], time_ms); !good.ok()) return good;
      due.push({time_ms + groups_[at].rules->interval_ms(), at});
    }
    finish();
    return std::move(report_);
  }

 private:
  using Due = std::pair<std::int64_t, std::size_t>;  // at one time in the order of the file
  struct Group {
    std::unique_ptr<Recorder> sink;
    std::unique_ptr<RuleServices> services;
    std::unique_ptr<RuleGroup> rules;
  };

  static query::EngineOptions quiet(query::EngineOptions options) {
    options.gauges = false;
    return options;
  }

  std::int64_t first_ms(const RuleGroup& group) const {
    const std::int64_t grid = group.grid_ms(job_.from_ms);
    return grid == job_.from_ms ? grid : grid + group.interval_ms();
  }

  // What the rules once recorded.
  void hide(const RuleGroup& group) {
    const std::int64_t from_ms =
        job_.from_ms - group.spec().query_offset_ms.value_or(job_.settings.query_offset_ms);
    for (const RuleSpec& rule : group.spec().rules) {
      if (rule.alerting) {
        scratch_.hide({{{kMetricName, kAlerts}, {"alertname", rule.name}}, from_ms});
        scratch_.hide({{{kMetricName, kAlertsForState}, {"alertname", rule.name}}, from_ms});
        continue;
      }
      LabelsBuilder labels;
      for (const auto& [name, value] : rule.labels) labels.set(name, value);
      labels.set(kMetricName, rule.name);
      scratch_.hide({labels.build(), from_ms});
    }
  }

  Status check() const {
    constexpr std::int64_t kFarthestMs = 8'000'000'000'000;  // nanoseconds end in 2262
    if (job_.from_ms > job_.to_ms) return {Code::InvalidArgument, "the replay ends before it begins"};
    if (job_.from_ms < -kFarthestMs || job_.to_ms > kFarthestMs)
      return {Code::InvalidArgument, "the times of the replay are too far from now"};
    std::uint64_t evaluations = 0;
    for (const Group& group : groups_) {
      const auto steps =
          static_cast<std::uint64_t>((job_.to_ms - job_.from_ms) / group.rules->interval_ms() + 1);
      evaluations += steps * group.rules->spec().rules.size();
    }
    if (evaluations > limits_.evaluations) {
      return {Code::InvalidArgument, "the replay takes " + std::to_string(evaluations) +
                                         " evaluations of rules, more than the limit of " +
                                         std::to_string(limits_.evaluations) +
                                         "; take a shorter time or fewer rules"};
    }
    return {};
  }

  Status step(Group& group, std::int64_t time_ms) {
    group.rules->evaluate(time_ms);
    report_.evaluations += group.rules->spec().rules.size();
    report_.samples += group.rules->last_run().samples;
    if (cancel_.stop_requested()) return {Code::Cancelled, "the replay was cancelled"};
    if (!tee_.failure().ok()) return tee_.failure();
    if (report_.alerts.size() > limits_.alerts) {
      return {Code::ResourceExhausted, "more than " + std::to_string(limits_.alerts) + " alerts fired by " +
                                           std::to_string(time_ms / 1000) + "; take a shorter time"};
    }
    if (std::chrono::steady_clock::now() > limits_.deadline) {
      return {Code::DeadlineExceeded, "the replay ran out of time at " + std::to_string(time_ms / 1000) +
                                          "; take a shorter time, or replay with --storage.path"};
    }
    if (group.rules->failed_rules() != 0) note_problems(*group.rules, time_ms);
    return {};
  }

  void note_problems(const RuleGroup& group, std::int64_t time_ms) {
    for (const RuleView& rule : group.view(false)) {
      if (rule.health != RuleHealth::Bad) continue;
      const auto same = std::ranges::find_if(report_.problems, [&](const ReplayProblem& problem) {
        return problem.group == group.spec().name && problem.rule == rule.spec->name;
      });
      if (same != report_.problems.end()) {
        ++same->count;
      } else {
        report_.problems.push_back(
            {group.spec().name, rule.spec->name, rule.history.front().error, time_ms, 1});
      }
    }
  }

  void finish() {
    std::ranges::stable_sort(report_.alerts, {}, &ReplayedAlert::fired_ms);
    for (const Group& group : groups_) {
      for (const RuleView& rule : group.rules->view(true)) {
        for (const Alert& alert : rule.alerts) {
          if (alert.state != AlertState::Pending) continue;
          report_.alerts.push_back({group.rules->spec().name, alert.labels, alert.annotations, alert.value,
                                    alert.active_ms, 0, 0});
        }
      }
    }
    report_.written = tee_.written();
  }

  const ReplayJob& job_;
  const ReplayLimits& limits_;
  const std::stop_token& cancel_;
  ScratchStore scratch_;
  Tee tee_;
  query::Engine engine_;
  NoStates states_;
  ReplayReport report_;
  std::vector<Group> groups_;
};

}  // namespace

Result<ReplayReport> replay(Queryable& store, Appender* write_to, query::EngineOptions engine,
                            const ReplayJob& job, const ReplayLimits& limits, const std::stop_token& cancel) {
  return Run(store, write_to, std::move(engine), job, limits, cancel).run();
}

}  // namespace silverback::alerting
