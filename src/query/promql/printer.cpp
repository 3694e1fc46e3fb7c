#include "query/promql/printer.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/duration.h"
#include "base/number.h"
#include "model/labels.h"
#include "query/promql/signatures.h"
#include "query/promql/text.h"

namespace silverback::query::promql {
namespace {

void append(std::string& out, const Expr& expr);

void append_labels(std::string& out, const std::vector<std::string>& labels) {
  out += '(';
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (i > 0) out += ", ";
    out += is_plain_label(labels[i]) ? labels[i] : quote(labels[i]);
  }
  out += ')';
}

void append_number(std::string& out, double value, bool as_duration) {
  if (as_duration) {
    out += format_duration_ms(std::llround(value * 1000));
  } else {
    append_float(out, value);
  }
}

void append_duration_expr(std::string& out, const DurationExpr& expr) {
  using Op = DurationExpr::Op;
  const auto infix = [&](std::string_view op) {
    append_duration_expr(out, *expr.lhs);
    out += op;
    append_duration_expr(out, *expr.rhs);
  };
  const auto function = [&](std::string_view name) {
    out += name;
    infix(", ");
    out += ')';
  };
  if (expr.parenthesised) out += '(';
  switch (expr.op) {
    case Op::Literal: append_number(out, expr.seconds, expr.as_duration); break;
    case Op::Add: infix(" + "); break;
    case Op::Sub: infix(" - "); break;
    case Op::Mul: infix(" * "); break;
    case Op::Div: infix(" / "); break;
    case Op::Mod: infix(" % "); break;
    case Op::Pow: infix(" ^ "); break;
    case Op::Negate:
      out += '-';
      append_duration_expr(out, *expr.rhs);
      break;
    case Op::Step: out += "step()"; break;
    case Op::Range: out += "range()"; break;
    case Op::MinOf: function("min_of("); break;
    case Op::MaxOf: function("max_of("); break;
  }
  if (expr.parenthesised) out += ')';
}

void append_duration(std::string& out, const Duration& duration) {
  if (duration.expr) {
    append_duration_expr(out, *duration.expr);
  } else {
    out += format_duration_ms(duration.ms);
  }
}

void append_at(std::string& out, const AtModifier& at) {
  switch (at.kind) {
    case AtModifier::Kind::None: return;
    case AtModifier::Kind::Start: out += " @ start()"; return;
    case AtModifier::Kind::End: out += " @ end()"; return;
    case AtModifier::Kind::Time: break;
  }
  out += at.time_ms < 0 ? " @ -" : " @ ";
  const std::int64_t ms = std::abs(at.time_ms);
  const std::string decimals = std::to_string(1000 + ms % 1000);
  out += std::to_string(ms / 1000) + "." + decimals.substr(1);
}

void append_offset(std::string& out, const Duration& offset) {
  if (!offset.set()) return;
  out += " offset ";
  append_duration(out, offset);
}

std::string matcher_text(const Matcher& matcher) {
  constexpr std::string_view kOps[] = {"=", "!=", "=~", "!~"};
  std::string out = is_plain_label(matcher.name()) ? matcher.name() : quote(matcher.name());
  out += kOps[static_cast<std::size_t>(matcher.op())];
  return out + quote(matcher.value());
}

// Name and matchers, without modifiers.
void append_series(std::string& out, const VectorSelector& node) {
  std::vector<std::string> matchers;
  for (const Matcher& matcher : node.matchers) {
    const bool shown = !node.name.empty() && matcher.name() == kMetricName && matcher.op() == MatchOp::Equal &&
                       matcher.value() == node.name;
    if (!shown) matchers.push_back(matcher_text(matcher));
  }
  std::sort(matchers.begin(), matchers.end());
  out += node.name;
  if (matchers.empty()) {
    if (node.name.empty()) out += "{}";  // info()'s second argument
    return;
  }
  for (std::size_t i = 0; i < matchers.size(); ++i) {
    out += i == 0 ? '{' : ',';
    out += matchers[i];
  }
  out += '}';
}

void append_extended(std::string& out, const VectorSelector& node) {
  if (node.anchored) out += " anchored";
  if (node.smoothed) out += " smoothed";
}

void append_aggregation(std::string& out, const AggregateExpr& node) {
  out += to_string(node.op);
  if (node.without) {
    out += " without ";
  } else if (!node.grouping.empty()) {
    out += " by ";
  } else {
    return;
  }
  append_labels(out, node.grouping);
  out += ' ';
}

void append_operator(std::string& out, const BinaryExpr& node) {
  out += to_string(node.op);
  if (node.return_bool) out += " bool";
  const VectorMatching& m = node.matching;
  const bool grouped = m.cardinality == Cardinality::ManyToOne || m.cardinality == Cardinality::OneToMany;
  if (!m.labels.empty() || m.on || grouped) {
    out += m.on ? " on " : " ignoring ";
    append_labels(out, m.labels);
  }
  if (grouped) {
    out += m.cardinality == Cardinality::ManyToOne ? " group_left " : " group_right ";
    append_labels(out, m.include);
  }
  const auto fill = [&](std::string_view word, double value) {
    out += word;
    append_float_exponent(out, value);
    out += ')';
  };
  if (m.fill_left && m.fill_right && *m.fill_left == *m.fill_right) {
    fill(" fill (", *m.fill_left);
    return;
  }
  if (m.fill_left) fill(" fill_left (", *m.fill_left);
  if (m.fill_right) fill(" fill_right (", *m.fill_right);
}

void append_subquery_suffix(std::string& out, const SubqueryExpr& node) {
  out += '[';
  append_duration(out, node.range);
  out += ':';
  if (node.step.set()) append_duration(out, node.step);
  out += ']';
  append_at(out, node.at);
  append_offset(out, node.offset);
}

void append_node(std::string& out, const AggregateExpr& node) {
  append_aggregation(out, node);
  out += '(';
  if (node.param) {
    append(out, *node.param);
    out += ", ";
  }
  append(out, *node.expr);
  out += ')';
}

void append_node(std::string& out, const BinaryExpr& node) {
  const auto* base = as<NumberLiteral>(*node.lhs);
  if (node.op == BinaryOp::Pow && base && base->value == HUGE_VAL) {
    out += "Inf";  // "+Inf ^ 2" would read as +(Inf ^ 2)
  } else {
    append(out, *node.lhs);
  }
  out += ' ';
  append_operator(out, node);
  out += ' ';
  append(out, *node.rhs);
}

void append_node(std::string& out, const Call& node) {
  out += node.function.name;
  out += '(';
  for (std::size_t i = 0; i < node.args.size(); ++i) {
    if (i > 0) out += ", ";
    append(out, *node.args[i]);
  }
  out += ')';
}

void append_node(std::string& out, const MatrixSelector& node) {
  append_series(out, *node.selector);
  out += '[';
  append_duration(out, node.range);
  out += ']';
  append_extended(out, *node.selector);
  append_at(out, node.selector->at);
  append_offset(out, node.selector->offset);
}

void append_node(std::string& out, const NumberLiteral& node) { append_number(out, node.value, node.as_duration); }

void append_node(std::string& out, const ParenExpr& node) {
  out += '(';
  append(out, *node.expr);
  out += ')';
}

void append_node(std::string& out, const StringLiteral& node) { out += quote(node.value); }

void append_node(std::string& out, const SubqueryExpr& node) {
  append(out, *node.expr);
  append_subquery_suffix(out, node);
}

void append_node(std::string& out, const UnaryExpr& node) {
  out += node.negate ? '-' : '+';
  append(out, *node.expr);
}

void append_node(std::string& out, const VectorSelector& node) {
  append_series(out, node);
  append_at(out, node.at);
  append_extended(out, node);
  append_offset(out, node.offset);
}

void append(std::string& out, const Expr& expr) {
  visit(expr, [&](const auto& node) { append_node(out, node); });
}

}  // namespace

std::string to_string(const Expr& expr) {
  std::string out;
  append(out, expr);
  return out;
}

std::string to_string(const DurationExpr& expr) {
  std::string out;
  append_duration_expr(out, expr);
  return out;
}

// ---- pretty ----
//
// A node that fits in kMaxLine is written on one line; one that does not puts its children on lines of
// their own, two spaces further in. `level` is how deep the parent has set this node; 0 means the parent
// has begun no line.

namespace {

constexpr std::size_t kMaxLine = 100;

std::string indent(std::size_t level) { return std::string(level * 2, ' '); }

std::string pretty_at(const Expr& expr, std::size_t level);

std::string pretty_node(const AggregateExpr& node, std::size_t level) {
  std::string out = indent(level);
  append_aggregation(out, node);
  out += "(\n";
  if (node.param) out += pretty_at(*node.param, level + 1) + ",\n";
  return out + pretty_at(*node.expr, level + 1) + "\n" + indent(level) + ")";
}

std::string pretty_node(const BinaryExpr& node, std::size_t level) {
  std::string out = pretty_at(*node.lhs, level + 1) + "\n" + indent(level);
  append_operator(out, node);
  return out + "\n" + pretty_at(*node.rhs, level + 1);
}

std::string pretty_node(const Call& node, std::size_t level) {
  std::string out = indent(level) + std::string(node.function.name) + "(\n";
  for (std::size_t i = 0; i < node.args.size(); ++i) {
    if (i > 0) out += ",\n";
    out += pretty_at(*node.args[i], level + 1);
  }
  return out + "\n" + indent(level) + ")";
}

std::string pretty_node(const ParenExpr& node, std::size_t level) {
  return indent(level) + "(\n" + pretty_at(*node.expr, level + 1) + "\n" + indent(level) + ")";
}

std::string pretty_node(const SubqueryExpr& node, std::size_t level) {
  std::string out = pretty_at(*node.expr, level);
  append_subquery_suffix(out, node);
  return out;
}

std::string pretty_node(const UnaryExpr& node, std::size_t level) {
  const std::string child = pretty_at(*node.expr, level);
  const std::size_t first = child.find_first_not_of(" \n");
  return indent(level) + (node.negate ? "-" : "+") + child.substr(first == child.npos ? 0 : first);
}

template <typename Leaf>
std::string pretty_node(const Leaf& node, std::size_t level) {
  return indent(level) + to_string(static_cast<const Expr&>(node));
}

std::string pretty_at(const Expr& expr, std::size_t level) {
  std::string line = to_string(expr);
  // Prometheus does not indent a short subquery; its texts are compared byte for byte.
  if (line.size() <= kMaxLine) return expr.kind == ExprKind::Subquery ? line : indent(level) + line;
  return visit(expr, [&](const auto& node) { return pretty_node(node, level); });
}

}  // namespace

std::string pretty(const Expr& expr) { return pretty_at(expr, 0); }

}  // namespace silverback::query::promql
