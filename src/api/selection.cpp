#include "api/selection.h"

#include <algorithm>
#include <limits>

#include "base/clock.h"
#include "query/engine.h"
#include "query/promql/parser.h"

namespace silverback::api {

TimeRange range_of(std::int64_t start_ms, std::int64_t end_ms) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() / kNsPerMs - 1;
  TimeRange range;
  if (start_ms > kMost) {
    range.min_ns = range.max_ns;
  } else if (start_ms >= -kMost) {
    range.min_ns = start_ms * kNsPerMs;
  }
  if (end_ms < -kMost) {
    range.max_ns = std::numeric_limits<std::int64_t>::min();
  } else if (end_ms <= kMost) {
    range.max_ns = end_ms * kNsPerMs + (kNsPerMs - 1);
  }
  return range;
}

Result<Selection> read_selection(const Service& service, const Params& params) {
  Selection out;
  const auto start = time_param(params, "start", -kMaxTimeMs);
  if (!start) return start.status();
  const auto end = time_param(params, "end", kMaxTimeMs);
  if (!end) return end.status();
  out.range = range_of(*start, *end);
  out.empty_range = *start > *end;

  auto selectors = query::parse_selectors(params.all("match[]"));
  if (!selectors) return invalid_param("match[]", selectors.status());
  for (const auto& matchers : *selectors) {
    if (query::promql::matches_everything(matchers)) {
      return invalid_param("match[]",
                           {Code::InvalidArgument, "match[] must contain at least one non-empty matcher"});
    }
  }
  out.selectors = std::move(*selectors);

  const auto limit = limit_param(params);
  if (!limit) return limit.status();
  out.limit = *limit;
  const auto most = static_cast<std::size_t>(service.options.max_label_results);
  if (most != 0 && (out.limit == 0 || out.limit > most)) out.limit = most;
  return out;
}

}  // namespace silverback::api
