// Plan: what is known of a query before any data is read.
//
// For each selector which times it will look at, so that storage is asked once and for no more; which
// selectors can share one read; for each duration its milliseconds; which parts do not depend on the
// step and so are evaluated once.
//
// Threads: immutable once made.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/status.h"
#include "query/promql/ast.h"

namespace silverback::query {

/// When a query is evaluated.
struct QueryTimes {
  std::int64_t start_ms = 0;
  std::int64_t end_ms = 0;
  std::int64_t step_ms = 0;  // 0: instant
  std::int64_t lookback_ms = 0;
  std::int64_t subquery_step_ms = 0;
};

/// Beyond these, times are cut, so that adding durations cannot overflow.
inline constexpr std::int64_t kMinTimeMs = -4'000'000'000'000'000'000;
inline constexpr std::int64_t kMaxTimeMs = 4'000'000'000'000'000'000;

/// One read: the series of `matchers` between two times, both inclusive.
struct Selection {
  const promql::VectorSelector* selector = nullptr;  // one that wants it
  std::int64_t min_ms = 0;
  std::int64_t max_ms = 0;
  int uses = 0;
};

/// Modifiers of a selector or subquery, in milliseconds.
struct Modifiers {
  std::int64_t range_ms = 0;
  std::int64_t step_ms = 0;  // of a subquery
  std::int64_t offset_ms = 0;
  std::optional<std::int64_t> at_ms;  // evaluated at this time whatever the step

  /// The time looked at from an evaluation time.
  std::int64_t reference(std::int64_t time_ms) const { return at_ms.value_or(time_ms) - offset_ms; }
};

class Plan {
 public:
  /// @returns InvalidArgument for a duration that cannot be worked out
  static Result<Plan> make(const promql::Expr& root, const QueryTimes& times);

  const QueryTimes& times() const { return times_; }
  const std::vector<Selection>& selections() const { return selections_; }

  /// Of a VectorSelector, MatrixSelector (offset and @ are its selector's) or SubqueryExpr.
  const Modifiers& modifiers(const promql::Expr& node) const { return modifiers_.at(&node); }
  std::size_t selection(const promql::VectorSelector& selector) const { return selection_of_.at(&selector); }
  /// What a call of info() reads; its modifiers and selection are known like those of any selector.
  const promql::VectorSelector& info_selector(const promql::Call& call) const {
    return *info_selectors_.at(&call);
  }
  /// Has the same value at every step, so that evaluating it once is enough.
  bool step_invariant(const promql::Expr& node) const;

 private:
  struct Span {
    std::int64_t min_ms, max_ms;
  };
  Status visit(const promql::Expr& node, Span evaluated, std::int64_t range_ms);
  Status visit_selector(const promql::VectorSelector& node, Span evaluated, std::int64_t range_ms);
  Status visit_subquery(const promql::SubqueryExpr& node, Span evaluated);
  Status visit_info(const promql::Call& node, Span evaluated);
  Result<Modifiers> resolve(const promql::Duration& offset, const promql::AtModifier& at) const;
  void add_selection(const promql::VectorSelector& node, Span span);

  QueryTimes times_;
  std::vector<Selection> selections_;
  std::unordered_map<const promql::Expr*, Modifiers> modifiers_;
  std::unordered_map<const promql::VectorSelector*, std::size_t> selection_of_;
  std::unordered_map<const promql::Call*, std::unique_ptr<const promql::VectorSelector>> info_selectors_;
};

}  // namespace silverback::query
