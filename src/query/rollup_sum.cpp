// sum, avg, stddev, stdvar over time: compensated sums (kahan.h).
#include <algorithm>
#include <array>
#include <cmath>

#include "query/kahan.h"
#include "query/rollup.h"

namespace silverback::query {
namespace {

struct Sum {
  double sum = 0;
  double lost = 0;
};

Sum sum_in_order(std::span<const double> v) {
  Sum s;
  for (const double x : v) kahan_add(x, s.sum, s.lost);
  return s;
}

// Each addition waits for the one before it, so wide windows are summed in lanes that are added at the
// end, compensated as well. For values that cannot overflow (see harmless) only: how infinities and NaN
// come out depends on the order.
constexpr std::size_t kLanes = 8;
Sum sum_in_lanes(std::span<const double> v) {
  std::array<double, kLanes> sum{};
  std::array<double, kLanes> lost{};
  std::size_t i = 0;
  for (; i + kLanes <= v.size(); i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const double x = v[i + lane];
      const double total = sum[lane] + x;
      const double added = total - sum[lane];
      lost[lane] += (sum[lane] - (total - added)) + (x - added);
      sum[lane] = total;
    }
  }
  Sum s = sum_in_order(v.subspan(i));
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    kahan_add(sum[lane], s.sum, s.lost);
    s.lost += lost[lane];
  }
  return s;
}

bool harmless(std::span<const double> v) {
  constexpr double kFarFromOverflow = 1e290;
  std::size_t harmful = 0;
  for (const double x : v) harmful += std::abs(x) <= kFarFromOverflow ? 0 : 1;
  return harmful == 0;
}

constexpr std::size_t kWide = 2 * kLanes;
Sum sum_of(std::span<const double> v, bool lanes) {
  return lanes && v.size() >= kWide ? sum_in_lanes(v) : sum_in_order(v);
}

template <typename F>
Status each_window(const RollupInput& in, std::span<double> out, std::span<std::uint64_t> present, F f) {
  std::ranges::copy(in.windows.non_empty, present.begin());
  for (std::size_t step = 0; step < out.size(); ++step) {
    const std::size_t n = in.windows.size(step);
    if (n > 0) out[step] = f(in.values.subspan(in.windows.first[step], n));
  }
  return {};
}

Status sum_over_time(RollupContext&, const RollupInput& in, std::span<double> out,
                     std::span<std::uint64_t> present) {
  const bool lanes = harmless(in.values);
  return each_window(in, out, present, [lanes](std::span<const double> v) {
    const Sum s = sum_of(v, lanes);
    return std::isinf(s.sum) ? s.sum : s.sum + s.lost;
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

Status avg_over_time(RollupContext&, const RollupInput& in, std::span<double> out,
                     std::span<std::uint64_t> present) {
  const bool lanes = harmless(in.values);
  return each_window(in, out, present, [lanes](std::span<const double> v) {
    if (!lanes) return mean_in_order(v);
    const Sum s = sum_of(v, true);
    const double n = static_cast<double>(v.size());
    return s.sum / n + s.lost / n;
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

Status stdvar_over_time(RollupContext&, const RollupInput& in, std::span<double> out,
                        std::span<std::uint64_t> present) {
  return each_window(in, out, present, variance);
}
Status stddev_over_time(RollupContext&, const RollupInput& in, std::span<double> out,
                        std::span<std::uint64_t> present) {
  return each_window(in, out, present, [](std::span<const double> v) { return std::sqrt(variance(v)); });
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
