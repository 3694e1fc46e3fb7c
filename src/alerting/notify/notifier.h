// Notifier: the door of this folder. Alerts in, notifications out: routes, groups, silences, inhibition.
//
//   rules, POST /api/v2/alerts -> alerts -> groups (one per route and group labels) -> is it time?
//       -> muted? -> already told? -> kept as notification -> sent by the receiver's threads -> log
//
// What a group does and when is Alertmanager's; what differs is that nothing is forgotten: alerts, the times
// of groups, notifications on their way and what was told stand in the state store. docs/alerting.md has the
// design, docs/format/notify.md the bytes.
//
// Threads: any; configure() one at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "alerting/notify/alert.h"
#include "alerting/notify/config.h"
#include "alerting/notify/silences.h"
#include "base/clock.h"
#include "model/message_sink.h"
#include "model/state_store.h"

namespace silverback::notify {

/// An alert as the API shows it.
struct AlertView {
  NotifiedAlert alert;  // with an end, also while it fires
  std::vector<std::string> receivers;
  enum class State : std::uint8_t { Unprocessed, Active, Suppressed } state = State::Unprocessed;
  std::vector<std::string> silenced_by;   // ids
  std::vector<std::string> inhibited_by;  // fingerprints
  std::vector<std::string> muted_by;      // names of time intervals
};

struct GroupView {
  Labels labels;
  std::string receiver;
  std::vector<AlertView> alerts;
};

class Notifier {
 public:
  static constexpr std::size_t kMostAlerts = 1'000'000;

  /// Both outlive it.
  Notifier(StateStore& states, const Clock& clock);
  /// Ends what is under way; what was not sent is sent after the next start.
  ~Notifier();
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;

  /// At the first call takes up what is kept. @returns what is wrong with templates or kept state; then
  /// everything stays as it was
  /// @param messages  takes what goes to Kafka, outlives this; null: nothing may go there
  Status configure(const NotifyConfig& config, const std::string& external_url,
                   MessageSink* messages = nullptr);

  /// From this server's rules: adds to the batch what has to be kept of them; those that say nothing new
  /// add nothing. Follow it with commit() when the batch is kept.
  void prepare(std::span<const NotifiedAlert> alerts, StateBatch& batch);
  void commit(std::span<const NotifiedAlert> alerts);
  /// All alerts of this server's rules that fire, after a start or reload, while nobody evaluates: those that
  /// are not known are taken, known ones of its own that are not among them are over. Nothing is sent before.
  Status sync(std::vector<NotifiedAlert> firing);
  /// From others: kept and committed when it returns OK. An end that is missing becomes now and the resolve
  /// timeout. @returns InvalidArgument when one ends before it starts (the others are taken),
  ///          ResourceExhausted, Unavailable
  Status post(std::vector<NotifiedAlert> alerts);

  /// That have not ended, by labels.
  std::vector<AlertView> alerts() const;
  std::vector<GroupView> groups() const;
  Silences& silences();
  std::vector<std::string> receivers() const;
  /// The configuration with its secrets left out.
  std::string config_text() const;
  std::int64_t started_ns() const;

  /// Notifications that wait or are being sent.
  std::size_t waiting() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace silverback::notify
