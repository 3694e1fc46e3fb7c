// RuleManager: all rule groups, when each is due, and what a reload makes of them.
//
// A few threads take the group that is due next, evaluate it and put it back with its next grid point. A
// group that takes longer than its interval misses evaluations, which are counted; it never runs beside
// itself.
//
// Threads: load() one at a time; the others any.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <queue>
#include <string>
#include <thread>
#include <vector>

#include "alerting/rule_group.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "base/mutex.h"

namespace silverback::alerting {

class RuleManager {
 public:
  using Groups = std::vector<std::shared_ptr<RuleGroup>>;

  /// @param clock, services  outlive the manager
  RuleManager(RuleServices services, const Clock& clock, std::size_t threads = 2);
  ~RuleManager();
  RuleManager(const RuleManager&) = delete;
  RuleManager& operator=(const RuleManager&) = delete;

  /// Reads the files that the patterns name (`rules/*.yml`) and evaluates their groups from now on, instead
  /// of those before. Rules that are still there keep their state; at the first call that is what the state
  /// store holds.
  /// @returns InvalidArgument with all problems of all files, NotFound when a file without pattern is not
  /// there;
  ///          then everything stays as it was
  /// @param paused  called while no rule is evaluated, before anybody is told of what the change ends
  /// @param messages  takes what is recorded and has a topic, outlives the manager; null: nothing is sent
  Status load(const RuleSettings& settings, const std::vector<std::string>& patterns,
              const std::function<void()>& paused = {}, MessageSink* messages = nullptr) EXCLUDES(mutex_);

  /// The same without taking anything up.
  /// @param topics  false: a rule that names one is a mistake, since nothing sends its messages
  /// @returns how many rules there are
  static Result<std::size_t> check(const std::vector<std::string>& patterns,
                                   const query::promql::ParserOptions& expressions, bool topics = true);
  /// One file. @returns NotFound or InvalidArgument
  static Result<RuleFile> read(const std::string& path, const query::promql::ParserOptions& expressions);

  /// In the order of files and groups.
  Groups groups() const EXCLUDES(mutex_);

 private:
  struct Due {
    std::int64_t time_ms;
    std::shared_ptr<RuleGroup> group;
    bool operator<(const Due& other) const { return time_ms > other.time_ms; }  // the earliest on top
  };

  Status restore(const Groups& groups);
  void retire(const Groups& before, const Groups& now);
  void sync(const Groups& groups);
  void run();
  void evaluate(const Due& due);

  // Fixed after construction.
  const RuleServices services_;
  const Clock& clock_;

  mutable Mutex mutex_;
  Condition changed_;  // something became due earlier, a group came back, or it is time to stop
  Groups groups_ GUARDED_BY(mutex_);
  std::priority_queue<Due> due_ GUARDED_BY(mutex_);
  std::size_t running_ GUARDED_BY(mutex_) = 0;
  bool paused_ GUARDED_BY(mutex_) = false;  // a reload waits for those that run
  bool stopping_ GUARDED_BY(mutex_) = false;
  bool restored_ = false;  // of load() alone

  std::vector<std::thread> threads_;
};

}  // namespace silverback::alerting
