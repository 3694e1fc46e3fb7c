// Silences: who is not to be told of which alerts until when. Kept in the state store.
//
// A silence is pending, active or expired by the clock; expired ones are shown for five days. Its matchers
// and its beginning do not change once it is active: an update of those ends it and makes another. Source:
// https://prometheus.io/docs/alerting/latest/alertmanager/#silences
//
// Threads: any.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "alerting/notify/alert.h"
#include "alerting/notify/matcher_text.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "model/state_store.h"

namespace silverback::notify {

enum class SilenceState : std::uint8_t { Pending, Active, Expired };
/// "pending", "active", "expired"
std::string_view to_string(SilenceState state);

struct Silence {
  std::string id;  // a UUID
  Matchers matchers;
  std::int64_t starts_ns = 0;
  std::int64_t ends_ns = 0;
  std::int64_t updated_ns = 0;
  std::string created_by;
  std::string comment;
  TextPairs annotations;
  SilenceState state_at(std::int64_t now_ns) const;
  friend bool operator==(const Silence&, const Silence&) = default;
};
std::string encode(const Silence& silence);
Result<Silence> decode_silence(std::string_view bytes);

class Silences {
 public:
  static constexpr std::size_t kMost = 100'000;

  /// Both outlive it.
  Silences(StateStore& states, const Clock& clock) : states_(states), clock_(clock) {}

  /// What is kept. @returns InvalidArgument when a newer version wrote it
  Status load() EXCLUDES(mutex_);
  /// Makes one, or changes that of the same id. @returns its id; InvalidArgument when it is wrong, NotFound
  /// when there is none of that id, ResourceExhausted, or Unavailable when the disk does not take it
  Result<std::string> set(Silence silence) EXCLUDES(write_mutex_, mutex_);
  /// Ends it now. @returns NotFound, InvalidArgument when it is over already, Unavailable
  Status expire(std::string_view id) EXCLUDES(write_mutex_, mutex_);

  std::vector<std::shared_ptr<const Silence>> all() const EXCLUDES(mutex_);
  std::shared_ptr<const Silence> find(std::string_view id) const EXCLUDES(mutex_);
  /// Ids of those that are active at `now_ns` and match, sorted. Does not wait for the disk.
  std::vector<std::string> silencing(const Labels& labels, std::int64_t now_ns) const EXCLUDES(mutex_);
  /// Forgets those that were over five days ago.
  void collect(std::int64_t now_ns) EXCLUDES(write_mutex_, mutex_);

 private:
  using Map = std::map<std::string, std::shared_ptr<const Silence>, std::less<>>;
  using Ptr = std::shared_ptr<const Silence>;
  Status keep(std::span<const Ptr> silences) REQUIRES(write_mutex_) EXCLUDES(mutex_);
  void index(const Ptr& silence) REQUIRES(mutex_);
  void index_all(std::int64_t now_ns) REQUIRES(mutex_);
  std::size_t size() const EXCLUDES(mutex_);
  static Status check(const Silence& silence, std::int64_t now_ns);
  static Silence ended(Silence silence, std::int64_t now_ns);

  StateStore& states_;
  const Clock& clock_;

  Mutex write_mutex_;  // one change at a time; before mutex_, which is never held while something is written
  mutable Mutex mutex_;
  Map silences_ GUARDED_BY(mutex_);
  // Those that are not over: by one label that they want to be equal to something, and the others.
  std::map<std::pair<std::string, std::string>, std::vector<Ptr>> by_label_ GUARDED_BY(mutex_);
  std::vector<Ptr> by_nothing_ GUARDED_BY(mutex_);
};

}  // namespace silverback::notify
