#include "query/plan.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "query/info.h"
#include "query/promql/signatures.h"

namespace silverback::query {
namespace {

using namespace promql;

// Their value changes with the evaluation time even when their arguments do not.
constexpr std::array<std::string_view, 11> kDependOnTime = {
    "day_of_month", "day_of_week", "day_of_year",    "days_in_month", "hour",     "minute",
    "month",        "year",        "predict_linear", "time",          "timestamp"};

bool depends_on_time(std::string_view function) {
  return std::ranges::find(kDependOnTime, function) != kDependOnTime.end();
}

bool pinned(const AtModifier& at) { return at.kind != AtModifier::Kind::None; }

bool same_series(const VectorSelector& a, const VectorSelector& b) { return a.matchers == b.matchers; }

std::int64_t cut(std::int64_t ms) { return std::clamp(ms, kMinTimeMs, kMaxTimeMs); }

}  // namespace

Result<Plan> Plan::make(const Expr& root, const QueryTimes& times) {
  Plan plan;
  plan.times_ = times;
  if (Status made = plan.visit(root, {times.start_ms, times.end_ms}, 0); !made.ok()) return made;
  return plan;
}

Result<Modifiers> Plan::resolve(const Duration& offset, const AtModifier& at) const {
  const auto offset_ms = evaluate_duration(offset, {times_.step_ms, times_.end_ms - times_.start_ms}, false);
  if (!offset_ms) return offset_ms.status();
  Modifiers modifiers{.offset_ms = *offset_ms, .at_ms = {}};
  switch (at.kind) {
    case AtModifier::Kind::None: break;
    case AtModifier::Kind::Time: modifiers.at_ms = cut(at.time_ms); break;
    case AtModifier::Kind::Start: modifiers.at_ms = times_.start_ms; break;
    case AtModifier::Kind::End: modifiers.at_ms = times_.end_ms; break;
  }
  return modifiers;
}

Status Plan::visit(const Expr& node, Span evaluated, std::int64_t range_ms) {
  if (const auto* selector = as<VectorSelector>(node)) return visit_selector(*selector, evaluated, range_ms);
  if (const auto* subquery = as<SubqueryExpr>(node)) return visit_subquery(*subquery, evaluated);
  if (const auto* matrix = as<MatrixSelector>(node)) {
    const auto ms = evaluate_duration(matrix->range, {times_.step_ms, times_.end_ms - times_.start_ms}, true);
    if (!ms) return ms.status();
    if (Status visited = visit_selector(*matrix->selector, evaluated, *ms); !visited.ok()) return visited;
    Modifiers modifiers = modifiers_.at(matrix->selector.get());
    modifiers.range_ms = *ms;
    modifiers_.emplace(&node, modifiers);
    return {};
  }
  if (const auto* call = as<Call>(node); call != nullptr && call->function.name == "info")
    return visit_info(*call, evaluated);
  Status status;
  for_each_child(node, [&](const Expr& child) {
    if (status.ok()) status = visit(child, evaluated, 0);
  });
  return status;
}

Status Plan::visit_selector(const VectorSelector& node, Span evaluated, std::int64_t range_ms) {
  const auto modifiers = resolve(node.offset, node.at);
  if (!modifiers) return modifiers.status();
  modifiers_.emplace(&node, *modifiers);
  // Both ranges and look-back are open on the left.
  const std::int64_t back = (range_ms > 0 ? range_ms : times_.lookback_ms) - 1;
  Span span{modifiers->reference(evaluated.min_ms) - back, modifiers->reference(evaluated.max_ms)};
  if (node.anchored || node.smoothed) span.min_ms -= times_.lookback_ms;
  if (node.smoothed) span.max_ms += times_.lookback_ms;
  add_selection(node, span);
  return {};
}

Status Plan::visit_subquery(const SubqueryExpr& node, Span evaluated) {
  const DurationContext context{times_.step_ms, times_.end_ms - times_.start_ms};
  auto modifiers = resolve(node.offset, node.at);
  if (!modifiers) return modifiers.status();
  const auto range_ms = evaluate_duration(node.range, context, true);
  if (!range_ms) return range_ms.status();
  modifiers->range_ms = *range_ms;
  modifiers->step_ms = times_.subquery_step_ms;
  if (node.step.set()) {
    const auto step_ms = evaluate_duration(node.step, context, true);
    if (!step_ms) return step_ms.status();
    modifiers->step_ms = *step_ms;
  }
  modifiers_.emplace(&node, *modifiers);
  const Span inner{modifiers->reference(evaluated.min_ms) - *range_ms,
                   modifiers->reference(evaluated.max_ms)};
  return visit(*node.expr, inner, 0);
}

// The second argument only says which labels are wanted; what is read is a selector of our own.
Status Plan::visit_info(const Call& node, Span evaluated) {
  if (Status visited = visit(*node.args[0], evaluated, 0); !visited.ok()) return visited;
  Modifiers reference;
  for (const Expr* at : info_reference(node)) {
    const Modifiers& modifiers = modifiers_.at(at);
    reference.offset_ms += modifiers.offset_ms;
    reference.at_ms = modifiers.at_ms;
    if (reference.at_ms) break;
  }
  auto selector = std::make_unique<VectorSelector>();
  selector->matchers = info_matchers(node);
  const std::int64_t back = times_.lookback_ms - 1;
  add_selection(*selector,
                {reference.reference(evaluated.min_ms) - back, reference.reference(evaluated.max_ms)});
  modifiers_.emplace(selector.get(), reference);
  info_selectors_.emplace(&node, std::move(selector));
  return {};
}

void Plan::add_selection(const VectorSelector& node, Span span) {
  for (std::size_t i = 0; i < selections_.size(); ++i) {
    Selection& other = selections_[i];
    // Read together only what overlaps: `x - x offset 1w` must not read the week between.
    if (span.min_ms > other.max_ms || other.min_ms > span.max_ms || !same_series(*other.selector, node))
      continue;
    other.min_ms = std::min(other.min_ms, span.min_ms);
    other.max_ms = std::max(other.max_ms, span.max_ms);
    ++other.uses;
    selection_of_.emplace(&node, i);
    return;
  }
  selection_of_.emplace(&node, selections_.size());
  selections_.push_back({&node, span.min_ms, span.max_ms, 1});
}

bool Plan::step_invariant(const Expr& node) const {
  if (const auto* selector = as<VectorSelector>(node)) return pinned(selector->at);
  if (const auto* matrix = as<MatrixSelector>(node)) return pinned(matrix->selector->at);
  if (const auto* subquery = as<SubqueryExpr>(node)) return pinned(subquery->at);
  if (const auto* call = as<Call>(node); call != nullptr && depends_on_time(call->function.name)) {
    // The time of a pinned sample does not move.
    return call->function.name == "timestamp" &&
           as<VectorSelector>(strip_parens(*call->args[0])) != nullptr &&
           step_invariant(strip_parens(*call->args[0]));
  }
  if (const auto* aggregate = as<AggregateExpr>(node)) {
    if (aggregate->param != nullptr && !step_invariant(*aggregate->param)) return false;
    return step_invariant(*aggregate->expr);
  }
  bool invariant = true;
  for_each_child(node, [&](const Expr& child) { invariant = invariant && step_invariant(child); });
  return invariant;
}

}  // namespace silverback::query
