// Alerting: the door of this room. Rules are evaluated, their state kept, receivers and Alertmanagers told.
//
//   Alerting alerting(engine, appender, states, clock);
//   if (const Status good = alerting.configure(config); !good.ok()) return good;   // again at each reload
//
// The design is in docs/alerting.md.
//
// Threads: any; configure() one at a time. The destructor ends evaluation, then sends Alertmanagers what
// waits.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "alerting/alerting_config.h"
#include "alerting/rule_manager.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "model/appender.h"
#include "model/message_sink.h"
#include "model/state_store.h"

namespace silverback::query {
class Engine;
}
namespace silverback::notify {
class Notifier;
}

namespace silverback::alerting {

class Alerting {
 public:
  /// All of them outlive it. The engine is best one of its own, so that dashboards do not hold up rules.
  Alerting(query::Engine& engine, Appender& appender, StateStore& states, const Clock& clock);
  ~Alerting();

  /// @returns what is wrong with the rule files; then everything stays as it was
  /// @param messages  takes what receivers and recording rules send to Kafka, outlives this; null: a
  ///                  configuration that sends there is refused
  Status configure(const AlertingConfig& config, MessageSink* messages = nullptr) EXCLUDES(mutex_);

  RuleManager::Groups groups() const { return rules_->groups(); }
  RuleSettings rule_settings() const EXCLUDES(mutex_);
  /// Where alerts are posted to.
  std::vector<std::string> alertmanagers() const;
  /// Null when no notifications are configured.
  std::shared_ptr<notify::Notifier> notifier() const;

 private:
  struct Told;
  class Sink;
  std::shared_ptr<Alertmanagers> make_alertmanagers(const AlertingConfig& config,
                                                    const std::shared_ptr<const ToldLabels>& labels) const
      REQUIRES(mutex_);

  StateStore& states_;
  const Clock& clock_;

  mutable Mutex mutex_;
  AlertingConfig config_ GUARDED_BY(mutex_);

  std::unique_ptr<Sink> sink_;
  std::unique_ptr<RuleManager> rules_;  // after the sink: its threads tell it
};

}  // namespace silverback::alerting
