// Dispatcher: which group of alerts is due, what its receivers have to be told, and that they are told.
//
// Order of things, so that a kill between any two of them loses and repeats nothing:
//   1. an alert that is new or over is kept with the states of its rule (prepare, commit);
//   2. when its group is due, what is to be sent is kept as a notification;
//   3. it is sent, and tried again until it arrives, is refused or is out of date;
//   4. the log says what was told, and the notification goes, in one batch.
// Between an answer and 4 nobody can know that it arrived: it is sent again with the same idempotency key.
//
// Threads: any; configure() one at a time. `mutex_` is never held while something is written or sent; what is
// being written or sent is `busy` instead. Lock order: mutex_ before a lane's, before that of silences.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "alerting/notify/group.h"
#include "alerting/notify/inhibitor.h"
#include "alerting/notify/notifier.h"

namespace silverback::notify {

class Dispatcher final : public Lane::Jobs {
 public:
  Dispatcher(StateStore& states, const Clock& clock);
  ~Dispatcher() override;

  Status configure(const NotifyConfig& config, const std::string& external_url, MessageSink* messages)
      EXCLUDES(mutex_);
  void prepare(std::span<const NotifiedAlert> alerts, StateBatch& batch) EXCLUDES(mutex_);
  void commit(std::span<const NotifiedAlert> alerts) EXCLUDES(mutex_);
  Status sync(std::vector<NotifiedAlert> firing) EXCLUDES(mutex_);
  Status post(std::vector<NotifiedAlert> alerts) EXCLUDES(mutex_);

  std::vector<AlertView> alerts() const EXCLUDES(mutex_);
  std::vector<GroupView> groups() const EXCLUDES(mutex_);
  Silences& silences() { return silences_; }
  NotifyConfig config() const EXCLUDES(mutex_);
  std::size_t waiting() const EXCLUDES(mutex_);

 private:
  using Ways = std::vector<Way>;
  /// What a configuration means. Constant but for the lanes.
  struct Setup {
    NotifyConfig config;
    Surroundings surroundings;
    RouteTree routes{RouteSpec{}};
    std::map<std::string, Ways> receivers;  // their lanes end first
  };
  static Result<std::unique_ptr<Setup>> make_setup(const NotifyConfig& config,
                                                   const std::string& external_url, MessageSink* messages);

  // restore
  Status load() EXCLUDES(mutex_);
  void install(std::unique_ptr<Setup> setup) REQUIRES(mutex_);
  void make_lanes() REQUIRES(mutex_);
  void end_lanes(std::map<std::string, Ways>& receivers) EXCLUDES(mutex_);
  void regroup_all() REQUIRES(mutex_);
  void attach_deliveries() REQUIRES(mutex_);
  std::int64_t restored_due(const Group& group, std::int64_t now_ns) const REQUIRES(mutex_);

  // alerts and groups
  bool absorb(Tracked& tracked, const NotifiedAlert& alert) const;
  Status keep_and_commit(std::span<const NotifiedAlert> alerts) EXCLUDES(mutex_);
  void regroup(const AlertPtr& alert) REQUIRES(mutex_);
  void insert(const Route& route, const AlertPtr& alert, bool restoring) REQUIRES(mutex_);
  void leave(Group& group, const Labels& labels, const AlertPtr& alert, StateBatch& batch) REQUIRES(mutex_);
  void forget_ended(Group& group, StateBatch& batch) REQUIRES(mutex_);
  void set_due(const GroupId& id, Group& group, std::int64_t when_ns) REQUIRES(mutex_);
  const Ways& ways(const Group& group) const REQUIRES(mutex_);
  bool under_way(const Group& group) const REQUIRES(mutex_);

  // when a group is due
  void run() EXCLUDES(mutex_);
  void flush_due(std::int64_t now_ns) EXCLUDES(mutex_);
  void flush(const GroupId& id, Group& group, std::int64_t now_ns, StateBatch& batch,
             std::vector<std::string>& to_send) REQUIRES(mutex_);
  void queue(const std::string& id, Delivery& delivery) REQUIRES(mutex_);
  void forget_untold(Group& group, StateBatch& batch) REQUIRES(mutex_);
  void clock_went_back(std::int64_t now_ns) REQUIRES(mutex_);
  bool muted(const Labels& labels, std::int64_t now_ns) const REQUIRES(mutex_);
  std::vector<NotifiedAlert> take_not_muted(Group& group, std::int64_t now_ns) REQUIRES(mutex_);
  bool time_muted(const Route& route, std::int64_t time_ns, std::vector<std::string>* names) const
      REQUIRES(mutex_);
  /// @returns false when it is being told something else: the group is due again when that is over
  bool tell(const GroupId& id, Group& group, const Way& way, const std::vector<NotifiedAlert>& alerts,
            std::int64_t time_ns, StateBatch& batch, std::vector<std::string>& to_send) REQUIRES(mutex_);
  Decision decide_for(const std::string& delivery, const ToldAlerts& told, const Way& way, const Group& group,
                      std::int64_t time_ns) const REQUIRES(mutex_);
  void collect(std::int64_t now_ns) EXCLUDES(mutex_);
  void show(std::int64_t now_ns) const EXCLUDES(mutex_);

  // Lane::Jobs
  std::shared_ptr<const Notification> begin(const std::string& id) override EXCLUDES(mutex_);
  std::optional<std::int64_t> finish(const std::string& id, const Outcome& outcome) override EXCLUDES(mutex_);
  std::int64_t try_again(Delivery& delivery, const Outcome& outcome) REQUIRES(mutex_);
  StateBatch settle(const std::string& id, Delivery& delivery, const Outcome& outcome) REQUIRES(mutex_);
  void keep_surely(const StateBatch& batch) EXCLUDES(mutex_);
  static LogEntry log_entry(std::int64_t time_ns, std::int64_t repeat_ms, const ToldAlerts& told);
  static Counter& notifications(const IntegrationSpec& spec);
  static Counter& failed(const IntegrationSpec& spec, std::string_view reason);
  static void show_counters(const IntegrationSpec& spec);

  AlertView view(const Tracked& tracked, std::int64_t now_ns) const REQUIRES(mutex_);

  // Fixed after construction.
  StateStore& states_;
  const Clock& clock_;
  Silences silences_;

  Mutex post_mutex_;  // one keep_and_commit() at a time; before mutex_
  mutable Mutex mutex_;
  Condition changed_;  // something became due earlier, or it is time to stop
  std::unique_ptr<Setup> setup_ GUARDED_BY(mutex_);
  std::map<Labels, Tracked> alerts_ GUARDED_BY(mutex_);
  std::map<GroupId, Group> groups_ GUARDED_BY(mutex_);
  std::set<std::pair<std::int64_t, GroupId>> due_ GUARDED_BY(mutex_);  // the same by time
  std::map<std::string, Delivery> deliveries_ GUARDED_BY(mutex_);      // by hash of group, receiver, way
  std::map<std::string, LogEntry> log_ GUARDED_BY(mutex_);             // likewise
  std::map<std::string, std::int64_t> anchors_ GUARDED_BY(mutex_);     // kept ones of groups; at a start
  Inhibitor inhibitor_ GUARDED_BY(mutex_);
  StateBatch unkept_ GUARDED_BY(mutex_);         // what the disk did not take and nobody writes again
  std::set<Labels> posting_ GUARDED_BY(mutex_);  // alerts that are being kept: they stay
  bool paused_ GUARDED_BY(mutex_) = true;        // not configured, or being configured
  bool synced_ GUARDED_BY(mutex_) = false;       // what fires is known
  bool stopping_ GUARDED_BY(mutex_) = false;
  bool loaded_ = false;  // of configure() alone

  std::thread thread_;
};

}  // namespace silverback::notify
