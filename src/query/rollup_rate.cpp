// rate, increase, delta: the difference of the last and the first sample, extrapolated to the window's
// ends; irate, idelta: of the last two samples.
#include <algorithm>

#include "query/rollup.h"

namespace silverback::query {
namespace {

enum class Kind { Rate, Increase, Delta };

// Extrapolation goes to the window's end when a sample could be expected there (within 1.1 times the mean
// distance), else by half the mean distance. A counter is not extrapolated below zero: that part depends
// on values and is in counter_factor().
RateGeometry geometry_of(const WindowCache& cache, std::span<const std::int64_t> times, std::size_t first,
                         std::size_t end, std::size_t step) {
  RateGeometry g;
  const std::int64_t first_time = times[first];
  const std::int64_t last_time = times[end - 1];
  g.to_start = static_cast<double>(first_time - cache.left(step)) / 1000;
  g.to_end = static_cast<double>(cache.right(step) - last_time) / 1000;
  g.sampled = static_cast<double>(last_time - first_time) / 1000;
  const double mean_distance = g.sampled / static_cast<double>(end - first - 1);
  const double threshold = mean_distance * 1.1;
  if (g.to_start >= threshold) g.to_start = mean_distance / 2;
  if (g.to_end >= threshold) g.to_end = mean_distance / 2;
  return g;
}

double factor_of(const RateGeometry& g, double to_start, Kind kind, double range_seconds) {
  double factor = 1;
  if (g.sampled != 0) factor = (g.sampled + to_start + g.to_end) / g.sampled;
  return kind == Kind::Rate ? factor / range_seconds : factor;
}

void prepare(RollupContext& context, const RollupInput& in, Kind kind) {
  const Windows& windows = in.windows;
  if (context.geometry_generation == windows.generation) return;
  context.geometry_generation = windows.generation;
  const std::size_t steps = windows.first.size();
  const double range_seconds = static_cast<double>(context.cache.modifiers().range_ms) / 1000;
  context.geometry.resize(steps);
  context.factor.resize(steps);
  context.safe.resize(steps);
  for (std::size_t step = 0; step < steps; ++step) {
    RateGeometry& g = context.geometry[step];
    if (windows.size(step) < 2) {
      g = {};
      context.factor[step] = context.safe[step] = 0;
      continue;
    }
    g = geometry_of(context.cache, in.times, windows.first[step], windows.end[step], step);
    context.factor[step] = factor_of(g, g.to_start, kind, range_seconds);
    context.safe[step] = g.to_start / g.sampled * (1 + 1e-9);
  }
}

// The zero of a counter that rose by `increase` from `first` lies this far left of the first sample.
double counter_factor(const RateGeometry& g, double first, double increase, Kind kind, double range_seconds) {
  double to_start = g.to_start;
  if (increase > 0 && first >= 0) to_start = std::min(to_start, g.sampled * (first / increase));
  return factor_of(g, to_start, kind, range_seconds);
}

// The common case, without a look at what is rare: no reset, and the counter's zero far to the left.
// @returns how many windows need that look
template <Kind kind>
std::size_t straight(const RollupContext& context, const RollupInput& in, std::span<double> out) {
  const double* const v = in.values.data();
  const std::uint32_t* const first = in.windows.any_first.data();
  const std::uint32_t* const last = in.windows.any_last.data();
  const double* const factor = context.factor.data();
  const double* const safe = context.safe.data();
  double* const result = out.data();
  std::size_t unsafe = 0;
  for (std::size_t step = 0; step < out.size(); ++step) {
    const double start = v[first[step]];
    const double difference = v[last[step]] - start;
    if (kind != Kind::Delta) unsafe += start >= difference * safe[step] ? 0 : 1;
    result[step] = difference * factor[step];
  }
  return unsafe;
}

std::size_t count_resets(std::span<const double> v) {
  std::size_t resets = 0;
  for (std::size_t i = 1; i < v.size(); ++i) resets += v[i] < v[i - 1] ? 1 : 0;
  return resets;
}

template <Kind kind>
void with_resets(RollupContext& context, const RollupInput& in, std::span<double> out) {
  const double range_seconds = static_cast<double>(context.cache.modifiers().range_ms) / 1000;
  const std::span<const double> v = in.values;
  std::vector<std::uint32_t>& resets = context.indices;
  resets.clear();
  for (std::size_t i = 1; i < v.size(); ++i) {
    if (v[i] < v[i - 1]) resets.push_back(static_cast<std::uint32_t>(i));
  }
  std::size_t next_reset = 0;  // windows move right, so each starts looking where the one before did
  for (std::size_t step = 0; step < out.size(); ++step) {
    const std::size_t first = in.windows.first[step];
    const std::size_t end = in.windows.end[step];
    if (end < first + 2) continue;
    double difference = v[end - 1] - v[first];
    while (next_reset < resets.size() && resets[next_reset] <= first) ++next_reset;
    for (std::size_t r = next_reset; r < resets.size() && resets[r] < end; ++r)
      difference += v[resets[r] - 1];
    out[step] =
        difference * counter_factor(context.geometry[step], v[first], difference, kind, range_seconds);
  }
}

template <Kind kind>
Status extrapolate(RollupContext& context, const RollupInput& in, std::span<double> out,
                   std::span<std::uint64_t> present) {
  if (in.values.empty()) return {};
  prepare(context, in, kind);
  std::ranges::copy(in.windows.two, present.begin());
  const std::size_t unsafe = straight<kind>(context, in, out);
  if (kind != Kind::Delta && (unsafe > 0 || count_resets(in.values) > 0)) with_resets<kind>(context, in, out);
  return {};
}

template <bool per_second>
Status last_two(RollupContext&, const RollupInput& in, std::span<double> out,
                std::span<std::uint64_t> present) {
  std::ranges::copy(in.windows.two, present.begin());
  for (std::size_t step = 0; step < out.size(); ++step) {
    if (in.windows.size(step) < 2) continue;
    const std::size_t last = in.windows.end[step] - 1;
    const double after = in.values[last];
    const double before = in.values[last - 1];
    double result = after - before;
    if (per_second) {
      if (after < before) result = after;  // reset: it started again from zero
      result /= static_cast<double>(in.times[last] - in.times[last - 1]) / 1000;
    }
    out[step] = result;
  }
  return {};
}

constexpr RollupFunction kFunctions[] = {
    {"delta", extrapolate<Kind::Delta>},
    {"idelta", last_two<false>},
    {"increase", extrapolate<Kind::Increase>, false, true},
    {"irate", last_two<true>},
    {"rate", extrapolate<Kind::Rate>, false, true},
};

}  // namespace

std::span<const RollupFunction> rate_rollups() { return kFunctions; }

}  // namespace silverback::query
