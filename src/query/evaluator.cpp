#include "query/evaluator.h"

#include <algorithm>
#include <string>
#include <utility>

#include "query/aggregate.h"
#include "query/binary.h"
#include "query/extended.h"
#include "query/function_table.h"
#include "query/info.h"
#include "query/naming.h"
#include "query/promql/signatures.h"

namespace silverback::query {

using namespace promql;

namespace {

bool is_scalar(const Expr& expr) { return expr.type == ExprType::Scalar; }

// The selector of `x[5m] anchored` or `x[5m] smoothed`, else null.
const VectorSelector* extended_selector(const Expr& expr) {
  const auto* const matrix = as<MatrixSelector>(expr);
  return matrix != nullptr && (matrix->selector->anchored || matrix->selector->smoothed)
             ? matrix->selector.get()
             : nullptr;
}

// One matrix with that many steps is over the limit already: say so before allocating it.
Status check_steps(const StepGrid& grid, Budget& budget) {
  Held probe(budget);
  return probe.more(grid.steps, grid.steps * sizeof(double));
}

}  // namespace

Result<Matrix> Evaluator::evaluate(const Expr& outer, const StepGrid& grid) {
  const Expr& expr = strip_parens(outer);
  if (grid.steps == 0) return Matrix(grid);
  if (Status status = check_steps(grid, shared_.budget); !status.ok()) return status;
  if (grid.steps > 1 && expr.kind != ExprKind::Number && shared_.plan.step_invariant(expr)) {
    auto once = evaluate_here(expr, {grid.start_ms, grid.step_ms, 1});
    if (!once) return once;
    return broadcast(std::move(*once), grid);
  }
  auto made = evaluate_here(expr, grid);
  if (!made || made->empty() || made->held_bytes() > 0) return made;
  if (Status held = made->hold(shared_.budget, made->rows()); !held.ok())
    return held;  // a scalar, most likely
  return made;
}

Result<Matrix> Evaluator::evaluate_here(const Expr& expr, const StepGrid& grid) {
  if (const auto* number = as<NumberLiteral>(expr)) return make_scalar(grid, number->value);
  auto rows = rows_of(expr, grid);
  if (!rows) return rows.status();
  if (*rows != nullptr) {
    auto matrix = collect(**rows, grid, shared_.budget);
    // Where names go at once, what was different may now be the same.
    if (!matrix || shared_.delayed_names || expr.kind == ExprKind::Vector) return matrix;
    return merge_equal_rows(std::move(*matrix));
  }
  switch (expr.kind) {
    case ExprKind::Aggregate: return aggregate(static_cast<const AggregateExpr&>(expr), grid);
    case ExprKind::Binary: return binary(static_cast<const BinaryExpr&>(expr), grid);
    case ExprKind::Call: return call(static_cast<const Call&>(expr), grid);
    case ExprKind::Unary: return unary(static_cast<const UnaryExpr&>(expr), grid);
    default: return Status(Code::Internal, "this expression cannot be evaluated step by step");
  }
}

Result<Matrix> Evaluator::broadcast(Matrix one_step, const StepGrid& grid) {
  Matrix result(grid);
  if (Status held = result.hold(shared_.budget, one_step.rows()); !held.ok()) return held;
  result.reserve(one_step.rows());
  for (std::size_t row = 0; row < one_step.rows(); ++row) {
    if (!one_step.has(row, 0)) continue;
    const std::size_t at = result.add_row(one_step.labels(row), one_step.drop_name(row));
    std::ranges::fill(result.values(at), one_step.at(row, 0));
    set_all(result.present(at), grid.steps);
  }
  return result;
}

Result<std::unique_ptr<RowSource>> Evaluator::rows_of(const Expr& outer, const StepGrid& grid) {
  const Expr& expr = strip_parens(outer);
  if (const auto* node = as<VectorSelector>(expr)) return selector(*node, grid, SelectorSource::Want::Values);
  if (const auto* node = as<Call>(expr)) {
    const RollupFunction* const function = find_rollup(node->function.name);
    if (function != nullptr) return rollup(*node, grid, *function);
  }
  if (const auto* node = as<BinaryExpr>(expr);
      node != nullptr && is_scalar(*node->lhs) != is_scalar(*node->rhs)) {
    return with_scalar(*node, grid);
  }
  return std::unique_ptr<RowSource>();
}

Result<std::unique_ptr<RowSource>> Evaluator::source_of(const Expr& expr, const StepGrid& grid) {
  const bool once = grid.steps > 1 && shared_.plan.step_invariant(strip_parens(expr));
  if (!once) {
    auto rows = rows_of(expr, grid);
    if (!rows || *rows != nullptr) return rows;
  }
  auto matrix = evaluate(expr, grid);
  if (!matrix) return matrix.status();
  return std::unique_ptr<RowSource>(new MatrixSource(std::move(*matrix)));
}

// ---- leaves ----

Result<std::unique_ptr<RowSource>> Evaluator::selector(const VectorSelector& node, const StepGrid& grid,
                                                       SelectorSource::Want want) {
  auto reader = shared_.selections.open(shared_.plan.selection(node));
  if (!reader) return reader.status();
  Modifiers modifiers = shared_.plan.modifiers(node);
  const std::int64_t lookback_ms = shared_.plan.times().lookback_ms;
  if (node.smoothed && want == SelectorSource::Want::Values) {
    return std::unique_ptr<RowSource>(new SmoothedSource(std::move(*reader), grid,
                                                         widened(modifiers, node, lookback_ms), lookback_ms,
                                                         subquery_depth_ > 0 ? uncounted_ : shared_.samples));
  }
  modifiers.range_ms = lookback_ms;
  return std::unique_ptr<RowSource>(new SelectorSource(std::move(*reader), grid, modifiers, want,
                                                       subquery_depth_ > 0 ? uncounted_ : shared_.samples));
}

Result<std::unique_ptr<SeriesReader>> Evaluator::range_of(const Expr& expr, const StepGrid& grid) {
  if (const auto* matrix = as<MatrixSelector>(expr)) {
    return shared_.selections.open(shared_.plan.selection(*matrix->selector));
  }
  auto inner = subquery(static_cast<const SubqueryExpr&>(expr), grid);
  if (!inner) return inner.status();
  return MatrixReader::open(std::move(*inner), shared_.budget);
}

Result<std::unique_ptr<RowSource>> Evaluator::rollup(const Call& node, const StepGrid& grid,
                                                     const RollupFunction& function) {
  std::vector<Matrix> scalars;
  const Expr* range = nullptr;
  for (const ExprPtr& arg : node.args) {
    if (arg->type == ExprType::RangeVector) {
      range = &strip_parens(*arg);
      continue;
    }
    auto scalar = evaluate(*arg, grid);
    if (!scalar) return scalar.status();
    scalars.push_back(std::move(*scalar));
  }
  auto reader = range_of(*range, grid);
  if (!reader) return reader.status();
  Modifiers modifiers = shared_.plan.modifiers(*range);
  const RollupFunction* computed = &function;
  const VectorSelector* const extended = extended_selector(*range);
  const std::int64_t lookback_ms = shared_.plan.times().lookback_ms;
  if (extended != nullptr) {
    const auto found = find_extended_rollup(node.function.name, extended->smoothed);
    if (!found) return found.status();
    computed = *found;
    modifiers = widened(modifiers, *extended, lookback_ms);
  }
  auto context = std::make_unique<RollupContext>(grid, modifiers);
  context->place = node.args[0]->pos;
  context->annotations = &shared_.annotations;
  context->budget = &shared_.budget;
  context->beyond_left_ms = extended != nullptr ? lookback_ms : 0;
  context->beyond_right_ms = extended != nullptr && extended->smoothed ? lookback_ms : 0;
  return std::unique_ptr<RowSource>(new RollupSource(
      std::move(*reader), *computed, std::move(context), std::move(scalars),
      {.delayed_names = shared_.delayed_names}, subquery_depth_ > 0 ? uncounted_ : shared_.samples));
}

Result<Matrix> Evaluator::subquery(const SubqueryExpr& node, const StepGrid& grid) {
  const Modifiers& modifiers = shared_.plan.modifiers(node);
  const std::int64_t before = modifiers.reference(grid.start_ms) - modifiers.range_ms;
  const std::int64_t end = modifiers.reference(grid.end_ms());
  // Steps lie at multiples of the step since 1970; the first is later than the range's open left end.
  StepGrid inner{before / modifiers.step_ms * modifiers.step_ms, modifiers.step_ms, 0};
  if (inner.start_ms <= before) inner.start_ms += inner.step_ms;
  if (end >= inner.start_ms)
    inner.steps = static_cast<std::size_t>((end - inner.start_ms) / inner.step_ms) + 1;
  ++subquery_depth_;
  auto result = evaluate(*node.expr, inner);
  --subquery_depth_;
  return result;
}

Result<std::unique_ptr<RowSource>> Evaluator::with_scalar(const BinaryExpr& node, const StepGrid& grid) {
  const bool scalar_left = is_scalar(*node.lhs);
  auto scalar = evaluate(scalar_left ? *node.lhs : *node.rhs, grid);
  if (!scalar) return scalar.status();
  auto rows = source_of(scalar_left ? *node.rhs : *node.lhs, grid);
  if (!rows) return rows;
  const BinaryContext context{node, grid, shared_.delayed_names, shared_.budget};
  return std::unique_ptr<RowSource>(
      new ScalarOperationSource(context, std::move(*rows), std::move(*scalar), scalar_left));
}

Result<std::vector<RawSeries>> Evaluator::evaluate_range(const Expr& outer, std::int64_t time_ms,
                                                         Held& held) {
  const Expr& expr = strip_parens(outer);
  const StepGrid grid{time_ms, 1, 1};
  auto reader = range_of(expr, grid);
  if (!reader) return reader.status();
  const VectorSelector* const extended = extended_selector(expr);
  const Modifiers asked = shared_.plan.modifiers(expr);
  const std::int64_t right_ms = asked.reference(time_ms);
  WindowCache cache(
      grid, extended != nullptr ? widened(asked, *extended, shared_.plan.times().lookback_ms) : asked);
  std::vector<RawSeries> result;
  SeriesView series;
  for (;;) {
    const auto more = (*reader)->next(series);
    if (!more) return more.status();
    if (!*more) break;
    const Windows& windows = cache.windows(series.times);
    RawSeries raw;
    for (std::size_t i = windows.first[0]; i < windows.end[0]; ++i) {
      if (is_stale(series.values[i])) continue;
      raw.times_ms.push_back(series.times[i]);
      raw.values.push_back(series.values[i]);
    }
    if (extended != nullptr && !raw.values.empty()) {
      const RawSeries within = std::exchange(raw, {});
      extend_window(within.times_ms, within.values, right_ms - asked.range_ms, right_ms, extended->smoothed,
                    raw);
    }
    if (raw.values.empty()) continue;
    if (Status taken = held.more(raw.values.size(), raw.values.size() * 16); !taken.ok()) return taken;
    shared_.samples.total += raw.values.size();
    raw.labels = series.drop_name ? without_metadata(*series.labels) : *series.labels;
    result.push_back(std::move(raw));
  }
  return result;
}

// ---- nodes ----

Result<Matrix> Evaluator::call(const Call& node, const StepGrid& grid) {
  const std::string_view name = node.function.name;
  if (name == "absent_over_time") return absent_over_time(node, grid);
  if (name == "info") return info(node, grid);
  if (name == "timestamp") return timestamp(node, grid);
  const FunctionKernel kernel = find_kernel(name);
  if (kernel == nullptr) {
    return Status(Code::Unprocessable, "function " + std::string(name) + "() is not supported yet");
  }
  std::vector<Arguments::Argument> values;
  for (const ExprPtr& arg : node.args) {
    Arguments::Argument& value = values.emplace_back();
    value.type = arg->type;
    value.place = arg->pos;
    if (const auto* text = as<StringLiteral>(strip_parens(*arg))) {
      value.text = text->value;
      continue;
    }
    auto matrix = evaluate(*arg, grid);
    if (!matrix) return matrix;
    value.matrix = std::move(*matrix);
  }
  const QueryTimes& times = shared_.plan.times();
  FunctionContext context{.call = node,
                          .grid = grid,
                          .instant = instant(grid),
                          .delayed_names = shared_.delayed_names,
                          .query_start_ms = times.start_ms,
                          .query_end_ms = times.end_ms,
                          .query_step_ms = times.step_ms,
                          .annotations = shared_.annotations,
                          .budget = shared_.budget};
  Arguments args(std::move(values));
  auto result = kernel(context, args);
  if (result && !is_scalar(node)) result->drop_empty_rows();
  return result;
}

Result<Matrix> Evaluator::absent_over_time(const Call& node, const StepGrid& grid) {
  auto rows = rollup(node, grid, *find_rollup("present_over_time"));
  if (!rows) return rows.status();
  Matrix seen(grid);
  seen.add_row({});
  Row row;
  for (;;) {
    const auto more = (*rows)->next(row);
    if (!more) return more.status();
    if (!*more) break;
    for (std::size_t w = 0; w < seen.words_per_row(); ++w) seen.present(0)[w] |= row.present[w];
  }
  return absent_of(seen, strip_parens(*node.args[0]));
}

Result<Matrix> Evaluator::info(const Call& node, const StepGrid& grid) {
  auto base = evaluate(*node.args[0], grid);
  if (!base || base->empty()) return base;
  auto rows = selector(shared_.plan.info_selector(node), grid, SelectorSource::Want::Timestamps);
  if (!rows) return rows.status();
  const auto info_times = collect(**rows, grid, shared_.budget);
  if (!info_times) return info_times.status();
  return enrich(node, std::move(*base), *info_times, shared_.budget);
}

Result<Matrix> Evaluator::timestamp(const Call& node, const StepGrid& grid) {
  if (const auto* vector = as<VectorSelector>(strip_parens(*node.args[0]))) {
    auto rows = selector(*vector, grid, SelectorSource::Want::Timestamps);
    if (!rows) return rows.status();
    auto matrix = collect(**rows, grid, shared_.budget);
    if (!matrix) return matrix;
    return drop_names(std::move(*matrix), shared_.delayed_names);
  }
  auto matrix = evaluate(*node.args[0], grid);
  if (!matrix) return matrix;
  for (std::size_t row = 0; row < matrix->rows(); ++row) {
    for (std::size_t step = 0; step < grid.steps; ++step) {
      matrix->values(row)[step] = static_cast<double>(grid.time(step)) / 1000;
    }
  }
  return drop_names(std::move(*matrix), shared_.delayed_names);
}

Result<Matrix> Evaluator::aggregate(const AggregateExpr& node, const StepGrid& grid) {
  const AggregateContext context{node, grid, instant(grid), shared_.annotations, shared_.budget};
  // Names that go at once must be checked for series that become the same; a matrix does that.
  if (folds(node.op)) {
    if (shared_.delayed_names || as<VectorSelector>(strip_parens(*node.expr)) != nullptr) {
      auto rows = source_of(*node.expr, grid);
      if (!rows) return rows.status();
      return aggregate_rows(context, **rows);
    }
    auto matrix = evaluate(*node.expr, grid);
    if (!matrix) return matrix;
    MatrixSource rows(std::move(*matrix));
    return aggregate_rows(context, rows);
  }
  if (node.op == AggregateOp::CountValues) {
    auto input = evaluate(*node.expr, grid);
    if (!input) return input;
    return count_values(context, std::move(*input),
                        static_cast<const StringLiteral&>(strip_parens(*node.param)).value);
  }
  auto parameter = evaluate(*node.param, grid);
  if (!parameter) return parameter;
  auto input = evaluate(*node.expr, grid);
  if (!input) return input;
  if (node.op == AggregateOp::Quantile)
    return aggregate_quantile(context, std::move(*input), parameter->values(0));
  return aggregate_ranked(context, std::move(*input), parameter->values(0));
}

Result<Matrix> Evaluator::binary(const BinaryExpr& node, const StepGrid& grid) {
  auto left = evaluate(*node.lhs, grid);
  if (!left) return left;
  auto right = evaluate(*node.rhs, grid);
  if (!right) return right;
  if (is_scalar(*node.lhs) && is_scalar(*node.rhs)) {
    if (node.op == BinaryOp::TrimUpper || node.op == BinaryOp::TrimLower)
      return Status(Code::Unprocessable, "operator \"" + std::string(to_string(node.op)) +
                                             "\" trims native histograms: it is not allowed between scalars");
    apply({node.op, true, false}, left->values(0), right->values(0), left->values(0), left->present(0));
    return left;
  }
  const BinaryContext context{node, grid, shared_.delayed_names, shared_.budget};
  if (is_set_operator(node.op)) return combine_sets(context, std::move(*left), std::move(*right));
  return match_vectors(context, std::move(*left), std::move(*right));
}

Result<Matrix> Evaluator::unary(const UnaryExpr& node, const StepGrid& grid) {
  auto matrix = evaluate(*node.expr, grid);
  if (!matrix || !node.negate) return matrix;
  for (std::size_t row = 0; row < matrix->rows(); ++row) {
    for (double& v : matrix->values(row)) v = -v;
  }
  if (is_scalar(node)) return matrix;
  return drop_names(std::move(*matrix), shared_.delayed_names);
}

}  // namespace silverback::query
