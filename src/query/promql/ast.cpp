#include "query/promql/ast.h"

namespace silverback::query::promql {

std::string_view to_string(ExprType type) {
  constexpr std::string_view kNames[] = {"scalar", "instant vector", "range vector", "string"};
  return kNames[static_cast<std::size_t>(type)];
}

std::string_view to_string(BinaryOp op) {
  constexpr std::string_view kNames[] = {"+", "-",  "*", "/",  "%",   "^",  "atan2",  "==", "!=",
                                         "<", "<=", ">", ">=", "and", "or", "unless", "</", ">/"};
  return kNames[static_cast<std::size_t>(op)];
}

std::string_view to_string(AggregateOp op) {
  constexpr std::string_view kNames[] = {"avg",         "count",  "group",    "max",     "min",
                                         "stddev",      "stdvar", "sum",      "bottomk", "count_values",
                                         "limit_ratio", "limitk", "quantile", "topk"};
  return kNames[static_cast<std::size_t>(op)];
}

const Expr& strip_parens(const Expr& expr) {
  const Expr* at = &expr;
  while (at->kind == ExprKind::Paren) at = static_cast<const ParenExpr*>(at)->expr.get();
  return *at;
}

}  // namespace silverback::query::promql
