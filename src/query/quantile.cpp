#include "query/quantile.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace silverback::query {

double quantile(double q, std::span<double> values) {
  if (values.empty() || std::isnan(q)) return std::numeric_limits<double>::quiet_NaN();
  if (q < 0) return -std::numeric_limits<double>::infinity();
  if (q > 1) return std::numeric_limits<double>::infinity();
  const auto below = [](double a, double b) { return std::isnan(a) ? !std::isnan(b) : a < b; };
  const double rank = q * static_cast<double>(values.size() - 1);
  const auto lower = static_cast<std::ptrdiff_t>(std::floor(rank));
  const double weight = rank - std::floor(rank);
  std::nth_element(values.begin(), values.begin() + lower, values.end(), below);
  const double at_lower = values[static_cast<std::size_t>(lower)];
  const auto rest = values.begin() + lower + 1;
  const double at_upper = rest == values.end() ? at_lower : *std::min_element(rest, values.end(), below);
  return at_lower * (1 - weight) + at_upper * weight;
}

}  // namespace silverback::query
