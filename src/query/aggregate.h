// Aggregations: sum by (...), topk, quantile, count_values and the others.
//
// Those that fold (sum, avg, min, max, count, group, stddev, stdvar) take rows one at a time from a
// RowSource; the others need all values of a step at once and take a matrix.
//
// Threads: one, the query's.
#pragma once

#include <span>
#include <string>

#include "query/annotations.h"
#include "query/promql/ast.h"
#include "query/row_source.h"

namespace silverback::query {

struct AggregateContext {
  const promql::AggregateExpr& node;
  StepGrid grid;
  bool instant = false;  // the order of the result counts
  Annotations& annotations;
  Budget& budget;
};

constexpr bool folds(promql::AggregateOp op) { return !promql::has_parameter(op); }

Result<Matrix> aggregate_rows(const AggregateContext& context, RowSource& rows);

/// @param parameter  k, q or the ratio, a value per step
Result<Matrix> aggregate_ranked(const AggregateContext& context, Matrix input,
                                std::span<const double> parameter);
Result<Matrix> aggregate_quantile(const AggregateContext& context, Matrix input,
                                  std::span<const double> parameter);
Result<Matrix> count_values(const AggregateContext& context, Matrix input, const std::string& label);

}  // namespace silverback::query
