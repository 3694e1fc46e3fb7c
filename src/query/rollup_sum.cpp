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
struct Lanes {
  DoublePair sum[kLanes / 2] = {};
  DoublePair lost[kLanes / 2] = {};
};

Lanes sum_windows(const RollupInput& in, std::size_t step) {
  Lanes lanes;
  const double* start[kLanes];
  std::size_t together = in.windows.size(step);
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    start[lane] = in.values.data() + in.windows.any_first[step + lane];
    together = std::min(together, in.windows.size(step + lane));
  }
  for (std::size_t i = 0; i < together; ++i) {
    for (std::size_t pair = 0; pair < kLanes / 2; ++pair) {
      const DoublePair x = {start[2 * pair][i], start[2 * pair + 1][i]};
      kahan_add(x, lanes.sum[pair], lanes.lost[pair]);
    }
  }
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    double sum = lanes.sum[lane / 2][lane % 2];
    double lost = lanes.lost[lane / 2][lane % 2];
    for (std::size_t i = together; i < in.windows.size(step + lane); ++i)
      kahan_add(start[lane][i], sum, lost);
    lanes.sum[lane / 2][lane % 2] = sum;
    lanes.lost[lane / 2][lane % 2] = lost;
  }
  return lanes;
}

/// f(step, sum) for every window that has a sample.
template <typename F>
Status each_sum(RollupContext& context, const RollupInput& in, std::size_t steps, F f) {
  std::size_t step = 0;
  for (; step + kLanes <= steps; step += kLanes) {
    std::size_t samples = 0;
    for (std::size_t lane = 0; lane < kLanes; ++lane) samples += in.windows.size(step + lane);
    if (Status go_on = context.worked(samples); !go_on.ok()) return go_on;
    const Lanes lanes = sum_windows(in, step);
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      if (in.windows.size(step + lane) > 0)
        f(step + lane, Sum{lanes.sum[lane / 2][lane % 2], lanes.lost[lane / 2][lane % 2]});
    }
  }
  for (; step < steps; ++step) {
    if (in.windows.size(step) == 0) continue;
    Sum s;
    for (std::size_t i = in.windows.first[step]; i < in.windows.end[step]; ++i)
      kahan_add(in.values[i], s.sum, s.lost);
    f(step, s);
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
  return each_sum(context, in, out.size(), [&](std::size_t step, const Sum& s) {
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
  return each_sum(context, in, out.size(), [&](std::size_t step, const Sum& s) {
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
