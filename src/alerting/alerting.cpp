#include "alerting/alerting.h"

#include <utility>

#include "alerting/instant_query.h"

namespace silverback::alerting {

// Hands on to the Alertmanagers that are configured now.
class Alerting::Sink final : public AlertSink {
 public:
  void use(std::shared_ptr<Alertmanagers> alertmanagers) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    alertmanagers_.swap(alertmanagers);
  }
  std::shared_ptr<Alertmanagers> alertmanagers() const EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    return alertmanagers_;
  }

  void prepare(std::span<const AlertEvent>, std::int64_t, StateBatch&) override {}
  void commit(std::span<const AlertEvent> events, std::int64_t) override {
    if (const auto to = alertmanagers()) to->post(events);
  }

 private:
  mutable Mutex mutex_;
  std::shared_ptr<Alertmanagers> alertmanagers_ GUARDED_BY(mutex_);
};

Alerting::Alerting(query::Engine& engine, Appender& appender, StateStore& states, const Clock& clock)
    : sink_(std::make_unique<Sink>()),
      rules_(std::make_unique<RuleManager>(RuleServices{instant_query(engine), appender, states, *sink_},
                                           clock)) {}

Alerting::~Alerting() = default;

Status Alerting::configure(const AlertingConfig& config) {
  const MutexLock lock(mutex_);
  const bool told_as_before = sink_->alertmanagers() != nullptr &&
                              config.alertmanagers == config_.alertmanagers &&
                              config.alert_relabel == config_.alert_relabel &&
                              config.rules.external_labels == config_.rules.external_labels &&
                              config.rules.external_url == config_.rules.external_url;
  const auto before = sink_->alertmanagers();
  if (!told_as_before) {
    auto labels = std::make_shared<const ToldLabels>(config.rules.external_labels, config.alert_relabel);
    sink_->use(
        std::make_shared<Alertmanagers>(config.alertmanagers, std::move(labels), config.rules.external_url));
  }
  if (Status loaded = rules_->load(config.rules, config.rule_files); !loaded.ok()) {
    if (!told_as_before) sink_->use(before);
    return loaded;
  }
  config_ = config;
  return {};
}

std::vector<std::string> Alerting::alertmanagers() const {
  const auto to = sink_->alertmanagers();
  return to == nullptr ? std::vector<std::string>() : to->urls();
}

}  // namespace silverback::alerting
