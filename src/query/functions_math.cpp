// Functions that change each value by itself. Absent values are changed along, which nobody sees.
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

#include "query/function_table.h"

namespace silverback::query {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Go's math.Max and math.Min: NaN wins over numbers but not over the infinity asked for.
double go_max(double a, double b) {
  if (a == kInfinity || b == kInfinity) return kInfinity;
  if (std::isnan(a) || std::isnan(b)) return std::nan("");
  if (a == 0 && b == 0) return std::signbit(a) ? b : a;
  return a > b ? a : b;
}
double go_min(double a, double b) {
  if (a == -kInfinity || b == -kInfinity) return -kInfinity;
  if (std::isnan(a) || std::isnan(b)) return std::nan("");
  if (a == 0 && b == 0) return std::signbit(a) ? a : b;
  return a < b ? a : b;
}

double degrees(double v) { return v * 180 / std::numbers::pi; }
double radians(double v) { return v * std::numbers::pi / 180; }
double sign(double v) { return v < 0 ? -1 : v > 0 ? 1 : v; }

// abs, sqrt and their like have overloads and built-ins: a lambda each lets the compiler see through.
template <typename F>
Result<Matrix> map(FunctionContext& context, Arguments& args, F f) {
  Matrix matrix = args.take_vector(0);
  for (std::size_t row = 0; row < matrix.rows(); ++row) {
    for (double& v : matrix.values(row)) v = f(v);
  }
  return context.without_names(std::move(matrix));
}

template <double (*F)(double)>
Result<Matrix> each(FunctionContext& context, Arguments& args) {
  return map(context, args, [](double v) { return F(v); });
}

Result<Matrix> absolute(FunctionContext& context, Arguments& args) {
  return map(context, args, [](double v) { return std::fabs(v); });
}
Result<Matrix> ceiling(FunctionContext& context, Arguments& args) {
  return map(context, args, [](double v) { return std::ceil(v); });
}
Result<Matrix> floor(FunctionContext& context, Arguments& args) {
  return map(context, args, [](double v) { return std::floor(v); });
}
Result<Matrix> square_root(FunctionContext& context, Arguments& args) {
  return map(context, args, [](double v) { return std::sqrt(v); });
}

// Ties go up; dividing by the inverse is the more exact way round.
Result<Matrix> round(FunctionContext& context, Arguments& args) {
  Matrix matrix = args.take_vector(0);
  for (std::size_t row = 0; row < matrix.rows(); ++row) {
    const auto values = matrix.values(row);
    for (std::size_t step = 0; step < values.size(); ++step) {
      const double inverse = 1.0 / (args.size() > 1 ? args.scalar(1)[step] : 1.0);
      values[step] = std::floor(values[step] * inverse + 0.5) / inverse;
    }
  }
  return context.without_names(std::move(matrix));
}

template <typename Bound>
Result<Matrix> clamp_between(FunctionContext& context, Arguments& args, Bound low, Bound high) {
  Matrix matrix = args.take_vector(0);
  for (std::size_t row = 0; row < matrix.rows(); ++row) {
    const auto values = matrix.values(row);
    for (std::size_t step = 0; step < values.size(); ++step) {
      const double min = low(step), max = high(step);
      if (max < min) matrix.clear_at(row, step);
      values[step] = go_max(min, go_min(max, values[step]));
    }
  }
  matrix.drop_empty_rows();
  return context.without_names(std::move(matrix));
}

// The bound of argument `arg`, or `otherwise` at every step when there is none.
struct StepBound {
  std::span<const double> values;
  double otherwise;
  double operator()(std::size_t step) const { return values.empty() ? otherwise : values[step]; }
};

Result<Matrix> clamp(FunctionContext& context, Arguments& args) {
  return clamp_between(context, args, StepBound{args.scalar(1), 0}, StepBound{args.scalar(2), 0});
}
Result<Matrix> clamp_max(FunctionContext& context, Arguments& args) {
  return clamp_between(context, args, StepBound{{}, -kInfinity}, StepBound{args.scalar(1), 0});
}
Result<Matrix> clamp_min(FunctionContext& context, Arguments& args) {
  return clamp_between(context, args, StepBound{args.scalar(1), 0}, StepBound{{}, kInfinity});
}

template <double (*F)(double, double)>
Result<Matrix> of_two(FunctionContext&, Arguments& args) {
  Matrix out = args.take_vector(0);
  const auto a = out.values(0);
  const auto b = args.scalar(1);
  for (std::size_t step = 0; step < a.size(); ++step) a[step] = F(a[step], b[step]);
  return out;
}

Result<Matrix> pi(FunctionContext& context, Arguments&) {
  return make_scalar(context.grid, std::numbers::pi);
}

constexpr FunctionEntry kEntries[] = {
    {"abs", absolute},
    {"acos", each<std::acos>},
    {"acosh", each<std::acosh>},
    {"asin", each<std::asin>},
    {"asinh", each<std::asinh>},
    {"atan", each<std::atan>},
    {"atanh", each<std::atanh>},
    {"ceil", ceiling},
    {"clamp", clamp},
    {"clamp_max", clamp_max},
    {"clamp_min", clamp_min},
    {"cos", each<std::cos>},
    {"cosh", each<std::cosh>},
    {"deg", each<degrees>},
    {"exp", each<std::exp>},
    {"floor", floor},
    {"ln", each<std::log>},
    {"log10", each<std::log10>},
    {"log2", each<std::log2>},
    {"max_of", of_two<go_max>},
    {"min_of", of_two<go_min>},
    {"pi", pi},
    {"rad", each<radians>},
    {"round", round},
    {"sgn", each<sign>},
    {"sin", each<std::sin>},
    {"sinh", each<std::sinh>},
    {"sqrt", square_root},
    {"tan", each<std::tan>},
    {"tanh", each<std::tanh>},
};

}  // namespace

std::span<const FunctionEntry> math_functions() { return kEntries; }

}  // namespace silverback::query
