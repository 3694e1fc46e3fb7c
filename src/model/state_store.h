// StateStore: small things that must survive anything, such as the states of alerts.
//
//   StateBatch batch;
//   batch.put("alert/" + key, bytes);
//   batch.remove("outbox/17");
//   if (const Status kept = states.apply(batch); !kept.ok()) ...   // nothing of it is promised
//
// Keys are ordered by their bytes. What apply() has answered OK survives kill -9 and power loss.
//
// Threads: any; a StateBatch belongs to its caller.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"

namespace silverback {

class StateBatch {
 public:
  void put(std::string key, std::string value) { changes_.emplace_back(std::move(key), std::move(value)); }
  void remove(std::string key) { changes_.emplace_back(std::move(key), std::nullopt); }
  /// The changes of `later` after these.
  void append(const StateBatch& later) {
    changes_.insert(changes_.end(), later.changes_.begin(), later.changes_.end());
  }
  bool empty() const { return changes_.empty(); }
  void clear() { changes_.clear(); }

  using Change = std::pair<std::string, std::optional<std::string>>;  // no value: remove
  const std::vector<Change>& changes() const { return changes_; }

 private:
  std::vector<Change> changes_;
};

class StateStore {
 public:
  virtual ~StateStore() = default;
  /// All of it or nothing, in order; durable when it returns OK.
  /// @returns Unavailable when the disk does not take it; try again later
  virtual Status apply(const StateBatch& batch) = 0;
  /// Every pair whose key begins with `prefix`, by key, as of the time of the call. The callback returns
  /// false to stop. @returns DataLoss or Unavailable when the store cannot be read
  virtual Status scan(
      std::string_view prefix,
      const std::function<bool(std::string_view key, std::string_view value)>& each) const = 0;
  /// The same without the keys before `from`, for lists that are read in pages. A store that can begin there
  /// need not read what it leaves out.
  virtual Status scan_from(
      std::string_view prefix, std::string_view from,
      const std::function<bool(std::string_view key, std::string_view value)>& each) const {
    return scan(prefix,
                [&](std::string_view key, std::string_view value) { return key < from || each(key, value); });
  }
};

}  // namespace silverback
