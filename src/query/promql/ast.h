// The tree of a PromQL expression, as the parser builds it.
//
//   const auto expr = parse_expr("sum by (job) (rate(http_requests_total[5m]))", {});
//   visit(**expr, [](const auto& node) { ... });      // node is AggregateExpr, BinaryExpr, ...
//
// A node knows its kind, its type and where it stands in the text. Durations and times are
// milliseconds, as PromQL's are. What needs the query's step or range to be known (`step()`, `range()`)
// stays a DurationExpr and is worked out by evaluate_duration().
//
// Source: https://prometheus.io/docs/prometheus/latest/querying/basics/ and operators/, release 3.x.
//
// Invariants, once parse_expr() has returned the tree
//   (1) Child pointers are never null, Aggregate::param and the expr of a Duration excepted.
//   (2) Types agree: what is checked is written in check.h, so an evaluator need not check again.
//   (3) The depth is at most ParserOptions::max_depth, so recursion over a tree is safe.
//   (4) Nobody changes it: children are pointers to const.
//
// Threads: immutable.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/status.h"
#include "model/matcher.h"

namespace silverback::query::promql {

struct FunctionSignature;  // signatures.h

/// Bytes [start, end) of the query text.
struct PosRange {
  std::uint32_t start = 0;
  std::uint32_t end = 0;
  friend bool operator==(const PosRange&, const PosRange&) = default;
};

/// What an expression evaluates to.
enum class ExprType : std::uint8_t { Scalar, InstantVector, RangeVector, String };
/// As the documentation writes it: "instant vector".
std::string_view to_string(ExprType type);

enum class ExprKind : std::uint8_t {
  Aggregate,
  Binary,
  Call,
  Matrix,
  Number,
  Paren,
  String,
  Subquery,
  Unary,
  Vector
};

enum class BinaryOp : std::uint8_t {
  Add,
  Sub,
  Mul,
  Div,
  Mod,
  Pow,
  Atan2,
  Equal,
  NotEqual,
  Less,
  LessEqual,
  Greater,
  GreaterEqual,
  And,
  Or,
  Unless,
  TrimUpper,
  TrimLower  // `</` and `>/`, on native histograms
};
std::string_view to_string(BinaryOp op);
constexpr bool is_comparison(BinaryOp op) { return op >= BinaryOp::Equal && op <= BinaryOp::GreaterEqual; }
constexpr bool is_set_operator(BinaryOp op) { return op >= BinaryOp::And && op <= BinaryOp::Unless; }

enum class AggregateOp : std::uint8_t {
  Avg,
  Count,
  Group,
  Max,
  Min,
  Stddev,
  Stdvar,
  Sum,
  Bottomk,
  CountValues,
  LimitRatio,
  Limitk,
  Quantile,
  Topk  // these take a parameter
};
std::string_view to_string(AggregateOp op);
constexpr bool has_parameter(AggregateOp op) { return op >= AggregateOp::Bottomk; }

struct Expr {
  virtual ~Expr() = default;
  Expr(const Expr&) = delete;
  Expr& operator=(const Expr&) = delete;

  const ExprKind kind;
  ExprType type;
  std::uint32_t depth = 1;  // of the tree below, this node included
  PosRange pos;

 protected:
  Expr(ExprKind k, ExprType t) : kind(k), type(t) {}
};
using ExprPtr = std::unique_ptr<const Expr>;

// ---- durations ----

/// Arithmetic on durations: [5m * 2], [step() + 30s], offset -max_of(step(), 1m).
struct DurationExpr {
  enum class Op : std::uint8_t { Literal, Add, Sub, Mul, Div, Mod, Pow, Negate, Step, Range, MinOf, MaxOf };
  Op op = Op::Literal;
  double seconds = 0;        // Literal
  bool as_duration = false;  // Literal written as 5m, not as 300
  bool parenthesised = false;
  std::unique_ptr<const DurationExpr> lhs;  // binary operators, MinOf, MaxOf
  std::unique_ptr<const DurationExpr> rhs;  // these and Negate
  std::uint32_t depth = 1;
  PosRange pos;
};

/// A range, step or offset: fixed, or to be worked out when `expr` is set.
struct Duration {
  std::int64_t ms = 0;
  std::unique_ptr<const DurationExpr> expr;

  bool set() const { return ms != 0 || expr != nullptr; }
};

/// What step() and range() stand for: the query's own step (0 for an instant query) and its end minus start.
struct DurationContext {
  std::int64_t step_ms = 0;
  std::int64_t range_ms = 0;
};
/// @param must_be_positive  for ranges and steps; an offset may be anything
/// @returns milliseconds; InvalidArgument for a division by zero, overflow, or a value that is not positive
Result<std::int64_t> evaluate_duration(const Duration& duration, const DurationContext& context,
                                       bool must_be_positive);

/// @ 1609746000, @ start(), @ end().
struct AtModifier {
  enum class Kind : std::uint8_t { None, Time, Start, End };
  Kind kind = Kind::None;
  std::int64_t time_ms = 0;  // Kind::Time
};

// ---- nodes, in the order of ExprKind ----

/// sum by (job) (x), topk(3, x)
struct AggregateExpr final : Expr {
  AggregateExpr() : Expr(ExprKind::Aggregate, ExprType::InstantVector) {}
  AggregateOp op = AggregateOp::Sum;
  bool without = false;               // false and no grouping: one group of all
  std::vector<std::string> grouping;  // as written; may repeat
  ExprPtr param;                      // null unless has_parameter(op): string for count_values, else scalar
  ExprPtr expr;
};

enum class Cardinality : std::uint8_t { OneToOne, ManyToOne, OneToMany, ManyToMany };

/// How the series of two instant vectors find each other.
struct VectorMatching {
  Cardinality cardinality = Cardinality::OneToOne;  // ManyToMany for set operators, ManyToOne is group_left
  bool on = false;                                  // false: all labels but these
  std::vector<std::string> labels;
  std::vector<std::string> include;  // group_left(these)
  std::optional<double> fill_left;   // stands in for a series missing on the left
  std::optional<double> fill_right;
};

struct BinaryExpr final : Expr {
  BinaryExpr() : Expr(ExprKind::Binary, ExprType::InstantVector) {}
  BinaryOp op = BinaryOp::Add;
  bool return_bool = false;
  VectorMatching matching;  // only when both sides are instant vectors
  ExprPtr lhs;
  ExprPtr rhs;
  PosRange op_pos;  // the operator with its modifiers
};

struct Call final : Expr {
  explicit Call(const FunctionSignature& f, ExprType returns) : Expr(ExprKind::Call, returns), function(f) {}
  const FunctionSignature& function;  // static
  std::vector<ExprPtr> args;
};

struct VectorSelector final : Expr {
  VectorSelector() : Expr(ExprKind::Vector, ExprType::InstantVector) {}
  std::string name;               // as written before the braces, else empty
  std::vector<Matcher> matchers;  // the one for `name` included, last
  Duration offset;
  AtModifier at;
  bool anchored = false;
  bool smoothed = false;
};

/// x[5m] with its modifiers, which stand in the selector.
struct MatrixSelector final : Expr {
  MatrixSelector() : Expr(ExprKind::Matrix, ExprType::RangeVector) {}
  std::unique_ptr<const VectorSelector> selector;
  Duration range;
};

struct NumberLiteral final : Expr {
  NumberLiteral() : Expr(ExprKind::Number, ExprType::Scalar) {}
  double value = 0;
  bool as_duration = false;  // written as 5m; the value is seconds
};

struct ParenExpr final : Expr {
  explicit ParenExpr(ExprType t) : Expr(ExprKind::Paren, t) {}
  ExprPtr expr;
};

struct StringLiteral final : Expr {
  StringLiteral() : Expr(ExprKind::String, ExprType::String) {}
  std::string value;
};

/// x[1h:5m] with its modifiers.
struct SubqueryExpr final : Expr {
  SubqueryExpr() : Expr(ExprKind::Subquery, ExprType::RangeVector) {}
  ExprPtr expr;
  Duration range;
  Duration step;  // not set(): the server's default evaluation interval
  Duration offset;
  AtModifier at;
};

/// -x, +x
struct UnaryExpr final : Expr {
  explicit UnaryExpr(ExprType t) : Expr(ExprKind::Unary, t) {}
  bool negate = true;
  ExprPtr expr;
};

/// Calls f with the node as what it is.
template <typename F>
decltype(auto) visit(const Expr& expr, F&& f) {
  switch (expr.kind) {
    case ExprKind::Aggregate: return f(static_cast<const AggregateExpr&>(expr));
    case ExprKind::Binary: return f(static_cast<const BinaryExpr&>(expr));
    case ExprKind::Call: return f(static_cast<const Call&>(expr));
    case ExprKind::Matrix: return f(static_cast<const MatrixSelector&>(expr));
    case ExprKind::Number: return f(static_cast<const NumberLiteral&>(expr));
    case ExprKind::Paren: return f(static_cast<const ParenExpr&>(expr));
    case ExprKind::String: return f(static_cast<const StringLiteral&>(expr));
    case ExprKind::Subquery: return f(static_cast<const SubqueryExpr&>(expr));
    case ExprKind::Unary: return f(static_cast<const UnaryExpr&>(expr));
    case ExprKind::Vector: break;
  }
  return f(static_cast<const VectorSelector&>(expr));
}

/// The node as T, or null when it is another kind: as<VectorSelector>(expr).
template <typename T>
const T* as(const Expr& expr) {
  return dynamic_cast<const T*>(&expr);
}

/// Without the parentheses around it.
const Expr& strip_parens(const Expr& expr);

/// Calls f(const Expr&) for each child in the order of the text (an aggregation's parameter first).
template <typename F>
void for_each_child(const Expr& expr, F&& f) {
  visit(expr, [&](const auto& node) {
    using Node = std::decay_t<decltype(node)>;
    if constexpr (std::is_same_v<Node, AggregateExpr>) {
      if (node.param) f(*node.param);
      f(*node.expr);
    } else if constexpr (std::is_same_v<Node, BinaryExpr>) {
      f(*node.lhs);
      f(*node.rhs);
    } else if constexpr (std::is_same_v<Node, Call>) {
      for (const ExprPtr& arg : node.args) f(*arg);
    } else if constexpr (std::is_same_v<Node, MatrixSelector>) {
      f(static_cast<const Expr&>(*node.selector));
    } else if constexpr (std::is_same_v<Node, ParenExpr> || std::is_same_v<Node, SubqueryExpr> ||
                         std::is_same_v<Node, UnaryExpr>) {
      f(*node.expr);
    }
  });
}

/// Calls f(const Expr&) for the node and all below it, parents first.
template <typename F>
void walk(const Expr& expr, F&& f) {
  f(expr);
  for_each_child(expr, [&](const Expr& child) { walk(child, f); });
}

}  // namespace silverback::query::promql
