// Evaluator: walks the tree and makes a matrix of each node.
//
// What works row by row (selectors, functions of a range, vector op scalar) is a RowSource, so that an
// aggregation above it takes one row at a time. Everything else takes and gives whole matrices.
//
// Recursion is as deep as the tree, which the parser bounds.
//
// Threads: one, the query's.
#pragma once

#include <memory>

#include "query/annotations.h"
#include "query/limits.h"
#include "query/plan.h"
#include "query/promql/ast.h"
#include "query/row_source.h"
#include "query/selections.h"
#include "query/sources.h"

namespace silverback::query {

class Evaluator {
 public:
  struct Shared {  // of one query
    const Plan& plan;
    Selections& selections;
    Budget& budget;
    Annotations& annotations;
    bool delayed_names = true;
    SampleCount samples;
  };
  explicit Evaluator(Shared& shared) : shared_(shared) {}

  /// Of an instant vector or a scalar. A scalar is one full row.
  Result<Matrix> evaluate(const promql::Expr& expr, const StepGrid& grid);

  /// Of a range vector (`x[5m]`, `x[1h:5m]`) at one time. @param held  gets what the series take
  Result<std::vector<RawSeries>> evaluate_range(const promql::Expr& expr, std::int64_t time_ms, Held& held);

 private:
  Result<Matrix> evaluate_here(const promql::Expr& expr, const StepGrid& grid);
  Result<Matrix> broadcast(Matrix one_step, const StepGrid& grid);
  /// Null when the node does not work row by row.
  Result<std::unique_ptr<RowSource>> rows_of(const promql::Expr& expr, const StepGrid& grid);
  Result<std::unique_ptr<RowSource>> source_of(const promql::Expr& expr, const StepGrid& grid);

  Result<std::unique_ptr<RowSource>> selector(const promql::VectorSelector& node, const StepGrid& grid,
                                              SelectorSource::Want want);
  Result<std::unique_ptr<RowSource>> rollup(const promql::Call& node, const StepGrid& grid,
                                            const RollupFunction& function);
  Result<std::unique_ptr<SeriesReader>> range_of(const promql::Expr& expr, const StepGrid& grid);
  Result<Matrix> subquery(const promql::SubqueryExpr& node, const StepGrid& grid);
  Result<std::unique_ptr<RowSource>> with_scalar(const promql::BinaryExpr& node, const StepGrid& grid);

  Result<Matrix> call(const promql::Call& node, const StepGrid& grid);
  Result<Matrix> absent_over_time(const promql::Call& node, const StepGrid& grid);
  Result<Matrix> info(const promql::Call& node, const StepGrid& grid);
  Result<Matrix> timestamp(const promql::Call& node, const StepGrid& grid);
  Result<Matrix> aggregate(const promql::AggregateExpr& node, const StepGrid& grid);
  Result<Matrix> binary(const promql::BinaryExpr& node, const StepGrid& grid);
  Result<Matrix> unary(const promql::UnaryExpr& node, const StepGrid& grid);

  bool instant(const StepGrid& grid) const { return grid.steps == 1; }

  Shared& shared_;
  int subquery_depth_ = 0;
  SampleCount uncounted_;  // samples inside a subquery are counted when its result is read
};

}  // namespace silverback::query
