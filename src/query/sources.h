// Sources: rows straight from series, for a selector and for a function of a range.
//
// Threads: one, the query's.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "query/rollup.h"
#include "query/row_source.h"
#include "query/selections.h"

namespace silverback::query {

/// What counts towards QueryStats.
struct SampleCount {
  std::uint64_t total = 0;
  std::vector<std::uint64_t> per_step;  // empty unless asked for; on the query's own grid
};

/// `x offset 5m`: at each step the last sample of the look-back, unless it is a stale marker.
class SelectorSource final : public RowSource {
 public:
  enum class Want { Values, Timestamps };
  /// @param modifiers  range_ms is the look-back
  SelectorSource(std::unique_ptr<SeriesReader> reader, const StepGrid& grid, const Modifiers& modifiers,
                 Want want, SampleCount& count);
  Result<bool> next(Row& row) override;
  std::size_t size_hint() const override { return reader_->size_hint(); }

 private:
  bool fill(const SeriesView& series);
  bool fill_one(const SeriesView& series);
  bool count_present();

  std::unique_ptr<SeriesReader> reader_;
  WindowCache cache_;
  const Want want_;
  SampleCount& count_;
  std::vector<double> values_;
  std::vector<std::uint64_t> present_;
};

/// rate(x[5m]) and all its like, over a selector or the rows of a subquery.
class RollupSource final : public RowSource {
 public:
  struct Options {
    bool delayed_names = true;
    bool counts_samples = true;
  };
  RollupSource(std::unique_ptr<SeriesReader> reader, const RollupFunction& function,
               std::unique_ptr<RollupContext> context, std::vector<Matrix> scalars, Options options,
               SampleCount& count);
  Result<bool> next(Row& row) override;
  std::size_t size_hint() const override { return reader_->size_hint(); }

 private:
  void without_stale(SeriesView& series);
  void doubt_counter(const Labels& labels);
  void count_samples(const Windows& windows);

  std::unique_ptr<SeriesReader> reader_;
  const RollupFunction& function_;
  std::unique_ptr<RollupContext> context_;
  const std::vector<Matrix> scalars_;  // context_ looks at them
  const Options options_;
  SampleCount& count_;
  std::vector<double> values_;
  std::vector<std::uint64_t> present_;
  std::vector<std::int64_t> times_kept_;
  std::vector<double> values_kept_;
  Labels nameless_;
  std::string doubted_;  // the last metric that does not look like a counter
};

/// The rows of a subquery's matrix as series: its steps are the sample times.
class MatrixReader final : public SeriesReader {
 public:
  static Result<std::unique_ptr<SeriesReader>> open(Matrix matrix, Budget& budget);
  Result<bool> next(SeriesView& series) override;
  std::size_t size_hint() const override { return matrix_.rows(); }

 private:
  MatrixReader(Matrix matrix, Held held);

  const Held held_;  // for the times
  const Matrix matrix_;
  std::vector<std::int64_t> grid_times_;
  std::vector<std::int64_t> times_;
  std::vector<double> values_;
  std::size_t at_ = 0;
};

}  // namespace silverback::query
