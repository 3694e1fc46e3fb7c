// sum, avg, stddev, stdvar over time: compensated sums (kahan.h).
#include <algorithm>
#include <cmath>

#include "query/kahan.h"
#include "query/rollup.h"

namespace silverback::query {
namespace {

struct Sum {
  double sum = 0;
  double lost = 0;
};

// Each addition waits for the one before it, so the windows of several steps are summed side by side,
// each in its own order: the results are those of one window at a time, to the bit.
constexpr std::size_t kLanes = 8;

/// @param steps  2 * pairs of them
template <std::size_t pairs>
void sum_windows(const RollupInput& in, const std::uint32_t* steps, Sum* sums) {
  DoublePair sum[pairs] = {};
  DoublePair lost[pairs] = {};
  const double* start[2 * pairs];
  std::size_t together = in.windows.size(steps[0]);
  for (std::size_t lane = 0; lane < 2 * pairs; ++lane) {
    start[lane] = in.values.data() + in.windows.first[steps[lane]];
    together = std::min(together, in.windows.size(steps[lane]));
  }
  for (std::size_t i = 0; i < together; ++i) {
    for (std::size_t pair = 0; pair < pairs; ++pair) {
      const DoublePair x = {start[2 * pair][i], start[2 * pair + 1][i]};
      kahan_add(x, sum[pair], lost[pair]);
    }
  }
  for (std::size_t lane = 0; lane < 2 * pairs; ++lane) {
    Sum& s = sums[lane];
    s = {sum[lane / 2][lane % 2], lost[lane / 2][lane % 2]};
    for (std::size_t i = together; i < in.windows.size(steps[lane]); ++i)
      kahan_add(start[lane][i], s.sum, s.lost);
  }
}

/// As many as there are up to kLanes. @returns how many were summed
std::size_t sum_some(const RollupInput& in, std::span<const std::uint32_t> steps, Sum* sums) {
  if (steps.size() >= kLanes) return sum_windows<kLanes / 2>(in, steps.data(), sums), kLanes;
  if (steps.size() >= 4) return sum_windows<2>(in, steps.data(), sums), 4;
  if (steps.size() >= 2) return sum_windows<1>(in, steps.data(), sums), 2;
  *sums = {};
  for (std::size_t i = in.windows.first[steps[0]]; i < in.windows.end[steps[0]]; ++i)
    kahan_add(in.values[i], sums->sum, sums->lost);
  return 1;
}

/// The steps whose windows have samples: those of like size together, so that none waits for a longer one.
/// The first and the last windows are often cut short by the data's ends.
void order_by_size(const Windows& windows, std::vector<std::uint32_t>& steps) {
  std::size_t largest = 0;
  for (std::size_t step = 0; step < windows.first.size(); ++step)
    largest = std::max(largest, windows.size(step));
  steps.clear();
  for (const bool long_ones : {true, false}) {
    for (std::uint32_t step = 0; step < windows.first.size(); ++step) {
      const std::size_t n = windows.size(step);
      if (n > 0 && (n > largest - largest / 8) == long_ones) steps.push_back(step);
    }
  }
}

/// f(step, sum) for every window that has a sample.
template <typename F>
Status each_sum(RollupContext& context, const RollupInput& in, F f) {
  if (context.sum_order_generation != in.windows.generation) {
    order_by_size(in.windows, context.sum_order);
    context.sum_order_generation = in.windows.generation;
  }
  Sum sums[kLanes];
  for (std::span<const std::uint32_t> left = context.sum_order; !left.empty();) {
    const std::size_t n = sum_some(in, left, sums);
    std::size_t samples = 0;
    for (std::size_t i = 0; i < n; ++i) {
      f(left[i], sums[i]);
      samples += in.windows.size(left[i]);
    }
    if (Status go_on = context.worked(samples); !go_on.ok()) return go_on;
    left = left.subspan(n);
  }
  return {};
}

template <typename F>
Status each_window(RollupContext& context, const RollupInput& in, std::span<double> out,
                   std::span<std::uint64_t> present, F f) {
  std::ranges::copy(in.windows.non_empty, present.begin());
  for (std::size_t step = 0; step < out.size(); ++step) {
    const std::size_t n = in.windows.size(step);
    if (Status go_on = context.worked(n); !go_on.ok()) return go_on;
    if (n > 0) out[step] = f(in.values.subspan(in.windows.first[step], n));
  }
  return {};
}

Status sum_over_time(RollupContext& context, const RollupInput& in, std::span<double> out,
                     std::span<std::uint64_t> present) {
  std::ranges::copy(in.windows.non_empty, present.begin());
  return each_sum(context, in, [&](std::size_t step, const Sum& s) {
    out[step] = std::isinf(s.sum) ? s.sum : s.sum + s.lost;
  });
}

// The mean of a sum that overflows is found incrementally from there on.
double mean_in_order(std::span<const double> v) {
  double sum = v[0];
  double lost = 0;
  double mean = 0;
  bool incremental = false;
  for (std::size_t i = 1; i < v.size(); ++i) {
    const double n = static_cast<double>(i + 1);
    if (!incremental) {
      double new_sum = sum;
      double new_lost = lost;
      kahan_add(v[i], new_sum, new_lost);
      if (!std::isinf(new_sum)) {
        sum = new_sum;
        lost = new_lost;
        continue;
      }
      incremental = true;
      mean = sum / (n - 1);
      lost /= n - 1;
    }
    const double q = (n - 1) / n;
    mean *= q;
    lost *= q;
    kahan_add(v[i] / n, mean, lost);
  }
  const double n = static_cast<double>(v.size());
  return incremental ? mean + lost : sum / n + lost / n;
}

Status avg_over_time(RollupContext& context, const RollupInput& in, std::span<double> out,
                     std::span<std::uint64_t> present) {
  std::ranges::copy(in.windows.non_empty, present.begin());
  return each_sum(context, in, [&](std::size_t step, const Sum& s) {
    const std::size_t n = in.windows.size(step);
    const double count = static_cast<double>(n);
    // A sum that is finite never overflowed on the way.
    out[step] = std::isfinite(s.sum) ? s.sum / count + s.lost / count
                                     : mean_in_order(in.values.subspan(in.windows.first[step], n));
  });
}

// Welford's method, both its sums compensated.
double variance(std::span<const double> v) {
  double n = 0;
  double mean = 0, mean_lost = 0;
  double squares = 0, squares_lost = 0;
  for (const double x : v) {
    ++n;
    const double delta = x - (mean + mean_lost);
    kahan_add(delta / n, mean, mean_lost);
    kahan_add(delta * (x - (mean + mean_lost)), squares, squares_lost);
  }
  return (squares + squares_lost) / n;
}

Status stdvar_over_time(RollupContext& context, const RollupInput& in, std::span<double> out,
                        std::span<std::uint64_t> present) {
  return each_window(context, in, out, present, variance);
}
Status stddev_over_time(RollupContext& context, const RollupInput& in, std::span<double> out,
                        std::span<std::uint64_t> present) {
  return each_window(context, in, out, present,
                     [](std::span<const double> v) { return std::sqrt(variance(v)); });
}

constexpr RollupFunction kFunctions[] = {
    {"avg_over_time", avg_over_time},
    {"stddev_over_time", stddev_over_time},
    {"stdvar_over_time", stdvar_over_time},
    {"sum_over_time", sum_over_time},
};

}  // namespace

std::span<const RollupFunction> sum_rollups() { return kFunctions; }

}  // namespace silverback::query
