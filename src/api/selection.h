// Selection: match[], start, end and limit, as the label endpoints and federation take them.
#pragma once

#include <vector>

#include "api/params.h"
#include "api/service.h"
#include "model/matcher.h"
#include "model/time_range.h"

namespace silverback::api {

struct Selection {
  std::vector<std::vector<Matcher>> selectors;
  TimeRange range;
  bool empty_range = false;  // start after end: nothing lies there
  std::size_t limit = 0;

  LabelQuery query() const { return {selectors, limit}; }
};

/// @returns InvalidArgument for a selector that does not parse or would match everything, a bad time or limit
Result<Selection> read_selection(const Service& service, const Params& params);

/// Milliseconds to the nanoseconds they cover, within what int64 holds.
TimeRange range_of(std::int64_t start_ms, std::int64_t end_ms);

inline constexpr const char* kTruncatedWarning = "results truncated due to limit";

}  // namespace silverback::api
