#include "query/extended.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "model/sample.h"

namespace silverback::query {
namespace {

struct Samples {
  std::span<const std::int64_t> times;
  std::span<const double> values;
};

// On the line between samples i and i + 1. A counter that was reset between them starts at zero.
double between(const Samples& s, std::size_t i, std::int64_t time_ms, bool counter) {
  const double after = s.values[i + 1];
  const double before = counter && after < s.values[i] ? 0 : s.values[i];
  return before + (after - before) * static_cast<double>(time_ms - s.times[i]) /
                      static_cast<double>(s.times[i + 1] - s.times[i]);
}

// The part of a widened window that a range rests on: from the sample at or before the left end to the
// last within, or when smoothed to the one at or behind the right end.
struct Part {
  std::size_t first = 0;
  std::size_t last = 0;
  bool any = false;
};

Part part_of(const Samples& s, std::int64_t left_ms, std::int64_t right_ms, bool smoothed) {
  const std::size_t newest = s.times.size() - 1;
  const auto begin = s.times.begin(), stop = begin + static_cast<std::ptrdiff_t>(newest);
  const auto inside = static_cast<std::size_t>(std::upper_bound(begin, stop, left_ms) - begin);
  Part part{inside > 0 ? inside - 1 : 0, newest, true};
  if (smoothed) part.last = static_cast<std::size_t>(std::lower_bound(begin, stop, right_ms) - begin);
  part.any = s.times[part.last] > left_ms && !(smoothed && s.times[part.first] > right_ms);
  return part;
}

double left_value(const Samples& s, const Part& part, std::int64_t left_ms, bool smoothed, bool counter) {
  const bool cut = smoothed && s.times[part.first] < left_ms;
  return cut ? between(s, part.first, left_ms, counter) : s.values[part.first];
}
double right_value(const Samples& s, const Part& part, std::int64_t right_ms, bool smoothed, bool counter) {
  const bool cut = smoothed && part.last > 0 && s.times[part.last] > right_ms;
  return cut ? between(s, part.last - 1, right_ms, counter) : s.values[part.last];
}

// What a counter lost between `left`, the samples strictly inside, and `right`.
double lost_to_resets(const Samples& s, const Part& part, std::int64_t left_ms, std::int64_t right_ms,
                      double left, double right) {
  double lost = 0, previous = left;
  for (std::size_t i = part.first; i <= part.last; ++i) {
    if (s.times[i] <= left_ms || s.times[i] >= right_ms) continue;
    if (s.values[i] < previous) lost += previous;
    previous = s.values[i];
  }
  return right < previous ? lost + previous : lost;
}

// Calls f(samples, left, right) for each step that has a sample in its widened window.
template <typename F>
void for_each_window(const RollupContext& context, const RollupInput& in, F f) {
  for (std::size_t step = 0; step < in.windows.first.size(); ++step) {
    const std::size_t size = in.windows.size(step);
    if (size == 0) continue;
    const Samples samples{in.times.subspan(in.windows.first[step], size),
                          in.values.subspan(in.windows.first[step], size)};
    f(step, samples, context.cache.left(step) + context.beyond_left_ms,
      context.cache.right(step) - context.beyond_right_ms);
  }
}

void set_bit(std::span<std::uint64_t> present, std::size_t step) {
  present[step / 64] |= std::uint64_t{1} << (step % 64);
}

enum class Kind { Rate, Increase, Delta };

template <Kind kind, bool smoothed>
Status difference(RollupContext& context, const RollupInput& in, std::span<double> out,
                  std::span<std::uint64_t> present) {
  constexpr bool kCounter = kind != Kind::Delta;
  for_each_window(context, in,
                  [&](std::size_t step, const Samples& s, std::int64_t left_ms, std::int64_t right_ms) {
                    const Part part = part_of(s, left_ms, right_ms, smoothed);
                    if (!part.any) return;
                    const double left = left_value(s, part, left_ms, smoothed, kCounter);
                    const double right = right_value(s, part, right_ms, smoothed, kCounter);
                    double result = right - left;
                    if (kCounter) result += lost_to_resets(s, part, left_ms, right_ms, left, right);
                    if (kind == Kind::Rate) result /= static_cast<double>(right_ms - left_ms) / 1000;
                    out[step] = result;
                    set_bit(present, step);
                  });
  return {};
}

// Counts pairs of neighbours, the sample at the left end included.
template <bool (*Counts)(double, double)>
Status count_pairs(RollupContext& context, const RollupInput& in, std::span<double> out,
                   std::span<std::uint64_t> present) {
  for_each_window(context, in, [&](std::size_t step, const Samples& s, std::int64_t left_ms, std::int64_t) {
    const auto inside =
        static_cast<std::size_t>(std::upper_bound(s.times.begin(), s.times.end(), left_ms) - s.times.begin());
    if (inside == s.times.size()) return;
    double n = 0;
    for (std::size_t i = std::max<std::size_t>(inside, 1); i < s.times.size(); ++i)
      n += Counts(s.values[i - 1], s.values[i]) ? 1 : 0;
    out[step] = n;
    set_bit(present, step);
  });
  return {};
}

bool is_reset(double before, double after) { return after < before; }
bool is_change(double before, double after) {
  return after != before && !(std::isnan(after) && std::isnan(before));
}

// Sorted by name, as the refusal lists them.
constexpr RollupFunction kAnchored[] = {
    {"changes", count_pairs<is_change>},
    {"delta", difference<Kind::Delta, false>},
    {"increase", difference<Kind::Increase, false>, false, true},
    {"rate", difference<Kind::Rate, false>, false, true},
    {"resets", count_pairs<is_reset>},
};
constexpr RollupFunction kSmoothed[] = {
    {"delta", difference<Kind::Delta, true>},
    {"increase", difference<Kind::Increase, true>, false, true},
    {"rate", difference<Kind::Rate, true>, false, true},
};

}  // namespace

Modifiers widened(Modifiers modifiers, const promql::VectorSelector& selector, std::int64_t lookback_ms) {
  if (selector.anchored || selector.smoothed) modifiers.range_ms += lookback_ms;
  if (selector.smoothed) {
    modifiers.range_ms += lookback_ms;
    modifiers.offset_ms -= lookback_ms;
  }
  return modifiers;
}

Result<const RollupFunction*> find_extended_rollup(std::string_view name, bool smoothed) {
  const std::span<const RollupFunction> all =
      smoothed ? std::span<const RollupFunction>(kSmoothed) : kAnchored;
  std::string names;
  for (const RollupFunction& function : all) {
    if (function.name == name) return &function;
    if (!names.empty()) names += ", ";
    names += function.name;
  }
  return Status(Code::Unprocessable, std::string(smoothed ? "smoothed" : "anchored") +
                                         " modifier can only be used with: " + names + " - not with " +
                                         std::string(name));
}

void extend_window(std::span<const std::int64_t> times, std::span<const double> values, std::int64_t left_ms,
                   std::int64_t right_ms, bool smoothed, RawSeries& out) {
  const Samples s{times, values};
  const Part part = part_of(s, left_ms, right_ms, smoothed);
  if (!part.any) return;
  const auto put = [&](std::int64_t time_ms, double value) {
    out.times_ms.push_back(time_ms);
    out.values.push_back(value);
  };
  put(left_ms, left_value(s, part, left_ms, smoothed, false));
  for (std::size_t i = part.first; i <= part.last; ++i) {
    if (times[i] > left_ms && times[i] < right_ms) put(times[i], values[i]);
  }
  put(right_ms, right_value(s, part, right_ms, smoothed, false));
}

SmoothedSource::SmoothedSource(std::unique_ptr<SeriesReader> reader, const StepGrid& grid,
                               const Modifiers& modifiers, std::int64_t lookback_ms, SampleCount& count)
    : reader_(std::move(reader)),
      cache_(grid, modifiers),
      lookback_ms_(lookback_ms),
      count_(count),
      values_(grid.steps),
      present_((grid.steps + 63) / 64) {}

Result<bool> SmoothedSource::next(Row& row) {
  SeriesView series;
  for (;;) {
    const auto more = reader_->next(series);
    if (!more || !*more) return more;
    std::ranges::fill(present_, 0);
    fill(series);
    if (!any_set(present_)) continue;
    row = {series.labels, series.drop_name, values_, present_};
    return true;
  }
}

// On the line between the samples around the time; without one behind it, the one before.
void SmoothedSource::fill(const SeriesView& series) {
  times_.clear();
  kept_.clear();
  for (std::size_t i = 0; i < series.times.size(); ++i) {
    if (is_stale(series.values[i])) continue;
    times_.push_back(series.times[i]);
    kept_.push_back(series.values[i]);
  }
  const Windows& windows = cache_.windows(times_);
  const Samples s{times_, kept_};
  for (std::size_t step = 0; step < values_.size(); ++step) {
    if (windows.size(step) == 0) continue;
    const std::int64_t time_ms = cache_.right(step) - lookback_ms_;
    const auto first = times_.begin() + windows.first[step], end = times_.begin() + windows.end[step];
    const auto at = std::lower_bound(first, end, time_ms);
    const auto i = static_cast<std::size_t>(at - times_.begin());
    if (at != end && *at == time_ms) {
      values_[step] = kept_[i];
    } else if (at == first) {
      continue;  // nothing before it yet
    } else {
      values_[step] = at == end ? kept_[i - 1] : between(s, i - 1, time_ms, false);
    }
    set_bit(present_, step);
    ++count_.total;
    if (!count_.per_step.empty()) ++count_.per_step[std::min(step, count_.per_step.size() - 1)];
  }
}

}  // namespace silverback::query
