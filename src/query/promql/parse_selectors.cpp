// The parser's second half: selectors, what may stand behind an expression, durations.
#include <algorithm>
#include <cmath>
#include <utility>

#include "base/number.h"
#include "model/labels.h"
#include "query/promql/parse_state.h"
#include "query/promql/text.h"

namespace silverback::query::promql {
namespace {

using Kind = TokenKind;
using Op = DurationExpr::Op;

// Beyond it seconds as a double no longer tell milliseconds apart.
constexpr double kMaxTimestampSeconds = 1e12;
// A duration is at most what an int64 of nanoseconds holds.
constexpr double kMaxDurationSeconds = 9'223'372'036.0;

bool out_of_range(double seconds) { return !(std::fabs(seconds) <= kMaxDurationSeconds); }

// What the modifiers of an expression are written to.
struct Modifiable {
  Duration* offset = nullptr;
  AtModifier* at = nullptr;
  bool* anchored = nullptr;
  bool* smoothed = nullptr;
};

// The selector within a range selector is ours alone until the tree is handed out.
Modifiable modifiable(Expr& expr) {
  VectorSelector* vector = nullptr;
  if (expr.kind == ExprKind::Vector) {
    vector = &static_cast<VectorSelector&>(expr);
  } else if (expr.kind == ExprKind::Matrix) {
    vector = const_cast<VectorSelector*>(static_cast<MatrixSelector&>(expr).selector.get());
  } else if (expr.kind == ExprKind::Subquery) {
    auto& subquery = static_cast<SubqueryExpr&>(expr);
    return {&subquery.offset, &subquery.at, nullptr, nullptr};
  }
  if (!vector) return {};
  return {&vector->offset, &vector->at, &vector->anchored, &vector->smoothed};
}

std::optional<MatchOp> match_op(Kind kind) {
  switch (kind) {
    case Kind::Equal: return MatchOp::Equal;
    case Kind::NotEqual: return MatchOp::NotEqual;
    case Kind::EqualRegex: return MatchOp::Regex;
    case Kind::NotRegex: return MatchOp::NotRegex;
    default: return std::nullopt;
  }
}

// Words that may also name a label in by (...), on (...) and their like.
bool may_name_label(Kind kind) {
  if (is_aggregation(kind) || kind >= Kind::Start) return true;
  if (is_keyword(kind)) return kind != Kind::Without;
  return kind == Kind::Identifier || kind == Kind::MetricIdentifier || kind == Kind::And ||
         kind == Kind::Or || kind == Kind::Unless || kind == Kind::Atan2;
}

}  // namespace

// ---- behind an expression ----

Parser::Node Parser::postfix(Node expr) {
  while (!failed()) {
    switch (token_.kind) {
      case Kind::LeftBracket: expr = brackets(std::move(expr)); break;
      case Kind::Offset: offset(*expr); break;
      case Kind::At: at_modifier(*expr); break;
      case Kind::Anchored:
      case Kind::Smoothed: extended(*expr, token_.kind == Kind::Anchored); break;
      default: return expr;
    }
  }
  return nullptr;
}

Parser::Node Parser::brackets(Node expr) {
  const std::uint32_t start = token_.start;
  advance();
  Duration range = bracket_duration({"subquery or range selector", "number, duration, step(), or range()"});
  if (accept(Kind::RightBracket)) return matrix(std::move(expr), std::move(range), {start, last_end_});
  if (!expect(Kind::Colon, {"subquery or range", "\":\" or \"]\""})) return nullptr;

  auto node = std::make_unique<SubqueryExpr>();
  node->range = std::move(range);
  if (!accept(Kind::RightBracket)) {
    node->step = bracket_duration({"subquery selector", "number, duration, step(), range(), or \"]\""});
    if (!expect(Kind::RightBracket, {"subquery selector", "\"]\""})) return nullptr;
  }
  if (failed()) return nullptr;
  node->pos = {expr->pos.start, last_end_};
  const std::uint32_t below = expr->depth;
  node->expr = std::move(expr);
  return set_depth<Expr>(*node, below) ? std::move(node) : nullptr;
}

Parser::Node Parser::matrix(Node expr, Duration range, PosRange bracket_pos) {
  if (failed()) return nullptr;
  if (expr->kind != ExprKind::Vector) {
    fail(bracket_pos, "ranges only allowed for vector selectors");
    return nullptr;
  }
  std::unique_ptr<VectorSelector> vector(static_cast<VectorSelector*>(expr.release()));
  if (vector->offset.set()) fail(bracket_pos, "no offset modifiers allowed before range");
  if (vector->at.kind != AtModifier::Kind::None) fail(bracket_pos, "no @ modifiers allowed before range");
  auto node = std::make_unique<MatrixSelector>();
  node->pos = {vector->pos.start, last_end_};
  node->depth = 2;
  node->range = std::move(range);
  node->selector = std::move(vector);
  return failed() ? nullptr : std::move(node);
}

void Parser::offset(Expr& expr) {
  advance();
  DurationNode value =
      failed() ? nullptr : offset_duration({"offset", "number, duration, step(), or range()"});
  Duration duration = fixed_or_expression(std::move(value), false);
  if (failed()) return;
  Duration* target = modifiable(expr).offset;
  if (!target) {
    return fail(expr.pos,
                "offset modifier must be preceded by an instant vector selector or range vector selector or "
                "a subquery");
  }
  if (target->set()) return fail(expr.pos, "offset may not be set multiple times");
  *target = std::move(duration);
  expr.pos.end = last_end_;
}

void Parser::at_modifier(Expr& expr) {
  constexpr Place kPlace{"@", "timestamp"};
  advance();
  AtModifier at;
  double seconds = 0;
  if (token_.kind == Kind::Start || token_.kind == Kind::Stop) {
    at.kind = token_.kind == Kind::Start ? AtModifier::Kind::Start : AtModifier::Kind::End;
    advance();
    if (!expect(Kind::LeftParen, kPlace) || !expect(Kind::RightParen, kPlace)) return;
  } else {
    at.kind = AtModifier::Kind::Time;
    const bool minus = token_.kind == Kind::Sub;
    if (!accept(Kind::Sub)) accept(Kind::Add);
    if (token_.kind != Kind::Number && token_.kind != Kind::Duration) return unexpected(kPlace);
    seconds = number_value();
    if (minus) seconds = -seconds;
    if (!(std::fabs(seconds) <= kMaxTimestampSeconds)) {
      return fail(expr.pos, "timestamp out of bounds for @ modifier: " + format_float(seconds));
    }
    at.time_ms = static_cast<std::int64_t>(std::round(seconds * 1000));
  }
  if (failed()) return;
  AtModifier* target = modifiable(expr).at;
  if (!target) {
    return fail(
        expr.pos,
        "@ modifier must be preceded by an instant vector selector or range vector selector or a subquery");
  }
  if (target->kind != AtModifier::Kind::None)
    return fail(expr.pos, "@ <timestamp> may not be set multiple times");
  *target = at;
  expr.pos.end = last_end_;
}

void Parser::extended(Expr& expr, bool anchored) {
  const std::string word = anchored ? "anchored" : "smoothed";
  advance();
  if (failed()) return;
  if (!options_.extended_range_selectors) {
    return fail(expr.pos, word + " modifier is experimental and not enabled");
  }
  if (expr.kind == ExprKind::Subquery)
    return fail(expr.pos, word + " modifier is not supported for subqueries");
  const Modifiable target = modifiable(expr);
  if (!target.anchored) return fail(expr.pos, word + " modifier not implemented");
  *(anchored ? target.anchored : target.smoothed) = true;
  if (*target.anchored && *target.smoothed) {
    fail(expr.pos, "anchored and smoothed modifiers cannot be used together");
  }
}

// ---- selectors ----

std::unique_ptr<VectorSelector> Parser::selector() {
  const Token first = token_;
  if (first.kind != Kind::LeftBrace) advance();
  return selector_named(first);
}

// `name` has been taken, unless it is the brace of a selector without a name.
std::unique_ptr<VectorSelector> Parser::selector_named(const Token& name) {
  auto node = std::make_unique<VectorSelector>();
  node->pos = {name.start, name.end()};
  if (name.kind != Kind::LeftBrace) node->name = name.text;
  if (token_.kind == Kind::LeftBrace) matchers(*node);
  if (!node->name.empty()) node->matchers.push_back(Matcher::equal(std::string(kMetricName), node->name));
  return failed() ? nullptr : std::move(node);
}

void Parser::matchers(VectorSelector& out) {
  advance();  // '{'
  while (!failed() && !accept(Kind::RightBrace)) {
    matcher(out);
    if (token_.kind != Kind::RightBrace) expect(Kind::Comma, {"label matching", "\",\" or \"}\""});
  }
  out.pos.end = last_end_;
}

// job="x", "my.label"=~"x", or "my.metric" alone.
void Parser::matcher(VectorSelector& out) {
  const Token label = token_;
  const bool quoted = label.kind == Kind::String;
  if (!quoted && label.kind != Kind::Identifier) return unexpected({"label matching", "identifier or \"}\""});
  std::string name = quoted ? string_value() : std::string(label.text);
  if (!quoted) advance();
  if (failed()) return;
  const auto op = match_op(token_.kind);
  if (!op && !quoted) return unexpected({"label matching", "label matching operator"});
  if (!op) {
    out.matchers.push_back(Matcher::equal(std::string(kMetricName), std::move(name)));
    return;
  }
  advance();
  if (failed()) return;
  if (token_.kind != Kind::String) return unexpected({"label matching", "string"});
  std::string value = string_value();
  if (failed()) return;
  auto made = Matcher::make(*op, std::move(name), std::move(value));
  if (!made) return fail({label.start, last_end_}, std::string(made.status().message()));
  out.matchers.push_back(std::move(*made));
}

std::vector<std::string> Parser::grouping_labels() {
  std::vector<std::string> out;
  if (!expect(Kind::LeftParen, {"grouping opts", "\"(\""})) return out;
  while (!failed() && !(accept(Kind::RightParen))) {
    const PosRange pos{token_.start, token_.end()};
    std::string name;
    if (token_.kind == Kind::String) {
      name = string_value();
    } else if (may_name_label(token_.kind)) {
      name = token_.text;
      advance();
    } else {
      unexpected({"grouping opts", "label"});
      break;
    }
    if (!failed() && (name.empty() || !is_utf8(name)))
      fail(pos, "invalid label name for grouping: " + quote(name));
    out.push_back(std::move(name));
    if (token_.kind != Kind::RightParen) expect(Kind::Comma, {"grouping opts", "\",\" or \")\""});
  }
  return out;
}

// ---- durations ----

Duration Parser::bracket_duration(Place place) {
  DurationNode node = failed() ? nullptr : duration(1, place);
  return fixed_or_expression(std::move(node), true);
}

Duration Parser::fixed_or_expression(DurationNode node, bool must_be_positive) {
  Duration out;
  if (failed()) return out;
  if (node->op != Op::Literal || node->parenthesised) {
    out.expr = std::move(node);
    return out;
  }
  // Milliseconds are what we count in, and less than one would be an empty range.
  if (must_be_positive && node->seconds <= 0) {
    fail(node->pos, "duration must be greater than 0");
  } else if (must_be_positive && node->seconds < 0.001) {
    fail(node->pos, "duration must be at least 1ms");
  } else {
    out.ms = static_cast<std::int64_t>(std::round(node->seconds * 1e6) / 1e3);
  }
  return out;
}

bool Parser::require_duration_expressions(const DurationExpr& expr) {
  if (!failed() && !options_.duration_expressions) {
    fail(expr.pos, "experimental duration expression is not enabled");
  }
  return !failed();
}

Parser::DurationNode Parser::duration_literal() {
  auto node = std::make_unique<DurationExpr>();
  node->pos = {token_.start, token_.end()};
  node->as_duration = token_.kind == Kind::Duration;
  node->seconds = number_value();
  if (!failed() && out_of_range(node->seconds)) fail(node->pos, "duration out of range");
  return node;
}

// step(), range(), min_of(a, b), max_of(a, b)
Parser::DurationNode Parser::duration_call(Place place) {
  auto node = std::make_unique<DurationExpr>();
  node->pos.start = token_.start;
  const Kind kind = token_.kind;
  advance();
  if (!expect(Kind::LeftParen, place)) return nullptr;
  if (kind == Kind::MinOf || kind == Kind::MaxOf) {
    node->op = kind == Kind::MinOf ? Op::MinOf : Op::MaxOf;
    DurationNode lhs = duration(1, place);
    if (!expect(Kind::Comma, place)) return nullptr;
    DurationNode rhs = duration(1, place);
    if (failed()) return nullptr;
    node->depth = std::max(lhs->depth, rhs->depth) + 1;
    node->lhs = std::move(lhs);
    node->rhs = std::move(rhs);
  } else {
    node->op = kind == Kind::Step ? Op::Step : Op::Range;
  }
  if (!expect(Kind::RightParen, place)) return nullptr;
  node->pos.end = last_end_;
  return require_duration_expressions(*node) ? std::move(node) : nullptr;
}

Parser::DurationNode Parser::duration_atom(Place place) {
  switch (token_.kind) {
    case Kind::Number:
    case Kind::Duration: return duration_literal();
    case Kind::Step:
    case Kind::Range:
    case Kind::MinOf:
    case Kind::MaxOf: return duration_call(place);
    case Kind::LeftParen: break;
    default: unexpected(place); return nullptr;
  }
  const std::uint32_t start = token_.start;
  advance();
  DurationNode node = failed() ? nullptr : duration(1, place);
  if (!expect(Kind::RightParen, place) || !require_duration_expressions(*node)) return nullptr;
  node->parenthesised = true;
  node->pos = {start, last_end_};
  return node;
}

// A sign goes into a literal; before an expression plus says nothing.
Parser::DurationNode Parser::negate(DurationNode node, const Token& sign) {
  if (failed()) return nullptr;
  const bool minus = sign.kind == Kind::Sub;
  if (node->op == Op::Literal && !node->parenthesised) {
    if (minus) node->seconds = -node->seconds;
    node->pos.start = sign.start;
    return node;
  }
  if (!minus) return node;
  auto outer = std::make_unique<DurationExpr>();
  outer->op = Op::Negate;
  outer->pos = {sign.start, node->pos.end};
  const std::uint32_t below = node->depth;
  outer->rhs = std::move(node);
  return set_depth<DurationExpr>(*outer, below) ? std::move(outer) : nullptr;
}

// Behind `offset` an unsigned or once signed atom ends it: x offset 5m * 2 is (x offset 5m) * 2.
Parser::DurationNode Parser::offset_duration(Place place) {
  if (token_.kind == Kind::LeftParen) return duration(1, place);
  if (token_.kind != Kind::Add && token_.kind != Kind::Sub) return duration_atom(place);
  const Token sign = token_;
  advance();
  if (token_.kind == Kind::Add || token_.kind == Kind::Sub) return negate(duration_unary(place), sign);
  return negate(failed() ? nullptr : duration_atom(place), sign);
}

Parser::DurationNode Parser::duration_unary(Place place) {
  if (token_.kind != Kind::Add && token_.kind != Kind::Sub) return duration_atom(place);
  const Token sign = token_;
  advance();
  return negate(failed() ? nullptr : duration(3, place), sign);
}

Parser::DurationNode Parser::duration(int min_precedence, Place place) {
  struct Operator {
    Op op;
    int precedence;
  };
  const auto operator_of = [](Kind kind) -> std::optional<Operator> {
    switch (kind) {
      case Kind::Add: return Operator{Op::Add, 1};
      case Kind::Sub: return Operator{Op::Sub, 1};
      case Kind::Mul: return Operator{Op::Mul, 2};
      case Kind::Div: return Operator{Op::Div, 2};
      case Kind::Mod: return Operator{Op::Mod, 2};
      case Kind::Pow: return Operator{Op::Pow, 3};
      default: return std::nullopt;
    }
  };
  if (failed() || !enter({token_.start, token_.end()})) return nullptr;
  DurationNode lhs = duration_unary(place);
  while (!failed()) {
    const auto op = operator_of(token_.kind);
    if (!op || op->precedence < min_precedence) break;
    const PosRange op_pos{token_.start, token_.end()};
    advance();
    DurationNode rhs = duration(op->op == Op::Pow ? op->precedence : op->precedence + 1, place);
    if (failed() || !require_duration_expressions(*lhs)) break;
    if (rhs->op == Op::Literal && !rhs->parenthesised && rhs->seconds == 0) {
      if (op->op == Op::Div) fail(op_pos, "division by zero");
      if (op->op == Op::Mod) fail(op_pos, "modulo by zero");
    }
    auto node = std::make_unique<DurationExpr>();
    node->op = op->op;
    node->pos = {lhs->pos.start, rhs->pos.end};
    const std::uint32_t below = std::max(lhs->depth, rhs->depth);
    node->lhs = std::move(lhs);
    node->rhs = std::move(rhs);
    lhs = std::move(node);
    if (!set_depth<DurationExpr>(*lhs, below)) break;
  }
  --depth_;
  return failed() ? nullptr : std::move(lhs);
}

}  // namespace silverback::query::promql
