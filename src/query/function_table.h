// Function table: how PromQL's functions of instant vectors, scalars and strings are computed.
//
// A kernel sees whole matrices, all steps at once:
//
//   Result<Matrix> absolute(FunctionContext& context, Arguments& args) {
//     Matrix m = args.take_vector(0);
//     for (std::size_t row = 0; row < m.rows(); ++row) {
//       for (double& v : m.values(row)) v = std::abs(v);     // values without their bit may be changed
//       freely
//     }
//     return context.without_names(std::move(m));
//   }
//   constexpr FunctionEntry kEntries[] = {{"abs", absolute}, ...};
//   std::span<const FunctionEntry> math_functions() { return kEntries; }
//
// A scalar argument is a value per step; so is a scalar result: a matrix of one row without labels whose
// values are all present (make_scalar). Types and the number of arguments were checked by the parser.
//
// Functions of range vectors (rate, *_over_time ...) are not here: they walk windows, see rollup.h.
//
// Threads: a call belongs to one query's thread.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "query/annotations.h"
#include "query/limits.h"
#include "query/matrix.h"
#include "query/promql/ast.h"

namespace silverback::query {

/// One row, no labels, every step present.
Matrix make_scalar(const StepGrid& grid, double value);

/// What a call was given. A vector or scalar can be taken once.
class Arguments {
 public:
  struct Argument {
    promql::ExprType type = promql::ExprType::InstantVector;
    Matrix matrix;     // InstantVector; Scalar: one full row
    std::string text;  // String
    promql::PosRange place;
  };
  explicit Arguments(std::vector<Argument> args) : args_(std::move(args)) {}

  std::size_t size() const { return args_.size(); }
  Matrix take_vector(std::size_t i) { return std::move(args_[i].matrix); }
  const Matrix& vector(std::size_t i) const { return args_[i].matrix; }
  /// One value per step.
  std::span<const double> scalar(std::size_t i) const { return args_[i].matrix.values(0); }
  const std::string& text(std::size_t i) const { return args_[i].text; }
  promql::PosRange place(std::size_t i) const { return args_[i].place; }

 private:
  std::vector<Argument> args_;
};

struct FunctionContext {
  const promql::Call& call;
  StepGrid grid;                    // where the call is evaluated: inside a subquery, the subquery's
  bool instant = false;             // the grid is one step, and so order is kept
  bool delayed_names = true;        // metric names go at the end of the query
  std::int64_t query_start_ms = 0;  // of the query, whatever `grid` is
  std::int64_t query_end_ms = 0;
  std::int64_t query_step_ms = 0;  // 0 for an instant query
  Annotations& annotations;
  Budget& budget;

  /// The rows lose their metric name: at once, or marked for the end of the query.
  /// @returns Unprocessable when that makes two rows the same at one step
  Result<Matrix> without_names(Matrix matrix);
  /// For a function that changed labels: rows with the same labels become one.
  /// @returns Unprocessable when two of them have a value at the same step
  Result<Matrix> merge_equal_rows(Matrix matrix);
};

using FunctionKernel = Result<Matrix> (*)(FunctionContext& context, Arguments& args);

struct FunctionEntry {
  std::string_view name;
  FunctionKernel kernel;
};

// One list per file; function_table.cpp joins them.
std::span<const FunctionEntry> core_functions();       // scalar, vector, time, absent, sort ...
std::span<const FunctionEntry> histogram_functions();  // classic buckets
std::span<const FunctionEntry> label_functions();
std::span<const FunctionEntry> math_functions();
std::span<const FunctionEntry> time_functions();  // hour, day_of_week ...

/// Of absent() and absent_over_time(): 1 at each step where `in` has no value, with the labels that the
/// selector `expr` fixes.
Matrix absent_of(const Matrix& in, const promql::Expr& expr);

/// Null for a function of range vectors, and for one that is not there yet.
FunctionKernel find_kernel(std::string_view name);

}  // namespace silverback::query
