// deriv and predict_linear (least squares), double_exponential_smoothing.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "query/kahan.h"
#include "query/rollup.h"

namespace silverback::query {
namespace {

struct Line {
  double slope = 0;
  double intercept = 0;  // at the time asked for
};

struct CompensatedSum {
  double sum = 0;
  double lost = 0;
  void add(double x) { kahan_add(x, sum, lost); }
  double value() const { return sum + lost; }
};

Line least_squares(std::span<const std::int64_t> times, std::span<const double> values, std::int64_t at_ms) {
  bool constant = true;
  CompensatedSum x_sum, y_sum, xy_sum, xx_sum;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double y = values[i];
    if (i > 0 && y != values[0]) constant = false;
    const double x = static_cast<double>(times[i] - at_ms) / 1e3;
    x_sum.add(x);
    y_sum.add(y);
    xy_sum.add(x * y);
    xx_sum.add(x * x);
  }
  if (constant) {
    constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
    return std::isinf(values[0]) ? Line{kNan, kNan} : Line{0, values[0]};
  }
  const double n = static_cast<double>(values.size());
  const double covariance = xy_sum.value() - x_sum.value() * y_sum.value() / n;
  const double x_variance = xx_sum.value() - x_sum.value() * x_sum.value() / n;
  const double slope = covariance / x_variance;
  return {slope, y_sum.value() / n - slope * x_sum.value() / n};
}

template <typename F>
Status each_pair_window(RollupContext& context, const RollupInput& in, std::span<double> out,
                        std::span<std::uint64_t> present, F f) {
  std::ranges::copy(in.windows.two, present.begin());
  for (std::size_t step = 0; step < out.size(); ++step) {
    const std::size_t n = in.windows.size(step);
    if (n < 2) continue;
    if (Status go_on = context.worked(n); !go_on.ok()) return go_on;
    const std::size_t first = in.windows.first[step];
    out[step] = f(step, in.times.subspan(first, n), in.values.subspan(first, n));
  }
  return {};
}

Status deriv(RollupContext& context, const RollupInput& in, std::span<double> out,
             std::span<std::uint64_t> present) {
  // Times near zero lose less to rounding, so they count from the window's first.
  return each_pair_window(context, in, out, present, [](std::size_t, auto times, auto values) {
    return least_squares(times, values, times[0]).slope;
  });
}

Status predict_linear(RollupContext& context, const RollupInput& in, std::span<double> out,
                      std::span<std::uint64_t> present) {
  return each_pair_window(context, in, out, present, [&](std::size_t step, auto times, auto values) {
    const Line line = least_squares(times, values, context.cache.grid().time(step));
    return line.slope * context.scalars[0][step] + line.intercept;
  });
}

Status check_factor(const char* which, double factor) {
  if (factor > 0 && factor < 1) return {};
  if (std::isnan(factor)) return {};
  char text[400];
  std::snprintf(text, sizeof text, "invalid %s factor. Expected: 0 < %s < 1, got: %f", which,
                which[0] == 's' ? "sf" : "tf", factor);
  return Status(Code::Unprocessable, text);
}

/// Holt's linear method: a level and a trend, each smoothed.
double smooth(std::span<const double> values, double level_factor, double trend_factor) {
  double before = 0;
  double level = values[0];
  double trend = values[1] - values[0];
  for (std::size_t i = 1; i < values.size(); ++i) {
    if (i > 1) trend = trend_factor * (level - before) + (1 - trend_factor) * trend;
    const double next = level_factor * values[i] + (1 - level_factor) * (level + trend);
    before = level;
    level = next;
  }
  return level;
}

Status double_exponential_smoothing(RollupContext& context, const RollupInput& in, std::span<double> out,
                                    std::span<std::uint64_t> present) {
  for (std::size_t step = 0; step < out.size(); ++step) {
    if (in.windows.size(step) == 0) continue;
    if (Status checked = check_factor("smoothing", context.scalars[0][step]); !checked.ok()) return checked;
    if (Status checked = check_factor("trend", context.scalars[1][step]); !checked.ok()) return checked;
  }
  return each_pair_window(context, in, out, present, [&](std::size_t step, auto, auto values) {
    return smooth(values, context.scalars[0][step], context.scalars[1][step]);
  });
}

constexpr RollupFunction kFunctions[] = {
    {"deriv", deriv},
    {"double_exponential_smoothing", double_exponential_smoothing},
    {"predict_linear", predict_linear},
};

}  // namespace

std::span<const RollupFunction> trend_rollups() { return kFunctions; }

}  // namespace silverback::query
