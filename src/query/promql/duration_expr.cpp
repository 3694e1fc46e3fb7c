// evaluate_duration(): arithmetic on durations, once step and range of the query are known.
#include <algorithm>
#include <cmath>

#include "query/promql/ast.h"

namespace silverback::query::promql {
namespace {

// Nanoseconds in an int64, as the store counts.
constexpr double kMaxSeconds = 9'223'372'036.0;

Status failure(const DurationExpr& expr, std::string_view what) {
  return {Code::InvalidArgument,
          std::to_string(expr.pos.start) + ":" + std::to_string(expr.pos.end) + ": " + std::string(what)};
}

Result<double> seconds_of(const DurationExpr& expr, const DurationContext& context) {
  using Op = DurationExpr::Op;
  double lhs = 0, rhs = 0;
  for (const auto& [child, value] : {std::pair{expr.lhs.get(), &lhs}, std::pair{expr.rhs.get(), &rhs}}) {
    if (!child) continue;
    const auto result = seconds_of(*child, context);
    if (!result) return result;
    *value = *result;
  }
  switch (expr.op) {
    case Op::Literal: return expr.seconds;
    case Op::Add: return lhs + rhs;
    case Op::Sub: return lhs - rhs;
    case Op::Mul: return lhs * rhs;
    case Op::Div: return rhs == 0 ? Result<double>(failure(expr, "division by zero")) : lhs / rhs;
    case Op::Mod: return rhs == 0 ? Result<double>(failure(expr, "modulo by zero")) : std::fmod(lhs, rhs);
    case Op::Pow: return std::pow(lhs, rhs);
    case Op::Negate: return -rhs;
    case Op::Step: return static_cast<double>(context.step_ms) / 1000;
    case Op::Range: return static_cast<double>(context.range_ms) / 1000;
    case Op::MinOf: return std::min(lhs, rhs);
    case Op::MaxOf: return std::max(lhs, rhs);
  }
  return Status(Code::Internal, "unknown operator in a duration expression");
}

}  // namespace

Result<std::int64_t> evaluate_duration(const Duration& duration, const DurationContext& context,
                                       bool must_be_positive) {
  if (!duration.expr) return duration.ms;
  const auto seconds = seconds_of(*duration.expr, context);
  if (!seconds) return seconds.status();
  if (!std::isfinite(*seconds)) return failure(*duration.expr, "duration is NaN or infinite");
  // Below a millisecond is nothing: times are milliseconds.
  if (must_be_positive && *seconds < 0.001) return failure(*duration.expr, "duration must be greater than 0");
  if (std::fabs(*seconds) > kMaxSeconds) return failure(*duration.expr, "duration is out of range");
  return static_cast<std::int64_t>(*seconds * 1000);
}

}  // namespace silverback::query::promql
