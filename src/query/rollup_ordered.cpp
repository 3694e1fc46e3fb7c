// quantile and median absolute deviation over time.
#include <algorithm>
#include <cmath>
#include <limits>

#include "query/quantile.h"
#include "query/rollup.h"

namespace silverback::query {
namespace {

std::span<double> copy_window(RollupContext& context, const RollupInput& in, std::size_t step) {
  const auto window = in.values.subspan(in.windows.first[step], in.windows.size(step));
  context.doubles.assign(window.begin(), window.end());
  return context.doubles;
}

Status quantile_over_time(RollupContext& context, const RollupInput& in, std::span<double> out,
                          std::span<std::uint64_t> present) {
  std::ranges::copy(in.windows.non_empty, present.begin());
  for (std::size_t step = 0; step < out.size(); ++step) {
    if (in.windows.size(step) == 0) continue;
    if (Status go_on = context.worked(in.windows.size(step)); !go_on.ok()) return go_on;
    const double q = context.scalars[0][step];
    if (!(q >= 0 && q <= 1)) {
      context.annotations->warn("quantile value should be between 0 and 1, got " + format_g(q),
                                context.place);
    }
    out[step] = quantile(q, copy_window(context, in, step));
  }
  return {};
}

double median_deviation(std::span<double> values) {
  for (const double v : values) {
    if (std::isnan(v)) return std::numeric_limits<double>::quiet_NaN();
  }
  const double median = quantile(0.5, values);
  for (double& v : values) v = std::abs(v - median);
  return quantile(0.5, values);
}

Status mad_over_time(RollupContext& context, const RollupInput& in, std::span<double> out,
                     std::span<std::uint64_t> present) {
  std::ranges::copy(in.windows.non_empty, present.begin());
  for (std::size_t step = 0; step < out.size(); ++step) {
    if (Status go_on = context.worked(in.windows.size(step)); !go_on.ok()) return go_on;
    if (in.windows.size(step) > 0) out[step] = median_deviation(copy_window(context, in, step));
  }
  return {};
}

constexpr RollupFunction kFunctions[] = {
    {"mad_over_time", mad_over_time},
    {"quantile_over_time", quantile_over_time},
};

}  // namespace

std::span<const RollupFunction> ordered_rollups() { return kFunctions; }

}  // namespace silverback::query
