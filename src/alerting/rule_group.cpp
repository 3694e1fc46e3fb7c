#include "alerting/rule_group.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "model/sample.h"

namespace silverback::alerting {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t kHistory = 10;

double seconds_since(steady_clock::time_point begin) {
  return std::chrono::duration<double>(steady_clock::now() - begin).count();
}

std::string hash_bytes(std::string_view text) {
  const Hash128 hash = hash128(text, 0);
  std::string bytes;
  put_fixed(bytes, hash.lo);
  put_fixed(bytes, hash.hi);
  return bytes;
}

std::string alert_key(const std::string& rule, const Labels& labels) {
  return std::string(RuleGroup::kAlertPrefix) + rule + hash_bytes(labels.bytes());
}

std::string rule_identity(const std::string& file, const std::string& group, const RuleSpec& spec) {
  std::string text;
  put_string(text, file);
  put_string(text, group);
  put_string(text, spec.name);
  put_varint(text, spec.alerting ? 1 : 0);
  TextPairs labels = spec.labels;
  std::ranges::sort(labels);
  for (const auto& [name, value] : labels) {
    put_string(text, name);
    put_string(text, value);
  }
  return text;
}

}  // namespace

const RuleSpec& RuleGroup::Rule::spec() const {
  return std::visit([](const auto& rule) -> const RuleSpec& { return rule.spec(); }, what);
}

RuleGroup::RuleGroup(const RuleServices& services, const RuleSettings& settings, std::string file,
                     GroupSpec spec, MessageSink* messages)
    : services_(services),
      settings_(settings),
      file_(std::move(file)),
      spec_(std::move(spec)),
      metrics_(metrics(), {{"rule_group", file_ + ";" + spec_.name}}),
      writer_(services.appender) {
  std::map<std::string, std::uint64_t> equal;
  for (const RuleSpec& rule : spec_.rules) {
    std::string identity = rule_identity(file_, spec_.name, rule);
    const std::uint64_t number = equal[identity]++;
    put_varint(identity, number);
    if (rule.alerting) {
      rules_.push_back({hash_bytes(identity), AlertingRule(rule), {}, {}, {}, RuleHealth::Unknown, {}, {}});
      continue;
    }
    rules_.push_back({hash_bytes(identity), RecordingRule(rule), {}, {}, {}, RuleHealth::Unknown, {}, {}});
    if (messages == nullptr || rule.kafka_topic.empty()) continue;
    rules_.back().topic = std::make_shared<RecordedTopic>(*messages, rule.kafka_topic,
                                                          file_ + ": " + spec_.name + ": " + rule.name);
  }
}

std::int64_t RuleGroup::grid_ms(std::int64_t now_ms) const {
  const std::int64_t interval = interval_ms();
  const auto offset =
      static_cast<std::int64_t>(hash64(file_ + '\xff' + spec_.name) % static_cast<std::uint64_t>(interval));
  return floor_div(now_ms - offset, interval) * interval + offset;
}

RuleContext RuleGroup::context(std::int64_t time_ms) const {
  RuleContext context;
  context.time_ms = time_ms;
  context.query_offset_ms = spec_.query_offset_ms.value_or(settings_.query_offset_ms);
  context.limit = spec_.limit;
  context.query = &services_.query;
  context.external_labels = &settings_.external_labels;
  context.external_url = settings_.external_url;
  return context;
}

void RuleGroup::evaluate(std::int64_t time_ms) {
  const RuleContext context = this->context(time_ms);
  const auto begin = steady_clock::now();
  LastRun run{.time_ms = time_ms};
  static Summary& durations =
      metrics().summary("prometheus_rule_evaluation_duration_seconds", "The duration for a rule to execute.",
                        {}, kDurationQuantiles);
  for (Rule& rule : rules_) {
    const auto rule_begin = steady_clock::now();
    const auto samples = evaluate_rule(rule, context);
    RuleEvaluation evaluation{.time_ms = time_ms, .duration_s = seconds_since(rule_begin)};
    if (!services_.quiet) durations.observe(evaluation.duration_s);
    if (samples) {
      evaluation.samples = *samples;
    } else {
      evaluation.error = samples.status().message();
      if (!services_.quiet)
        log(LogLevel::Warn, "a rule could not be evaluated",
            {{"file", file_}, {"group", spec_.name}, {"rule", rule.spec().name}, {"err", evaluation.error}});
    }
    run.samples += evaluation.samples;
    run.rules_s += evaluation.duration_s;
    const MutexLock lock(mutex_);
    rule.health = samples ? RuleHealth::Ok : RuleHealth::Bad;
    rule.history.push_front(std::move(evaluation));
    if (rule.history.size() > kHistory) rule.history.pop_back();
  }
  run.duration_s = seconds_since(begin);
  const MutexLock lock(mutex_);
  last_run_ = run;
}

Result<std::uint64_t> RuleGroup::evaluate_rule(Rule& rule, const RuleContext& context) {
  Result<std::vector<RuleSample>> samples = Status(Code::Internal, "");
  if (auto* alerts = std::get_if<AlertingRule>(&rule.what)) {
    samples = evaluate_alerts(rule, *alerts, context);
  } else {
    samples = std::get<RecordingRule>(rule.what).evaluate(context);
  }
  if (!samples) {
    // Nothing is known of its series now: they end, as those of a target that does not answer.
    if (Status ended = end_series(rule, context.query_time_ms()); !ended.ok()) return ended;
    return samples.status();
  }
  const std::uint64_t count = samples->size();
  if (Status written = write(rule, *samples, context.query_time_ms()); !written.ok()) return written;
  if (rule.topic != nullptr)
    rule.topic->send(std::span(*samples).first(count), context.query_time_ms(), context.time_ms);
  return count;
}

Result<std::vector<RuleSample>> RuleGroup::evaluate_alerts(Rule& rule, AlertingRule& alerts,
                                                           const RuleContext& context) {
  const auto asked = alerts.ask(context);
  if (!asked) return asked.status();
  for (const std::string& problem : asked->problems) {
    if (!services_.quiet)
      log(LogLevel::Warn, "a template of a rule failed",
          {{"file", file_}, {"group", spec_.name}, {"err", problem}});
  }
  AlertingRule::Evaluated evaluated;
  {
    const MutexLock lock(mutex_);
    evaluated = alerts.apply(context, *asked);
  }
  rule.unkept.insert(evaluated.changed.begin(), evaluated.changed.end());
  std::ranges::move(evaluated.dropped, std::back_inserter(rule.dropped));
  if (Status kept = keep_and_tell(rule, alerts, context.time_ms); !kept.ok()) {
    // Nobody is told of what could be forgotten; the next evaluation tries again.
    log(LogLevel::Error, "states of alerts could not be kept", {{"err", kept.message()}});
  }
  if (!evaluated.status.ok()) return evaluated.status;
  return std::move(evaluated.samples);
}

// Alerts of which Alertmanagers are to hear now; they count as told.
std::vector<Labels> RuleGroup::mark_due(AlertingRule& alerts, std::int64_t time_ms) {
  std::vector<Labels> due;
  for (const auto& [labels, alert] : alerts.alerts()) {
    if (alert.state == AlertState::Pending) continue;
    const bool news = alert.resolved_ms > alert.last_sent_ms;
    if (news || alert.last_sent_ms + settings_.resend_delay_ms < time_ms) due.push_back(labels);
  }
  const std::int64_t valid_ms = 4 * std::max(settings_.resend_delay_ms, interval_ms());
  const MutexLock lock(mutex_);
  for (const Labels& labels : due) alerts.sent(labels, time_ms, time_ms + valid_ms);
  return due;
}

Status RuleGroup::keep_and_tell(Rule& rule, AlertingRule& alerts, std::int64_t time_ms) {
  const std::vector<Labels> due = mark_due(alerts, time_ms);
  StateBatch batch;
  std::map<Labels, AlertEvent> events;
  // Prometheus leaves them to time out in Alertmanagers, who are not told; in this server they have no
  // timeout.
  for (const Alert& alert : rule.dropped) events[alert.labels] = {&alert, rule.spec().expr, true, false};
  for (const Labels& labels : due) events[labels] = {alerts.find(labels), rule.spec().expr, false, true};
  for (const Labels& labels : rule.unkept) {
    const Alert* alert = alerts.find(labels);
    if (alert == nullptr) {
      batch.remove(alert_key(rule.key, labels));
      continue;
    }
    batch.put(alert_key(rule.key, labels), encode(*alert));
    if (alert->state == AlertState::Pending) continue;
    AlertEvent& event = events[labels];
    event = {alert, rule.spec().expr, true, event.due};
  }
  std::vector<AlertEvent> list;
  for (const auto& [labels, event] : events) list.push_back(event);
  services_.sink.prepare(list, time_ms, batch);
  if (!batch.empty()) {
    if (Status kept = services_.states.apply(batch); !kept.ok()) return kept;
  }
  rule.unkept.clear();
  if (!list.empty()) services_.sink.commit(list, time_ms);
  rule.dropped.clear();
  return {};
}

// The samples, and behind them stale markers for the series that were there the last time and are not now.
Status RuleGroup::write(Rule& rule, std::vector<RuleSample>& samples, std::int64_t time_ms) {
  for (auto& [labels, given] : rule.series) given = false;
  for (const RuleSample& sample : samples) rule.series[sample.labels] = true;
  std::erase_if(rule.series, [&](const auto& series) {
    if (!series.second) samples.push_back({series.first, stale_nan()});
    return !series.second;
  });
  return writer_.write(samples, time_ms);
}

Status RuleGroup::end_series(Rule& rule, std::int64_t time_ms) {
  std::vector<RuleSample> none;
  return write(rule, none, time_ms);
}

RuleGroup::LastRun RuleGroup::last_run() const {
  const MutexLock lock(mutex_);
  return last_run_;
}

std::size_t RuleGroup::failed_rules() const {
  const MutexLock lock(mutex_);
  return static_cast<std::size_t>(std::ranges::count(rules_, RuleHealth::Bad, &Rule::health));
}

std::vector<RuleView> RuleGroup::view(bool with_alerts) const {
  const MutexLock lock(mutex_);
  std::vector<RuleView> views;
  views.reserve(rules_.size());
  for (const Rule& rule : rules_) {
    RuleView view;
    view.spec = &rule.spec();
    view.health = rule.health;
    view.history = rule.history;
    if (rule.topic != nullptr) view.warning = rule.topic->warning();
    if (const auto* alerts = std::get_if<AlertingRule>(&rule.what)) {
      view.state = alerts->state();
      for (const auto& [labels, alert] : alerts->alerts()) {
        if (with_alerts && alert.state != AlertState::Inactive) view.alerts.push_back(alert);
      }
    }
    views.push_back(std::move(view));
  }
  return views;
}

std::vector<std::string> RuleGroup::rule_keys() const {
  std::vector<std::string> keys;
  for (const Rule& rule : rules_) keys.push_back(rule.key);
  return keys;
}

void RuleGroup::restore(std::size_t at, Alert alert) {
  Rule& rule = rules_[at];
  auto* alerts = std::get_if<AlertingRule>(&rule.what);
  if (alerts == nullptr) return;
  // So that its series end properly, should it be over at the next evaluation.
  if (alert.state != AlertState::Inactive) {
    rule.series[state_sample(alert).labels] = true;
    rule.series[since_sample(alert).labels] = true;
  }
  alert.last_sent_ms = 0;  // who was told is told again at once: a message may have died with the process
  const MutexLock lock(mutex_);
  alerts->restore(std::move(alert));
}

void RuleGroup::take_over(RuleGroup& before) {
  for (Rule& rule : rules_) {
    const auto same = std::ranges::find(before.rules_, rule.key, &Rule::key);
    if (same == before.rules_.end()) continue;
    rule.series = std::move(same->series);
    same->series.clear();
    rule.unkept = std::move(same->unkept);
    same->unkept.clear();
    // Its spell goes on.
    const auto& topic = same->topic;
    if (rule.topic != nullptr && topic != nullptr && &topic->sink() == &rule.topic->sink() &&
        topic->topic() == rule.topic->topic()) {
      rule.topic = topic;
    }
    const MutexLock lock(mutex_);
    rule.health = same->health;
    rule.history = same->history;
    if (auto* alerts = std::get_if<AlertingRule>(&rule.what)) {
      for (const auto& [labels, alert] : std::get<AlertingRule>(same->what).alerts()) alerts->restore(alert);
    }
  }
  const LastRun run = before.last_run();
  const MutexLock lock(mutex_);
  last_run_ = run;
}

void RuleGroup::retire(std::int64_t time_ms, const std::set<std::string>& still_there) {
  const RuleContext context = this->context(time_ms);
  for (Rule& rule : rules_) {
    if (still_there.contains(rule.key)) continue;
    if (Status ended = end_series(rule, context.query_time_ms()); !ended.ok()) {
      log(LogLevel::Warn, "series of a rule that is gone could not be ended", {{"err", ended.message()}});
    }
    const auto* alerts = std::get_if<AlertingRule>(&rule.what);
    if (alerts == nullptr) continue;
    StateBatch batch;
    std::vector<Alert> over;
    for (const auto& [labels, alert] : alerts->alerts()) {
      batch.remove(alert_key(rule.key, labels));
      if (alert.state != AlertState::Firing) continue;
      over.push_back(alert);
      over.back().state = AlertState::Inactive;
      over.back().resolved_ms = time_ms;
    }
    std::vector<AlertEvent> events;
    for (const Alert& alert : over) events.push_back({&alert, rule.spec().expr, true, true});
    services_.sink.prepare(events, time_ms, batch);
    if (batch.empty()) continue;
    if (Status kept = services_.states.apply(batch); !kept.ok()) {
      log(LogLevel::Error, "states of alerts could not be kept", {{"err", kept.message()}});
      continue;
    }
    services_.sink.commit(events, time_ms);
  }
}

}  // namespace silverback::alerting
