// LabelSet: collects the labels of a new series and checks them against the limits.
//
// Names and values are any UTF-8; names are not empty; a label with an empty value is left out, as in
// Prometheus. Labels that the request sets on every series win over the client's. Runs once in the life of a
// series.
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
  /// For all series from now on. They must last as long as series are collected.
  void set_extra(ExtraLabels extra) { extra_ = extra; }
  std::size_t size() const { return pairs_.size(); }

  /// A label as a client gives it. The bytes must last until finish().
  /// @returns InvalidArgument; `reason` is then Malformed or TooLong
  Status add(std::string_view name, std::string_view value, RefusedBecause& reason);

  /// A label of our own, not checked, and not replaced by an extra one.
  void set(std::string_view name, std::string_view value) { pairs_.push_back({name, value}); }

  /// @returns InvalidArgument for a repeated name or a missing __name__, or what add() says of an extra label
  Result<Labels> finish(RefusedBecause& reason);

 private:
  Status take(std::string_view name, std::string_view value, RefusedBecause& reason);

  const WriteLimits limits_;
  ExtraLabels extra_;
  std::vector<LabelView> pairs_;
};

/// "text" cut to a readable length and made valid UTF-8, in quotes.
std::string quoted(std::string_view text);

}  // namespace silverback::ingest
