// check(): what a tree must keep beyond the grammar. Source: the rules of Prometheus' own type check.
#include <algorithm>
#include <string>

#include "model/labels.h"
#include "query/promql/parse_state.h"
#include "query/promql/signatures.h"
#include "query/promql/text.h"

namespace silverback::query::promql {
namespace {

using Failure = std::optional<CheckFailure>;

Failure wrong_type(const Expr& expr, ExprType expected, const std::string& where) {
  if (expr.type == expected) return std::nullopt;
  return CheckFailure{expr.pos, "expected type " + std::string(to_string(expected)) + " in " + where +
                                    ", got " + std::string(to_string(expr.type))};
}

Failure check_node(const AggregateExpr& node) {
  if (auto failure = check(*node.expr)) return failure;
  if (auto failure = wrong_type(*node.expr, ExprType::InstantVector, "aggregation expression"))
    return failure;
  if (!node.param) return std::nullopt;
  if (auto failure = check(*node.param)) return failure;
  const ExprType expected = node.op == AggregateOp::CountValues ? ExprType::String : ExprType::Scalar;
  return wrong_type(*node.param, expected, "aggregation parameter");
}

bool is_operand(const Expr& expr) {
  return expr.type == ExprType::Scalar || expr.type == ExprType::InstantVector;
}

Failure check_matching(const BinaryExpr& node) {
  const VectorMatching& matching = node.matching;
  const bool vectors = node.lhs->type == ExprType::InstantVector && node.rhs->type == ExprType::InstantVector;
  const bool fill = matching.fill_left || matching.fill_right;
  if (!vectors) {
    if (!matching.labels.empty())
      return CheckFailure{node.pos, "vector matching only allowed between instant vectors"};
    if (fill) return CheckFailure{node.pos, "filling in missing series only allowed between instant vectors"};
    return std::nullopt;
  }
  if (!is_set_operator(node.op)) return std::nullopt;
  if (matching.cardinality != Cardinality::ManyToMany) {
    return CheckFailure{node.pos,
                        "no grouping allowed for \"" + std::string(to_string(node.op)) + "\" operation"};
  }
  if (fill) return CheckFailure{node.pos, "filling in missing series not allowed for set operators"};
  return std::nullopt;
}

Failure check_node(const BinaryExpr& node) {
  if (auto failure = check(*node.lhs)) return failure;
  if (auto failure = check(*node.rhs)) return failure;
  const bool scalars = node.lhs->type == ExprType::Scalar && node.rhs->type == ExprType::Scalar;
  if (node.return_bool && !is_comparison(node.op)) {
    return CheckFailure{node.op_pos, "bool modifier can only be used on comparison operators"};
  }
  if (is_comparison(node.op) && !node.return_bool && scalars) {
    return CheckFailure{node.op_pos, "comparisons between scalars must use BOOL modifier"};
  }
  const VectorMatching& matching = node.matching;
  for (const std::string& label : matching.labels) {
    if (matching.on &&
        std::find(matching.include.begin(), matching.include.end(), label) != matching.include.end()) {
      return CheckFailure{node.op_pos,
                          "label " + quote(label) + " must not occur in ON and GROUP clause at once"};
    }
  }
  for (const Expr* side : {node.lhs.get(), node.rhs.get()}) {
    if (!is_operand(*side)) {
      return CheckFailure{side->pos, "binary expression must contain only scalar and instant vector types"};
    }
  }
  if (auto failure = check_matching(node)) return failure;
  const bool scalar_side = node.lhs->type == ExprType::Scalar || node.rhs->type == ExprType::Scalar;
  if (scalar_side && is_set_operator(node.op)) {
    return CheckFailure{node.pos, "set operator \"" + std::string(to_string(node.op)) +
                                      "\" not allowed in binary scalar expression"};
  }
  return std::nullopt;
}

Failure wrong_count(const Call& node) {
  const FunctionSignature& f = node.function;
  const std::size_t n = node.args.size();
  if (n >= f.min_args && (f.max_args == FunctionSignature::kUnbounded || n <= f.max_args))
    return std::nullopt;
  std::string expected = "expected ";
  if (f.min_args == f.max_args) {
    expected += std::to_string(f.min_args);
  } else if (n < f.min_args) {
    expected += "at least " + std::to_string(f.min_args);
  } else {
    expected += "at most " + std::to_string(f.max_args);
  }
  return CheckFailure{node.pos,
                      expected + " argument(s) in call to " + quote(f.name) + ", got " + std::to_string(n)};
}

// The second argument of info() is a bag of matchers that looks like a selector.
Failure check_info_selector(const Expr& arg) {
  const auto* selector = as<VectorSelector>(arg);
  if (selector && !selector->name.empty()) {
    return CheckFailure{arg.pos, "expected label selectors only, got vector selector instead"};
  }
  if (!selector) return CheckFailure{arg.pos, "expected label selectors only"};
  return std::nullopt;
}

Failure check_node(const Call& node) {
  if (auto failure = wrong_count(node)) return failure;
  const bool info = node.function.name == "info";
  const std::string where = "call to function " + quote(node.function.name);
  for (std::size_t i = 0; i < node.args.size(); ++i) {
    const Expr& arg = *node.args[i];
    const bool selector = info && i == 1;
    if (selector) {
      if (auto failure = wrong_type(arg, ExprType::InstantVector, where)) return failure;
      if (auto failure = check_info_selector(arg)) return failure;
      continue;
    }
    if (auto failure = check(arg)) return failure;
    if (auto failure = wrong_type(arg, node.function.type_of(i), where)) return failure;
  }
  return std::nullopt;
}

Failure check_node(const ParenExpr& node) { return check(*node.expr); }
Failure check_node(const NumberLiteral&) { return std::nullopt; }
Failure check_node(const StringLiteral&) { return std::nullopt; }
Failure check_node(const MatrixSelector& node) { return check(*node.selector); }

Failure check_node(const UnaryExpr& node) {
  if (auto failure = check(*node.expr)) return failure;
  if (is_operand(*node.expr)) return std::nullopt;
  return CheckFailure{
      node.pos, "unary expression only allowed on expressions of type scalar or instant vector, got \"" +
                    std::string(to_string(node.expr->type)) + "\""};
}

Failure check_node(const SubqueryExpr& node) {
  if (auto failure = check(*node.expr)) return failure;
  if (node.expr->type == ExprType::InstantVector) return std::nullopt;
  const std::string got(node.expr->type == ExprType::RangeVector ? "matrix" : to_string(node.expr->type));
  return CheckFailure{node.pos, "subquery is only allowed on instant vector, got " + got + " instead"};
}

Failure check_node(const VectorSelector& node) {
  if (node.name.empty()) {
    if (!matches_everything(node.matchers)) return std::nullopt;
    return CheckFailure{node.pos, "vector selector must contain at least one non-empty matcher"};
  }
  for (std::size_t i = 0; i + 1 < node.matchers.size(); ++i) {
    const Matcher& matcher = node.matchers[i];
    if (matcher.name() != kMetricName) continue;
    return CheckFailure{
        node.pos, "metric name must not be set twice: " + quote(node.name) + " or " + quote(matcher.value())};
  }
  return std::nullopt;
}

}  // namespace

std::optional<CheckFailure> check(const Expr& expr) {
  return visit(expr, [](const auto& node) { return check_node(node); });
}

}  // namespace silverback::query::promql
