// DeadLetters: messages that could not be taken in, kept here because no topic takes them.
//
// They stand in the StateStore, one key each: docs/format/dead_letters.md. A letter that is put again
// replaces itself. There is a bound in bytes, of keys and values; beyond it put() takes no more, so that
// a consumer waits instead of losing something.
//
// Threads: any.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "kafka/message.h"
#include "model/state_store.h"

namespace silverback::kafka {

struct DeadLetter {
  std::string consumer;
  Partition source;
  std::int64_t offset = 0;
  std::int64_t time_ms = 0;       // of the message; 0: it had none
  std::int64_t failed_at_ms = 0;  // Unix time
  std::string code;
  std::string text;
  std::string key;
  std::string value;
  std::vector<std::pair<std::string, std::string>> headers;
  friend bool operator==(const DeadLetter&, const DeadLetter&) = default;

  /// "telemetry/metrics/3/1042": names it in the endpoints. A slash in a name is %2F, a percent sign %25.
  std::string id() const;
};

/// The code of a letter that is there and cannot be read. Only where it came from is known then, and in
/// `text` why; it can be removed.
inline constexpr std::string_view kUnreadable = "unreadable";

class DeadLetters {
 public:
  /// @param states  outlives it
  DeadLetters(StateStore& states, std::uint64_t max_bytes);

  /// Counts what there is. Call it once, before the others.
  Status open();
  /// As many of the first as there is space for, all at once, and no key twice. @returns how many those are;
  ///          ResourceExhausted when there is not even space for one, Unavailable when the disk does not
  ///          take it, InvalidArgument for a letter without a consumer or a topic: then there is none
  Result<std::size_t> put(std::span<const DeadLetter> letters) EXCLUDES(mutex_);
  /// Takes the place of the one with its key. @returns NotFound when that is not there (any more), and what
  ///          put() says
  Status replace(const DeadLetter& letter) EXCLUDES(mutex_);
  /// In the order of their keys: by consumer, topic, partition, offset.
  /// @param consumer  empty: of all
  /// @param after  the id of the last one seen; empty: from the first
  /// @returns at most `limit`, fewer when they are large (8 MiB at once): the end is where there is none. One
  ///          that is damaged comes with the code kUnreadable. InvalidArgument when `after` is no id
  Result<std::vector<DeadLetter>> list(std::string_view consumer, std::string_view after,
                                       std::size_t limit) const;
  /// @returns NotFound when there is none of that id, DataLoss when it is damaged, InvalidArgument when it is
  ///          no id or a newer program wrote the letter
  Result<DeadLetter> get(std::string_view id) const;
  /// Those that are not there are left out. @returns how many were there, readable or not
  Result<std::size_t> remove(std::span<const std::string> ids) EXCLUDES(mutex_);

  struct Size {
    std::uint64_t letters = 0;
    std::uint64_t bytes = 0;
  };
  Size size() const EXCLUDES(mutex_);
  std::uint64_t max_bytes() const { return max_bytes_.load(); }
  void set_max_bytes(std::uint64_t bytes) { max_bytes_.store(bytes); }

 private:
  Result<std::size_t> put_locked(std::span<const DeadLetter> letters) REQUIRES(mutex_);

  StateStore& states_;
  std::atomic<std::uint64_t> max_bytes_;
  mutable Mutex mutex_;  // a change and its count are one
  Size size_ GUARDED_BY(mutex_);
};

}  // namespace silverback::kafka
