#include "query/promql/signatures.h"

#include <algorithm>
#include <iterator>

namespace silverback::query::promql {
namespace {

constexpr ExprType S = ExprType::Scalar;
constexpr ExprType V = ExprType::InstantVector;
constexpr ExprType M = ExprType::RangeVector;
constexpr ExprType T = ExprType::String;
constexpr std::uint8_t kAny = FunctionSignature::kUnbounded;

// name, types of arguments and their number, fewest and most arguments, result, experimental
constexpr FunctionSignature kFunctions[] = {
    {"abs", {V}, 1, 1, 1, V, false},
    {"absent", {V}, 1, 1, 1, V, false},
    {"absent_over_time", {M}, 1, 1, 1, V, false},
    {"acos", {V}, 1, 1, 1, V, false},
    {"acosh", {V}, 1, 1, 1, V, false},
    {"asin", {V}, 1, 1, 1, V, false},
    {"asinh", {V}, 1, 1, 1, V, false},
    {"atan", {V}, 1, 1, 1, V, false},
    {"atanh", {V}, 1, 1, 1, V, false},
    {"avg_over_time", {M}, 1, 1, 1, V, false},
    {"ceil", {V}, 1, 1, 1, V, false},
    {"changes", {M}, 1, 1, 1, V, false},
    {"clamp", {V, S, S}, 3, 3, 3, V, false},
    {"clamp_max", {V, S}, 2, 2, 2, V, false},
    {"clamp_min", {V, S}, 2, 2, 2, V, false},
    {"cos", {V}, 1, 1, 1, V, false},
    {"cosh", {V}, 1, 1, 1, V, false},
    {"count_over_time", {M}, 1, 1, 1, V, false},
    {"day_of_month", {V}, 1, 0, 1, V, false},
    {"day_of_week", {V}, 1, 0, 1, V, false},
    {"day_of_year", {V}, 1, 0, 1, V, false},
    {"days_in_month", {V}, 1, 0, 1, V, false},
    {"deg", {V}, 1, 1, 1, V, false},
    {"delta", {M}, 1, 1, 1, V, false},
    {"deriv", {M}, 1, 1, 1, V, false},
    {"double_exponential_smoothing", {M, S, S}, 3, 3, 3, V, true},
    {"end", {}, 0, 0, 0, S, true},
    {"exp", {V}, 1, 1, 1, V, false},
    {"first_over_time", {M}, 1, 1, 1, V, false},
    {"floor", {V}, 1, 1, 1, V, false},
    {"histogram_avg", {V}, 1, 1, 1, V, false},
    {"histogram_count", {V}, 1, 1, 1, V, false},
    {"histogram_fraction", {S, S, V}, 3, 3, 3, V, false},
    {"histogram_quantile", {S, V}, 2, 2, 2, V, false},
    {"histogram_quantiles", {V, T, S, S}, 4, 3, 12, V, true},
    {"histogram_stddev", {V}, 1, 1, 1, V, false},
    {"histogram_stdvar", {V}, 1, 1, 1, V, false},
    {"histogram_sum", {V}, 1, 1, 1, V, false},
    {"hour", {V}, 1, 0, 1, V, false},
    {"idelta", {M}, 1, 1, 1, V, false},
    {"increase", {M}, 1, 1, 1, V, false},
    {"info", {V, V}, 2, 1, 2, V, true},
    {"irate", {M}, 1, 1, 1, V, false},
    {"label_join", {V, T, T, T}, 4, 3, kAny, V, false},
    {"label_replace", {V, T, T, T, T}, 5, 5, 5, V, false},
    {"last_over_time", {M}, 1, 1, 1, V, false},
    {"ln", {V}, 1, 1, 1, V, false},
    {"log10", {V}, 1, 1, 1, V, false},
    {"log2", {V}, 1, 1, 1, V, false},
    {"mad_over_time", {M}, 1, 1, 1, V, true},
    {"max_of", {S, S}, 2, 2, 2, S, true},
    {"max_over_time", {M}, 1, 1, 1, V, false},
    {"min_of", {S, S}, 2, 2, 2, S, true},
    {"min_over_time", {M}, 1, 1, 1, V, false},
    {"minute", {V}, 1, 0, 1, V, false},
    {"month", {V}, 1, 0, 1, V, false},
    {"pi", {}, 0, 0, 0, S, false},
    {"predict_linear", {M, S}, 2, 2, 2, V, false},
    {"present_over_time", {M}, 1, 1, 1, V, false},
    {"quantile_over_time", {S, M}, 2, 2, 2, V, false},
    {"rad", {V}, 1, 1, 1, V, false},
    {"range", {}, 0, 0, 0, S, true},
    {"rate", {M}, 1, 1, 1, V, false},
    {"resets", {M}, 1, 1, 1, V, false},
    {"round", {V, S}, 2, 1, 2, V, false},
    {"scalar", {V}, 1, 1, 1, S, false},
    {"sgn", {V}, 1, 1, 1, V, false},
    {"sin", {V}, 1, 1, 1, V, false},
    {"sinh", {V}, 1, 1, 1, V, false},
    {"sort", {V}, 1, 1, 1, V, false},
    {"sort_by_label", {V, T}, 2, 1, kAny, V, true},
    {"sort_by_label_desc", {V, T}, 2, 1, kAny, V, true},
    {"sort_desc", {V}, 1, 1, 1, V, false},
    {"sqrt", {V}, 1, 1, 1, V, false},
    {"start", {}, 0, 0, 0, S, true},
    {"start_timestamp", {V}, 1, 1, 1, V, true},
    {"stddev_over_time", {M}, 1, 1, 1, V, false},
    {"stdvar_over_time", {M}, 1, 1, 1, V, false},
    {"step", {}, 0, 0, 0, S, true},
    {"sum_over_time", {M}, 1, 1, 1, V, false},
    {"tan", {V}, 1, 1, 1, V, false},
    {"tanh", {V}, 1, 1, 1, V, false},
    {"time", {}, 0, 0, 0, S, false},
    {"timestamp", {V}, 1, 1, 1, V, false},
    {"ts_of_first_over_time", {M}, 1, 1, 1, V, true},
    {"ts_of_last_over_time", {M}, 1, 1, 1, V, true},
    {"ts_of_max_over_time", {M}, 1, 1, 1, V, true},
    {"ts_of_min_over_time", {M}, 1, 1, 1, V, true},
    {"vector", {S}, 1, 1, 1, V, false},
    {"year", {V}, 1, 0, 1, V, false},
};
static_assert(std::is_sorted(std::begin(kFunctions), std::end(kFunctions),
                             [](const auto& a, const auto& b) { return a.name < b.name; }));

}  // namespace

const FunctionSignature* find_function(std::string_view name) {
  const auto* at =
      std::lower_bound(std::begin(kFunctions), std::end(kFunctions), name,
                       [](const FunctionSignature& f, std::string_view n) { return f.name < n; });
  return at != std::end(kFunctions) && at->name == name ? at : nullptr;
}

std::span<const FunctionSignature> all_functions() { return kFunctions; }

}  // namespace silverback::query::promql
