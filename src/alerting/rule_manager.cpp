#include "alerting/rule_manager.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "alerting/files.h"
#include "base/log.h"

namespace silverback::alerting {
namespace {

Counter& iterations(const RuleGroup& group) {
  return metrics().counter(
      "prometheus_rule_group_iterations_total",
      "The total number of scheduled rule group evaluations, whether executed or missed.",
      group.metric_labels());
}
Counter& missed(const RuleGroup& group) {
  return metrics().counter(
      "prometheus_rule_group_iterations_missed_total",
      "The total number of rule group evaluations missed due to slow rule group evaluation.",
      group.metric_labels());
}
Counter& evaluations(const RuleGroup& group) {
  return metrics().counter("prometheus_rule_evaluations_total", "The total number of rule evaluations.",
                           group.metric_labels());
}
Counter& failures(const RuleGroup& group) {
  return metrics().counter("prometheus_rule_evaluation_failures_total",
                           "The total number of rule evaluation failures.", group.metric_labels());
}
Gauge& group_gauge(const RuleGroup& group, std::string_view name, std::string_view help) {
  return metrics().gauge(name, help, group.metric_labels());
}

void show(const RuleGroup& group) {
  const RuleGroup::LastRun run = group.last_run();
  group_gauge(group, "prometheus_rule_group_interval_seconds", "The interval of a rule group.")
      .set(static_cast<double>(group.interval_ms()) / 1000);
  group_gauge(group, "prometheus_rule_group_rules", "The number of rules.")
      .set(static_cast<double>(group.spec().rules.size()));
  group_gauge(group, "prometheus_rule_group_last_duration_seconds",
              "The duration of the last rule group evaluation.")
      .set(run.duration_s);
  group_gauge(group, "prometheus_rule_group_last_rule_duration_sum_seconds",
              "The sum of time in seconds it took to evaluate each rule in the group.")
      .set(run.rules_s);
  group_gauge(group, "prometheus_rule_group_last_evaluation_timestamp_seconds",
              "The timestamp of the last rule group evaluation in seconds.")
      .set(static_cast<double>(run.time_ms) / 1000);
  group_gauge(group, "prometheus_rule_group_last_evaluation_samples",
              "The number of samples returned during the last rule group evaluation.")
      .set(static_cast<double>(run.samples));
}

}  // namespace

RuleManager::RuleManager(RuleServices services, const Clock& clock, std::size_t threads)
    : services_(std::move(services)), clock_(clock) {
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

RuleManager::~RuleManager() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  for (std::thread& thread : threads_) thread.join();
}

RuleManager::Groups RuleManager::groups() const {
  const MutexLock lock(mutex_);
  return groups_;
}

Result<RuleFile> RuleManager::read(const std::string& path, const query::promql::ParserOptions& expressions) {
  const auto text = read_text_file(path);
  if (!text) return text.status();
  return parse_rule_file(*text, path, expressions);
}

namespace {

// All files, or all their problems.
Result<std::vector<std::pair<std::string, RuleFile>>> read_all(
    const std::vector<std::string>& patterns, const query::promql::ParserOptions& expressions) {
  const auto paths = matching_files(patterns);
  if (!paths) return paths.status();
  std::vector<std::pair<std::string, RuleFile>> files;
  std::string problems;
  for (const std::string& path : *paths) {
    auto file = RuleManager::read(path, expressions);
    if (file) {
      files.emplace_back(path, std::move(*file));
    } else {
      problems += (problems.empty() ? "" : "\n") + std::string(file.status().message());
    }
  }
  if (!problems.empty()) return Status(Code::InvalidArgument, problems);
  return files;
}

}  // namespace

Result<std::size_t> RuleManager::check(const std::vector<std::string>& patterns,
                                       const query::promql::ParserOptions& expressions, bool topics) {
  const auto files = read_all(patterns, expressions);
  if (!files) return files.status();
  std::size_t rules = 0;
  for (const auto& [path, file] : *files) {
    for (const GroupSpec& group : file.groups) {
      rules += group.rules.size();
      const auto sends =
          std::ranges::find_if(group.rules, [](const RuleSpec& rule) { return !rule.kafka_topic.empty(); });
      if (topics || sends == group.rules.end()) continue;
      return Status(Code::InvalidArgument,
                    path + ":" + std::to_string(sends->line) + ": group \"" + group.name + "\", \"" +
                        sends->name + "\": kafka_topic needs a producer: set `kafka: producer: brokers`");
    }
  }
  return rules;
}

Status RuleManager::load(const RuleSettings& settings, const std::vector<std::string>& patterns,
                         const std::function<void()>& paused, MessageSink* messages) {
  const auto files = read_all(patterns, settings.expressions);
  if (!files) return files.status();
  Groups now;
  for (const auto& [path, file] : *files) {
    for (const GroupSpec& spec : file.groups)
      now.push_back(std::make_shared<RuleGroup>(services_, settings, path, spec, messages));
  }
  // As Prometheus shows them.
  std::ranges::sort(now, {}, [](const std::shared_ptr<RuleGroup>& group) {
    return std::tie(group->file(), group->spec().name);
  });

  Groups before;
  {
    const MutexLock lock(mutex_);
    paused_ = true;
    while (running_ != 0) changed_.wait(mutex_);
    before = groups_;
  }
  if (paused) paused();
  Status restored;
  if (!restored_) restored = restore(now);
  restored_ = restored_ || restored.ok();
  if (restored.ok()) retire(before, now);
  if (restored.ok()) sync(now);

  const MutexLock lock(mutex_);
  if (restored.ok()) {
    groups_ = now;
    due_ = {};
    const std::int64_t now_ms = floor_div(clock_.now_ns(), kNsPerMs);
    for (const auto& group : now) due_.push({group->grid_ms(now_ms) + group->interval_ms(), group});
  }
  paused_ = false;
  changed_.notify_all();
  return restored;
}

// At a start: alerts to their rules; those whose rule is gone are resolved and told.
Status RuleManager::restore(const Groups& groups) {
  std::map<std::string, std::pair<RuleGroup*, std::size_t>, std::less<>> rules;
  for (const auto& group : groups) {
    const auto keys = group->rule_keys();
    for (std::size_t i = 0; i < keys.size(); ++i) rules[keys[i]] = {group.get(), i};
  }
  constexpr std::size_t kRuleKey = 16;
  StateBatch batch;
  std::vector<Alert> orphans;
  Status damaged;
  const std::int64_t now_ms = floor_div(clock_.now_ns(), kNsPerMs);
  const Status read = services_.states.scan(RuleGroup::kAlertPrefix, [&](std::string_view key,
                                                                         std::string_view value) {
    auto alert = decode_alert(value);
    if (!alert) {
      damaged = alert.status();
      return damaged.code() == Code::DataLoss;  // one that is damaged is left out, one from the future stops
    }
    const auto it = rules.find(key.substr(RuleGroup::kAlertPrefix.size(), kRuleKey));
    if (it != rules.end()) {
      it->second.first->restore(it->second.second, std::move(*alert));
    } else {
      batch.remove(std::string(key));
      if (alert->state == AlertState::Firing) {
        alert->state = AlertState::Inactive;
        alert->resolved_ms = now_ms;
        orphans.push_back(std::move(*alert));
      }
    }
    return true;
  });
  if (!read.ok()) return read;
  if (damaged.code() == Code::InvalidArgument) return damaged;
  if (!damaged.ok()) log(LogLevel::Error, "states of alerts are lost", {{"err", damaged.message()}});
  std::vector<AlertEvent> events;
  for (const Alert& alert : orphans) events.push_back({&alert, "", true, true});
  services_.sink.prepare(events, now_ms, batch);
  if (batch.empty()) return {};
  if (Status kept = services_.states.apply(batch); !kept.ok()) return kept;
  services_.sink.commit(events, now_ms);
  return {};
}

// Whoever is told knows of what fires now, and of nothing else.
void RuleManager::sync(const Groups& groups) {
  std::deque<RuleView> views;
  std::vector<AlertEvent> firing;
  for (const auto& group : groups) {
    for (RuleView& rule : group->view(true)) {
      const RuleView& kept = views.emplace_back(std::move(rule));
      for (const Alert& alert : kept.alerts) {
        if (alert.state == AlertState::Firing) firing.push_back({&alert, kept.spec->expr, false, false});
      }
    }
  }
  if (const Status synced = services_.sink.sync(firing, floor_div(clock_.now_ns(), kNsPerMs)); !synced.ok())
    log(LogLevel::Error, "alerts could not be handed on", {{"err", synced.message()}});
}

void RuleManager::retire(const Groups& before, const Groups& now) {
  std::set<std::string> still_there;
  for (const auto& group : now) {
    for (std::string& key : group->rule_keys()) still_there.insert(std::move(key));
    const auto same = std::ranges::find_if(before, [&](const auto& old) {
      return old->file() == group->file() && old->spec().name == group->spec().name;
    });
    if (same != before.end()) group->take_over(**same);
  }
  const std::int64_t now_ms = floor_div(clock_.now_ns(), kNsPerMs);
  for (const auto& group : before) group->retire(now_ms, still_there);
}

void RuleManager::run() {
  for (;;) {
    Due due;
    {
      const MutexLock lock(mutex_);
      for (;;) {
        if (stopping_) return;
        if (paused_ || due_.empty()) {
          changed_.wait(mutex_);
          continue;
        }
        const std::int64_t wait_ms = due_.top().time_ms - floor_div(clock_.now_ns(), kNsPerMs);
        if (wait_ms <= 0) break;
        changed_.wait_for(mutex_, std::chrono::milliseconds(std::min<std::int64_t>(wait_ms, 1'000)));
      }
      due = due_.top();
      due_.pop();
      ++running_;
    }
    evaluate(due);
    const std::int64_t now_ms = floor_div(clock_.now_ns(), kNsPerMs);
    const std::int64_t interval = due.group->interval_ms();
    const std::int64_t next = std::max(due.time_ms, due.group->grid_ms(now_ms)) + interval;
    const auto skipped = static_cast<std::uint64_t>((next - due.time_ms) / interval - 1);
    iterations(*due.group).add(1 + skipped);
    missed(*due.group).add(skipped);
    const MutexLock lock(mutex_);
    --running_;
    due_.push({next, std::move(due.group)});
    changed_.notify_all();
  }
}

void RuleManager::evaluate(const Due& due) {
  static Histogram& durations =
      metrics().histogram("silverback_rule_group_duration_seconds",
                          "Time that evaluations of rule groups took.", duration_buckets());
  static Summary& quantiles =
      metrics().summary("prometheus_rule_group_duration_seconds", "The duration of rule group evaluations.",
                        {}, kDurationQuantiles);
  due.group->evaluate(due.time_ms);
  const double seconds = due.group->last_run().duration_s;
  durations.observe(seconds);
  quantiles.observe(seconds);
  evaluations(*due.group).add(due.group->spec().rules.size());
  failures(*due.group).add(due.group->failed_rules());
  show(*due.group);
}

}  // namespace silverback::alerting
