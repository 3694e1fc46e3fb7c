// Quantile of a set of values, as PromQL's quantile() and quantile_over_time() define it.
#pragma once

#include <span>

namespace silverback::query {

/// Interpolates linearly between the two nearest ranks; NaN sorts below every number. NaN for no values
/// or q NaN, -Inf for q < 0, +Inf for q > 1. Changes the order of `values`.
double quantile(double q, std::span<double> values);

}  // namespace silverback::query
