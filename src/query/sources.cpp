#include "query/sources.h"

#include <algorithm>
#include <array>
#include <bit>
#include <string>

#include "model/sample.h"
#include "query/naming.h"

namespace silverback::query {
namespace {

bool any_stale(std::span<const double> values) {
  std::size_t stale = 0;
  for (const double v : values) stale += std::bit_cast<std::uint64_t>(v) == kStaleNanBits ? 1 : 0;
  return stale != 0;
}

bool looks_like_counter(std::string_view name) {
  constexpr std::array<std::string_view, 4> kSuffixes = {"_total", "_sum", "_count", "_bucket"};
  return std::ranges::any_of(kSuffixes, [&](std::string_view suffix) { return name.ends_with(suffix); });
}

}  // namespace

SelectorSource::SelectorSource(std::unique_ptr<SeriesReader> reader, const StepGrid& grid,
                               const Modifiers& modifiers, Want want, SampleCount& count)
    : reader_(std::move(reader)),
      cache_(grid, modifiers),
      want_(want),
      count_(count),
      values_(grid.steps),
      present_((grid.steps + 63) / 64) {}

Result<bool> SelectorSource::next(Row& row) {
  SeriesView series;
  for (;;) {
    const auto more = reader_->next(series);
    if (!more || !*more) return more;
    if (!(values_.size() == 1 ? fill_one(series) : fill(series))) continue;
    row = {series.labels, series.drop_name, values_, present_};
    return true;
  }
}

bool SelectorSource::fill(const SeriesView& series) {
  const Windows& windows = cache_.windows(series.times);
  std::ranges::copy(windows.non_empty, present_.begin());
  const std::uint32_t* const last = windows.any_last.data();
  const double* const in = series.values.data();
  double* const out = values_.data();
  std::size_t stale = 0;
  for (std::size_t step = 0; step < values_.size(); ++step) {
    const double v = in[last[step]];
    stale += std::bit_cast<std::uint64_t>(v) == kStaleNanBits ? 1 : 0;
    out[step] = v;
  }
  if (stale > 0) {
    for (std::size_t step = 0; step < values_.size(); ++step) {
      if (is_stale(out[step])) present_[step / 64] &= ~(std::uint64_t{1} << (step % 64));
    }
  }
  if (want_ == Want::Timestamps) {
    for (std::size_t step = 0; step < values_.size(); ++step) {
      out[step] = static_cast<double>(series.times[last[step]]) / 1000;
    }
  }
  return count_present();
}

// An instant query: no windows to remember, one look from the end.
bool SelectorSource::fill_one(const SeriesView& series) {
  const auto after = std::upper_bound(series.times.begin(), series.times.end(), cache_.right(0));
  if (after == series.times.begin() || *(after - 1) <= cache_.left(0)) return false;
  const auto last = static_cast<std::size_t>(after - series.times.begin()) - 1;
  values_[0] = want_ == Want::Values ? series.values[last] : static_cast<double>(series.times[last]) / 1000;
  present_[0] = is_stale(series.values[last]) ? 0 : 1;
  return count_present();
}

bool SelectorSource::count_present() {
  std::size_t n = 0;
  for (const std::uint64_t word : present_) n += static_cast<std::size_t>(std::popcount(word));
  count_.total += n;
  if (n > 0 && !count_.per_step.empty()) {
    for (std::size_t step = 0; step < values_.size(); ++step) {
      count_.per_step[std::min(step, count_.per_step.size() - 1)] += present_[step / 64] >> (step % 64) & 1;
    }
  }
  return n > 0;
}

RollupSource::RollupSource(std::unique_ptr<SeriesReader> reader, const RollupFunction& function,
                           std::unique_ptr<RollupContext> context, std::vector<Matrix> scalars,
                           Options options, SampleCount& count)
    : reader_(std::move(reader)),
      function_(function),
      context_(std::move(context)),
      scalars_(std::move(scalars)),
      options_(options),
      count_(count),
      values_(context_->cache.grid().steps),
      present_((values_.size() + 63) / 64) {
  for (std::size_t i = 0; i < scalars_.size() && i < std::size(context_->scalars); ++i) {
    context_->scalars[i] = scalars_[i].values(0);
  }
}

Result<bool> RollupSource::next(Row& row) {
  SeriesView series;
  for (;;) {
    const auto more = reader_->next(series);
    if (!more || !*more) return more;
    if (any_stale(series.values)) without_stale(series);
    const Windows& windows = context_->cache.windows(series.times);
    std::ranges::fill(present_, 0);
    const RollupInput input{series.times, series.values, windows};
    if (Status computed = function_.kernel(*context_, input, values_, present_); !computed.ok())
      return computed;
    if (options_.counts_samples) count_samples(windows);
    if (!any_set(present_)) continue;
    if (function_.wants_counter) doubt_counter(*series.labels);
    row = {series.labels, series.drop_name || !function_.keeps_name, values_, present_};
    if (row.drop_name && !options_.delayed_names) {
      nameless_ = without_metadata(*series.labels);
      row.labels = &nameless_;
      row.drop_name = false;
    }
    return true;
  }
}

void RollupSource::without_stale(SeriesView& series) {
  times_kept_.clear();
  values_kept_.clear();
  for (std::size_t i = 0; i < series.values.size(); ++i) {
    if (is_stale(series.values[i])) continue;
    times_kept_.push_back(series.times[i]);
    values_kept_.push_back(series.values[i]);
  }
  series.times = times_kept_;
  series.values = values_kept_;
}

void RollupSource::doubt_counter(const Labels& labels) {
  const std::string_view name = labels.get(kMetricName);
  if (name == doubted_ || name.empty() || looks_like_counter(name)) return;
  doubted_ = name;
  context_->annotations->info(
      "metric might not be a counter, name does not end in _total/_sum/_count/_bucket: \"" +
          std::string(name) + "\"",
      context_->place);
}

void RollupSource::count_samples(const Windows& windows) {
  count_.total += windows.samples;
  if (count_.per_step.empty()) return;
  for (std::size_t step = 0; step < windows.first.size(); ++step) {
    count_.per_step[std::min(step, count_.per_step.size() - 1)] += windows.size(step);
  }
}

Result<std::unique_ptr<SeriesReader>> MatrixReader::open(Matrix matrix, Budget& budget) {
  Held held(budget);
  if (Status times = held.more(0, matrix.steps() * sizeof(std::int64_t)); !times.ok()) return times;
  return std::unique_ptr<SeriesReader>(new MatrixReader(std::move(matrix), std::move(held)));
}

MatrixReader::MatrixReader(Matrix matrix, Held held) : held_(std::move(held)), matrix_(std::move(matrix)) {
  grid_times_.reserve(matrix_.steps());
  for (std::size_t step = 0; step < matrix_.steps(); ++step) grid_times_.push_back(matrix_.grid().time(step));
}

Result<bool> MatrixReader::next(SeriesView& series) {
  while (at_ < matrix_.rows()) {
    const std::size_t row = at_++;
    const std::size_t n = matrix_.count(row);
    if (n == 0) continue;
    series = {&matrix_.labels(row), matrix_.drop_name(row), grid_times_, matrix_.values(row)};
    if (n == matrix_.steps()) return true;
    times_.clear();
    values_.clear();
    matrix_.for_each(row, [&](std::size_t step) {
      times_.push_back(grid_times_[step]);
      values_.push_back(matrix_.at(row, step));
    });
    series.times = times_;
    series.values = values_;
    return true;
  }
  return false;
}

}  // namespace silverback::query
