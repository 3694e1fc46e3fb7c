// Rollups: functions of range vectors (rate, max_over_time ...), a whole column at a time.
//
// A kernel gets one series' samples and where its windows lie, and fills a value for each step. What
// depends on times alone (extrapolation, presence) comes from RollupContext, which keeps it as long as
// the times stay the same.
//
// Each is O(samples + steps) where its definition allows (rate, changes, counts, min and max over wide
// windows), else O(sum of window sizes).
//
// Semantics and order of operations: Prometheus 3, promql/functions.go, so that results agree to the bit
// where it matters (extrapolation, compensated sums).
//
// Threads: one.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "query/annotations.h"
#include "query/limits.h"
#include "query/windows.h"

namespace silverback::query {

/// What rate, increase and delta need of a window's times, in seconds.
struct RateGeometry {
  double sampled = 0;   // between the first and the last sample
  double to_start = 0;  // how far to extrapolate on the left
  double to_end = 0;
};

/// Of one call in one query.
struct RollupContext {
  RollupContext(const StepGrid& grid, const Modifiers& modifiers) : cache(grid, modifiers) {}

  WindowCache cache;
  std::span<const double> scalars[2];  // other arguments in their order, a value per step
  promql::PosRange place;              // of the first argument
  Annotations* annotations = nullptr;
  // An extended selector's windows are wider than its range by so much; see extended.h.
  std::int64_t beyond_left_ms = 0;
  std::int64_t beyond_right_ms = 0;

  Budget* budget = nullptr;  // null: nobody minds how long it takes

  /// A kernel that looks at every sample of every window says how many those were: a query stops in the
  /// middle of a long series when its client has gone.
  Status worked(std::size_t samples) {
    constexpr std::size_t kBetweenLooks = 1 << 20;
    work_ += samples;
    if (work_ < kBetweenLooks || budget == nullptr) return {};
    work_ = 0;
    return budget->pace();
  }

  // Kept while the windows stay the same.
  std::vector<RateGeometry> geometry;
  std::vector<double> factor;  // (sampled + to_start + to_end) / sampled, and per second for rate
  std::vector<double> safe;    // first >= safe * increase: the counter's zero lies further left than to_start
  std::uint64_t geometry_generation = 0;
  std::vector<std::uint32_t> sum_order;  // steps as sums take them together
  std::uint64_t sum_order_generation = 0;
  // Scratch, reused from series to series.
  std::vector<double> doubles;
  std::vector<std::uint32_t> indices;

 private:
  std::size_t work_ = 0;
};

struct RollupInput {
  std::span<const std::int64_t> times;  // milliseconds
  std::span<const double> values;       // without stale markers
  const Windows& windows;
};

/// Fills values and present (which is all clear on entry) for each step.
using RollupKernel = Status (*)(RollupContext& context, const RollupInput& in, std::span<double> values,
                                std::span<std::uint64_t> present);

struct RollupFunction {
  std::string_view name;
  RollupKernel kernel;
  bool keeps_name = false;     // first_over_time and last_over_time are like an offset
  bool wants_counter = false;  // says so when the metric's name does not look like one
};

/// Null when `name` is not a function of range vectors.
const RollupFunction* find_rollup(std::string_view name);

// One list per file.
std::span<const RollupFunction> rate_rollups();     // rate, increase, delta, irate, idelta
std::span<const RollupFunction> simple_rollups();   // counts, first, last, changes, resets, min, max
std::span<const RollupFunction> sum_rollups();      // sum, avg, stddev, stdvar
std::span<const RollupFunction> ordered_rollups();  // quantile, mad
std::span<const RollupFunction> trend_rollups();    // deriv, predict_linear, double_exponential_smoothing

}  // namespace silverback::query
