#include "alerting/alerting.h"

#include <utility>

#include "alerting/instant_query.h"
#include "alerting/notify/notifier.h"
#include "alerting/text_functions.h"
#include "alerting/told_labels.h"
#include "base/hash.h"

namespace silverback::alerting {

// Who is told, and under which labels.
struct Alerting::Told {
  std::shared_ptr<const ToldLabels> labels;
  std::string external_url;
  std::shared_ptr<Alertmanagers> alertmanagers;
  std::shared_ptr<notify::Notifier> notifier;  // null: no notifications are configured

  std::vector<notify::NotifiedAlert> notified(std::span<const AlertEvent> events,
                                              std::int64_t time_ms) const {
    std::vector<notify::NotifiedAlert> alerts;
    for (const AlertEvent& event : events) {
      auto told_labels = labels->of(event.alert->labels);
      if (!told_labels) continue;
      const Alert& alert = *event.alert;
      alerts.push_back({.labels = std::move(*told_labels),
                        .annotations = alert.annotations,
                        .starts_ns = alert.fired_ms * kNsPerMs,
                        .ends_ns = alert.state == AlertState::Inactive ? alert.resolved_ms * kNsPerMs : 0,
                        .updated_ns = time_ms * kNsPerMs,
                        .generator_url = external_url + table_link(event.expression),
                        .own = true,
                        .source = hash64(alert.labels.bytes(), hash64(event.expression))});
    }
    return alerts;
  }
};

// Hands on to those who are configured now.
class Alerting::Sink final : public AlertSink {
 public:
  void use(std::shared_ptr<const Told> told) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    told_.swap(told);
  }
  std::shared_ptr<const Told> told() const EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    return told_;
  }

  void prepare(std::span<const AlertEvent> events, std::int64_t time_ms, StateBatch& batch) override {
    const auto to = told();
    if (to->notifier != nullptr) to->notifier->prepare(to->notified(events, time_ms), batch);
  }
  void commit(std::span<const AlertEvent> events, std::int64_t time_ms) override {
    const auto to = told();
    to->alertmanagers->post(events);
    if (to->notifier != nullptr) to->notifier->commit(to->notified(events, time_ms));
  }
  Status sync(std::span<const AlertEvent> firing, std::int64_t time_ms) override {
    const auto to = told();
    return to->notifier == nullptr ? Status() : to->notifier->sync(to->notified(firing, time_ms));
  }

 private:
  mutable Mutex mutex_;
  std::shared_ptr<const Told> told_ GUARDED_BY(mutex_);
};

Alerting::Alerting(query::Engine& engine, Appender& appender, StateStore& states, const Clock& clock)
    : states_(states),
      clock_(clock),
      sink_(std::make_unique<Sink>()),
      rules_(std::make_unique<RuleManager>(RuleServices{instant_query(engine), appender, states, *sink_},
                                           clock)) {}

Alerting::~Alerting() = default;

// The Alertmanagers of before where nothing about them changes: their queues stay.
std::shared_ptr<Alertmanagers> Alerting::make_alertmanagers(
    const AlertingConfig& config, const std::shared_ptr<const ToldLabels>& labels) const {
  const auto before = sink_->told();
  const bool same = before != nullptr && config.alertmanagers == config_.alertmanagers &&
                    config.alert_relabel == config_.alert_relabel &&
                    config.rules.external_labels == config_.rules.external_labels &&
                    config.rules.external_url == config_.rules.external_url;
  if (same) return before->alertmanagers;
  return std::make_shared<Alertmanagers>(config.alertmanagers, labels, config.rules.external_url);
}

Status Alerting::configure(const AlertingConfig& config, MessageSink* messages) {
  const MutexLock lock(mutex_);
  if (const auto good = RuleManager::check(config.rule_files, config.rules.expressions, messages != nullptr);
      !good) {
    return good.status();
  }
  const auto before = sink_->told();
  auto told = std::make_shared<Told>();
  told->labels = std::make_shared<const ToldLabels>(config.rules.external_labels, config.alert_relabel);
  told->external_url = config.rules.external_url;
  if (config.notifications) {
    told->notifier = before != nullptr ? before->notifier : nullptr;
    if (told->notifier == nullptr) told->notifier = std::make_shared<notify::Notifier>(states_, clock_);
    if (Status bad = told->notifier->configure(*config.notifications, config.rules.external_url, messages);
        !bad.ok()) {
      return bad;
    }
  }
  told->alertmanagers = make_alertmanagers(config, told->labels);
  // Between two evaluations, so that what one prepares is committed under the same labels.
  const auto install = [&] { sink_->use(told); };
  if (before == nullptr) install();
  if (Status loaded = rules_->load(config.rules, config.rule_files, install, messages); !loaded.ok()) {
    if (before != nullptr) sink_->use(before);
    return loaded;
  }
  config_ = config;
  return {};
}

std::shared_ptr<notify::Notifier> Alerting::notifier() const {
  const auto told = sink_->told();
  return told == nullptr ? nullptr : told->notifier;
}

RuleSettings Alerting::rule_settings() const {
  const MutexLock lock(mutex_);
  return config_.rules;
}

std::vector<std::string> Alerting::alertmanagers() const {
  const auto told = sink_->told();
  return told == nullptr ? std::vector<std::string>() : told->alertmanagers->urls();
}

}  // namespace silverback::alerting
