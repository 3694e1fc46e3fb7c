// The parser's first half: operators, aggregations, calls.
#include <algorithm>
#include <utility>

#include "query/promql/parse_state.h"
#include "query/promql/signatures.h"
#include "query/promql/text.h"

namespace silverback::query::promql {
namespace {

using Kind = TokenKind;

constexpr int kPow = 6;

struct Operator {
  BinaryOp op;
  int precedence;
};

std::optional<Operator> binary_operator(Kind kind) {
  switch (kind) {
    case Kind::Or: return Operator{BinaryOp::Or, 1};
    case Kind::And: return Operator{BinaryOp::And, 2};
    case Kind::Unless: return Operator{BinaryOp::Unless, 2};
    case Kind::EqualEqual: return Operator{BinaryOp::Equal, 3};
    case Kind::NotEqual: return Operator{BinaryOp::NotEqual, 3};
    case Kind::Less: return Operator{BinaryOp::Less, 3};
    case Kind::LessEqual: return Operator{BinaryOp::LessEqual, 3};
    case Kind::Greater: return Operator{BinaryOp::Greater, 3};
    case Kind::GreaterEqual: return Operator{BinaryOp::GreaterEqual, 3};
    case Kind::TrimUpper: return Operator{BinaryOp::TrimUpper, 3};
    case Kind::TrimLower: return Operator{BinaryOp::TrimLower, 3};
    case Kind::Add: return Operator{BinaryOp::Add, 4};
    case Kind::Sub: return Operator{BinaryOp::Sub, 4};
    case Kind::Mul: return Operator{BinaryOp::Mul, 5};
    case Kind::Div: return Operator{BinaryOp::Div, 5};
    case Kind::Mod: return Operator{BinaryOp::Mod, 5};
    case Kind::Atan2: return Operator{BinaryOp::Atan2, 5};
    case Kind::Pow: return Operator{BinaryOp::Pow, kPow};
    default: return std::nullopt;
  }
}

AggregateOp aggregate_op(Kind kind) {
  switch (kind) {
    case Kind::Avg: return AggregateOp::Avg;
    case Kind::Bottomk: return AggregateOp::Bottomk;
    case Kind::Count: return AggregateOp::Count;
    case Kind::CountValues: return AggregateOp::CountValues;
    case Kind::Group: return AggregateOp::Group;
    case Kind::LimitRatio: return AggregateOp::LimitRatio;
    case Kind::Limitk: return AggregateOp::Limitk;
    case Kind::Max: return AggregateOp::Max;
    case Kind::Min: return AggregateOp::Min;
    case Kind::Quantile: return AggregateOp::Quantile;
    case Kind::Stddev: return AggregateOp::Stddev;
    case Kind::Stdvar: return AggregateOp::Stdvar;
    case Kind::Topk: return AggregateOp::Topk;
    default: return AggregateOp::Sum;
  }
}

bool may_name_function(Kind kind) { return kind == Kind::Identifier || kind >= Kind::Start; }

}  // namespace

// ---- binary expressions ----

Parser::Node Parser::binary(int min_precedence) {
  if (!enter({token_.start, token_.end()})) return nullptr;
  Node lhs = unary();
  while (!failed()) {
    const auto op = binary_operator(token_.kind);
    if (!op || op->precedence < min_precedence) break;
    auto node = std::make_unique<BinaryExpr>();
    node->op = op->op;
    node->op_pos = {token_.start, token_.end()};
    advance();
    modifiers(*node);
    node->op_pos.end = last_end_;
    if (failed()) break;
    Node rhs = binary(op->op == BinaryOp::Pow ? op->precedence : op->precedence + 1);
    if (failed()) break;
    lhs = make_binary(std::move(node), std::move(lhs), std::move(rhs));
  }
  --depth_;
  return failed() ? nullptr : std::move(lhs);
}

void Parser::modifiers(BinaryExpr& out) {
  VectorMatching& matching = out.matching;
  out.return_bool = accept(Kind::Bool);
  if (token_.kind == Kind::On || token_.kind == Kind::Ignoring) {
    matching.on = token_.kind == Kind::On;
    advance();
    matching.labels = grouping_labels();
    if (token_.kind == Kind::GroupLeft || token_.kind == Kind::GroupRight) {
      matching.cardinality = token_.kind == Kind::GroupLeft ? Cardinality::ManyToOne : Cardinality::OneToMany;
      advance();
      if (token_.kind == Kind::LeftParen) matching.include = grouping_labels();
    }
  }
  if (fill_modifier(matching)) fill_modifier(matching);
}

// True when the other side may follow.
bool Parser::fill_modifier(VectorMatching& out) {
  const Kind kind = token_.kind;
  const bool left = kind == Kind::FillLeft && !out.fill_left;
  const bool right = kind == Kind::FillRight && !out.fill_right;
  const bool both = kind == Kind::Fill && !out.fill_left && !out.fill_right;
  if (!left && !right && !both) return false;
  advance();
  const auto value = fill_value();
  if (left || both) out.fill_left = value;
  if (right || both) out.fill_right = value;
  return !both;
}

std::optional<double> Parser::fill_value() {
  if (!expect(Kind::LeftParen)) return std::nullopt;
  const bool negative = token_.kind == Kind::Sub;
  if (!accept(Kind::Sub)) accept(Kind::Add);
  if (token_.kind != Kind::Number && token_.kind != Kind::Duration) {
    unexpected();
    return std::nullopt;
  }
  const double value = number_value();
  expect(Kind::RightParen);
  return negative ? -value : value;
}

Parser::Node Parser::make_binary(std::unique_ptr<BinaryExpr> node, Node lhs, Node rhs) {
  node->pos = {lhs->pos.start, rhs->pos.end};
  VectorMatching& matching = node->matching;
  if ((matching.fill_left || matching.fill_right) && !options_.fill_modifiers) {
    fail(node->pos, "binop fill modifiers are experimental and not enabled");
    return nullptr;
  }
  const bool scalar = lhs->type == ExprType::Scalar && rhs->type == ExprType::Scalar;
  const bool vectors = lhs->type == ExprType::InstantVector && rhs->type == ExprType::InstantVector;
  node->type = scalar ? ExprType::Scalar : ExprType::InstantVector;
  if (vectors && is_set_operator(node->op) && matching.cardinality == Cardinality::OneToOne) {
    matching.cardinality = Cardinality::ManyToMany;
  }
  // A clause without labels says nothing about a scalar; check() refuses the others.
  if (!vectors && matching.labels.empty() && !matching.fill_left && !matching.fill_right) matching = {};
  const std::uint32_t below = std::max(lhs->depth, rhs->depth);
  node->lhs = std::move(lhs);
  node->rhs = std::move(rhs);
  return set_depth<Expr>(*node, below) ? std::move(node) : nullptr;
}

// A sign binds as multiplication does: -2 ^ 2 is -4.
Parser::Node Parser::unary() {
  if (token_.kind != Kind::Add && token_.kind != Kind::Sub) {
    Node expr = primary();
    return failed() ? nullptr : postfix(std::move(expr));
  }
  const bool minus = token_.kind == Kind::Sub;
  const std::uint32_t start = token_.start;
  advance();
  Node expr = failed() ? nullptr : binary(kPow);
  if (failed()) return nullptr;
  if (expr->kind == ExprKind::Number) {
    auto& number = static_cast<NumberLiteral&>(*expr);
    if (minus) number.value = -number.value;
    number.pos.start = start;
    return expr;
  }
  auto node = std::make_unique<UnaryExpr>(expr->type);
  node->negate = minus;
  node->pos = {start, expr->pos.end};
  const std::uint32_t below = expr->depth;
  node->expr = std::move(expr);
  return set_depth<Expr>(*node, below) ? std::move(node) : nullptr;
}

// ---- primary expressions ----

Parser::Node Parser::primary() {
  switch (token_.kind) {
    case Kind::Number:
    case Kind::Duration: return number_literal();
    case Kind::LeftParen: return parenthesised();
    case Kind::LeftBrace: return selector();
    case Kind::String: {
      auto node = std::make_unique<StringLiteral>();
      node->pos = {token_.start, token_.end()};
      node->value = string_value();
      return node;
    }
    default: break;
  }
  if (is_aggregation(token_.kind)) return aggregation();
  if (may_name_function(token_.kind)) return call();
  if (may_name_metric(token_.kind)) return selector();
  unexpected();
  return nullptr;
}

Parser::Node Parser::number_literal() {
  auto node = std::make_unique<NumberLiteral>();
  node->pos = {token_.start, token_.end()};
  node->as_duration = token_.kind == Kind::Duration;
  node->value = number_value();
  return node;
}

Parser::Node Parser::parenthesised() {
  const std::uint32_t start = token_.start;
  advance();
  Node inner = failed() ? nullptr : binary(1);
  if (failed() || !expect(Kind::RightParen)) return nullptr;
  auto node = std::make_unique<ParenExpr>(inner->type);
  node->pos = {start, last_end_};
  const std::uint32_t below = inner->depth;
  node->expr = std::move(inner);
  return set_depth<Expr>(*node, below) ? std::move(node) : nullptr;
}

std::vector<Parser::Node> Parser::arguments() {
  std::vector<Node> out;
  if (!expect(Kind::LeftParen) || accept(Kind::RightParen)) return out;
  for (;;) {
    Node arg = failed() ? nullptr : binary(1);
    if (failed()) return {};
    out.push_back(std::move(arg));
    if (accept(Kind::RightParen)) return out;
    const PosRange comma{token_.start, token_.end()};
    if (!expect(Kind::Comma)) return {};
    if (token_.kind == Kind::RightParen) {
      fail(comma, "trailing commas not allowed in function call args");
      return {};
    }
  }
}

bool Parser::aggregation_modifier(AggregateExpr& out) {
  if (token_.kind != Kind::By && token_.kind != Kind::Without) return false;
  out.without = token_.kind == Kind::Without;
  advance();
  out.grouping = grouping_labels();
  return true;
}

Parser::Node Parser::aggregation() {
  const Token name = token_;
  advance();
  if (failed()) return nullptr;
  if (token_.kind != Kind::LeftParen && token_.kind != Kind::By && token_.kind != Kind::Without) {
    return selector_named(name);  // a metric called "sum"
  }
  auto node = std::make_unique<AggregateExpr>();
  node->op = aggregate_op(name.kind);
  const bool modified = aggregation_modifier(*node);
  ++aggregations_;
  std::vector<Node> args = failed() ? std::vector<Node>() : arguments();
  --aggregations_;
  if (!modified && !failed()) aggregation_modifier(*node);
  if (failed()) return nullptr;
  node->pos = {name.start, last_end_};
  if (args.empty()) {
    fail(node->pos, "no arguments for aggregate expression provided");
    return nullptr;
  }
  if (!options_.experimental_functions &&
      (node->op == AggregateOp::Limitk || node->op == AggregateOp::LimitRatio)) {
    fail(node->pos,
         std::string(to_string(node->op)) +
             "() is experimental and must be enabled with --enable-feature=promql-experimental-functions");
    return nullptr;
  }
  const std::size_t expected = has_parameter(node->op) ? 2 : 1;
  if (args.size() != expected) {
    fail(node->pos, "wrong number of arguments for aggregate expression provided, expected " +
                        std::to_string(expected) + ", got " + std::to_string(args.size()));
    return nullptr;
  }
  const std::uint32_t below = std::max(args.front()->depth, args.back()->depth);
  node->expr = std::move(args.back());
  if (expected == 2) node->param = std::move(args.front());
  return set_depth<Expr>(*node, below) ? std::move(node) : nullptr;
}

// A name, and if a parenthesis follows a call, else a selector.
Parser::Node Parser::call() {
  const Token name = token_;
  advance();
  if (failed()) return nullptr;
  if (token_.kind != Kind::LeftParen) return selector_named(name);
  std::vector<Node> args = arguments();
  if (failed()) return nullptr;
  const FunctionSignature* function = find_function(name.text);
  if (!function) {
    fail({name.start, name.end()}, "unknown function with name " + quote(name.text));
    return nullptr;
  }
  if (function->experimental && !options_.experimental_functions) {
    fail({name.start, name.end()}, "function " + quote(name.text) + " is not enabled");
    return nullptr;
  }
  auto node = std::make_unique<Call>(*function, function->returns);
  node->pos = {name.start, last_end_};
  std::uint32_t below = 0;
  for (Node& arg : args) {
    below = std::max(below, arg->depth);
    node->args.push_back(std::move(arg));
  }
  return set_depth<Expr>(*node, below) ? std::move(node) : nullptr;
}

}  // namespace silverback::query::promql
