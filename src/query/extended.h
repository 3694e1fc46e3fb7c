// Extended selectors: `x[5m] anchored` and `x[5m] smoothed`, which look beyond the ends of the range.
//
//              left                    right
//   anchored   sample before .... last sample          what stood at the left end, no extrapolation
//   smoothed   <- between two ->   <- between two ->   straight lines across both ends
//
// How far they look is the look-back. `x smoothed` is the straight line through the samples around the
// evaluation time.
// Source: https://prometheus.io/docs/prometheus/latest/feature_flags/#extended-range-selectors
//
// Threads: one, the query's.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "query/promql/ast.h"
#include "query/rollup.h"
#include "query/row_source.h"
#include "query/sources.h"

namespace silverback::query {

/// The windows of such a selector: as far as it looks. What it is asked for is `modifiers` as it was.
Modifiers widened(Modifiers modifiers, const promql::VectorSelector& selector, std::int64_t lookback_ms);

/// The function over such a range.
/// @returns Unprocessable when it has none, naming those that have
Result<const RollupFunction*> find_extended_rollup(std::string_view name, bool smoothed);

/// One window, as `x[5m] anchored` alone answers: the samples within, and one at either end.
/// @param times, values  of the widened window, not empty
void extend_window(std::span<const std::int64_t> times, std::span<const double> values, std::int64_t left_ms,
                   std::int64_t right_ms, bool smoothed, RawSeries& out);

/// `x smoothed`, without a range.
class SmoothedSource final : public RowSource {
 public:
  /// @param modifiers  widened
  SmoothedSource(std::unique_ptr<SeriesReader> reader, const StepGrid& grid, const Modifiers& modifiers,
                 std::int64_t lookback_ms, SampleCount& count);
  Result<bool> next(Row& row) override;
  std::size_t size_hint() const override { return reader_->size_hint(); }

 private:
  void fill(const SeriesView& series);

  std::unique_ptr<SeriesReader> reader_;
  WindowCache cache_;
  const std::int64_t lookback_ms_;
  SampleCount& count_;
  std::vector<std::int64_t> times_;  // without stale markers
  std::vector<double> kept_;
  std::vector<double> values_;
  std::vector<std::uint64_t> present_;
};

}  // namespace silverback::query
