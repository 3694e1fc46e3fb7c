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
  for (std::size_t step = 0; step < steps; ++step) {
    if (windows.size(step) < 2) {
      context.geometry[step] = {};
      continue;
    }
    RateGeometry g = geometry_of(context.cache, in.times, windows.first[step], windows.end[step], step);
    g.factor = factor_of(g, g.to_start, kind, range_seconds);
    g.safe = g.to_start / g.sampled * (1 + 1e-9);
    context.geometry[step] = g;
  }
}

// The zero of a counter that rose by `increase` from `first` lies this far left of the first sample.
double counter_factor(const RateGeometry& g, double first, double increase, Kind kind, double range_seconds) {
  double to_start = g.to_start;
  if (increase > 0 && first >= 0) to_start = std::min(to_start, g.sampled * (first / increase));
  return factor_of(g, to_start, kind, range_seconds);
}

template <Kind kind>
Status extrapolate(RollupContext& context, const RollupInput& in, std::span<double> out,
                   std::span<std::uint64_t> present) {
  prepare(context, in, kind);
  std::ranges::copy(in.windows.two, present.begin());
  const double range_seconds = static_cast<double>(context.cache.modifiers().range_ms) / 1000;
  const double* const v = in.values.data();
  const std::uint32_t* const first = in.windows.first.data();
  const std::uint32_t* const end = in.windows.end.data();

  // Where the counter was reset. Windows move right, so the next one starts looking where this one did.
  std::vector<std::uint32_t>& resets = context.indices;
  resets.clear();
  if (kind != Kind::Delta) {
    for (std::size_t i = 1; i < in.values.size(); ++i) {
      if (v[i] < v[i - 1]) resets.push_back(static_cast<std::uint32_t>(i));
    }
  }
  std::size_t next_reset = 0;

  for (std::size_t step = 0; step < out.size(); ++step) {
    if (end[step] < first[step] + 2) continue;
    const double start = v[first[step]];
    double difference = v[end[step] - 1] - start;
    const RateGeometry& g = context.geometry[step];
    if (kind == Kind::Delta) {
      out[step] = difference * g.factor;
      continue;
    }
    if (next_reset < resets.size()) {
      while (next_reset < resets.size() && resets[next_reset] <= first[step]) ++next_reset;
      for (std::size_t r = next_reset; r < resets.size() && resets[r] < end[step]; ++r) {
        difference += v[resets[r] - 1];
      }
    }
    out[step] = difference * (start >= difference * g.safe
                                  ? g.factor
                                  : counter_factor(g, start, difference, kind, range_seconds));
  }
  return {};
}

template <bool per_second>
Status last_two(RollupContext&, const RollupInput& in, std::span<double> out, std::span<std::uint64_t> present) {
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
