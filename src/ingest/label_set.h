// LabelSet: collects the labels of a new series and checks them against the limits.
//
// Names and values are any UTF-8; names are not empty; a label with an empty value is left out, as in
// Prometheus. Runs once in the life of a series.
//
// Threads: one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "ingest/write.h"
#include "model/labels.h"

namespace silverback::ingest {

class LabelSet {
 public:
  explicit LabelSet(const WriteLimits& limits) : limits_(limits) {}

  void clear() { pairs_.clear(); }
  std::size_t size() const { return pairs_.size(); }

  /// A label as a client gives it. The bytes must last until finish().
  /// @returns InvalidArgument; `reason` is then Malformed or TooLong
  Status add(std::string_view name, std::string_view value, RefusedBecause& reason);

  /// A label of our own, not checked.
  void set(std::string_view name, std::string_view value) { pairs_.push_back({name, value}); }

  /// @returns InvalidArgument for a repeated name or a missing __name__
  Result<Labels> finish();

 private:
  const WriteLimits limits_;
  std::vector<LabelView> pairs_;
};

/// "text" cut to a readable length and made valid UTF-8, in quotes.
std::string quoted(std::string_view text);

}  // namespace silverback::ingest
