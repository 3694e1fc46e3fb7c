#include "query/promql/printer.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/duration.h"
#include "base/number.h"
#include "model/labels.h"
#include "query/promql/signatures.h"
#include "query/promql/text.h"

namespace silverback::query::promql {
namespace {

// The text, and where in it each node stands, so that pretty() knows how long a node is without printing
// it again.
struct Writer {
  struct Span {
    std::size_t begin = 0, end = 0;
  };
  std::string text;
  std::unordered_map<const Expr*, Span>* spans = nullptr;  // null: nobody asks
};

void append(Writer& to, const Expr& expr);

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
    const bool shown = !node.name.empty() && matcher.name() == kMetricName &&
                       matcher.op() == MatchOp::Equal && matcher.value() == node.name;
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
    // Go's %v: digits alone up to 1e21.
    const double magnitude = std::fabs(value);
    const bool plain = magnitude == 0 || (magnitude >= 1e-4 && magnitude < 1e21);
    plain ? append_float(out, value) : append_float_exponent(out, value);
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

void append_node(Writer& to, const AggregateExpr& node) {
  std::string& out = to.text;
  append_aggregation(out, node);
  out += '(';
  if (node.param) {
    append(to, *node.param);
    out += ", ";
  }
  append(to, *node.expr);
  out += ')';
}

void append_node(Writer& to, const BinaryExpr& node) {
  std::string& out = to.text;
  const auto* base = as<NumberLiteral>(*node.lhs);
  if (node.op == BinaryOp::Pow && base && base->value == HUGE_VAL) {
    out += "Inf";  // "+Inf ^ 2" would read as +(Inf ^ 2)
  } else {
    append(to, *node.lhs);
  }
  out += ' ';
  append_operator(out, node);
  out += ' ';
  append(to, *node.rhs);
}

void append_node(Writer& to, const Call& node) {
  std::string& out = to.text;
  out += node.function.name;
  out += '(';
  for (std::size_t i = 0; i < node.args.size(); ++i) {
    if (i > 0) out += ", ";
    append(to, *node.args[i]);
  }
  out += ')';
}

void append_node(Writer& to, const MatrixSelector& node) {
  std::string& out = to.text;
  append_series(out, *node.selector);
  out += '[';
  append_duration(out, node.range);
  out += ']';
  append_extended(out, *node.selector);
  append_at(out, node.selector->at);
  append_offset(out, node.selector->offset);
}

void append_node(Writer& to, const NumberLiteral& node) {
  append_number(to.text, node.value, node.as_duration);
}

void append_node(Writer& to, const ParenExpr& node) {
  std::string& out = to.text;
  out += '(';
  append(to, *node.expr);
  out += ')';
}

void append_node(Writer& to, const StringLiteral& node) { to.text += quote(node.value); }

void append_node(Writer& to, const SubqueryExpr& node) {
  std::string& out = to.text;
  append(to, *node.expr);
  append_subquery_suffix(out, node);
}

void append_node(Writer& to, const UnaryExpr& node) {
  std::string& out = to.text;
  out += node.negate ? '-' : '+';
  append(to, *node.expr);
}

void append_node(Writer& to, const VectorSelector& node) {
  std::string& out = to.text;
  append_series(out, node);
  append_at(out, node.at);
  append_extended(out, node);
  append_offset(out, node.offset);
}

void append(Writer& to, const Expr& expr) {
  const std::size_t begin = to.text.size();
  visit(expr, [&](const auto& node) { append_node(to, node); });
  if (to.spans != nullptr) (*to.spans)[&expr] = {begin, to.text.size()};
}

}  // namespace

std::string to_string(const Expr& expr) {
  Writer writer;
  append(writer, expr);
  return std::move(writer.text);
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
// Deep nesting is indented far: beyond this the one-line form is the more useful answer.
constexpr std::size_t kMaxPretty = 8 << 20;

class Pretty {
 public:
  explicit Pretty(const Expr& root) {
    line_.spans = &spans_;
    append(line_, root);
    write(root, 0);
  }
  std::string take() { return std::move(out_.size() > kMaxPretty ? line_.text : out_); }

 private:
  void write(const Expr& expr, std::size_t level) {
    if (out_.size() > kMaxPretty) return;
    const auto at = spans_.find(&expr);
    // What append() has not written is the "Inf" before a ^.
    const std::string_view text =
        at == spans_.end()
            ? "Inf"
            : std::string_view(line_.text).substr(at->second.begin, at->second.end - at->second.begin);
    if (text.size() > kMaxLine) return visit(expr, [&](const auto& node) { split(node, level); });
    // Prometheus does not indent a short subquery; its texts are compared byte for byte.
    if (expr.kind != ExprKind::Subquery) indent(level);
    out_ += text;
  }
  void indent(std::size_t level) { out_.append(level * 2, ' '); }
  void close(std::size_t level) {
    out_ += '\n';
    indent(level);
    out_ += ')';
  }

  void split(const AggregateExpr& node, std::size_t level) {
    indent(level);
    append_aggregation(out_, node);
    out_ += "(\n";
    if (node.param) {
      write(*node.param, level + 1);
      out_ += ",\n";
    }
    write(*node.expr, level + 1);
    close(level);
  }
  void split(const BinaryExpr& node, std::size_t level) {
    write(*node.lhs, level + 1);
    out_ += '\n';
    indent(level);
    append_operator(out_, node);
    out_ += '\n';
    write(*node.rhs, level + 1);
  }
  void split(const Call& node, std::size_t level) {
    indent(level);
    out_ += node.function.name;
    out_ += "(\n";
    for (std::size_t i = 0; i < node.args.size(); ++i) {
      if (i > 0) out_ += ",\n";
      write(*node.args[i], level + 1);
    }
    close(level);
  }
  void split(const ParenExpr& node, std::size_t level) {
    indent(level);
    out_ += "(\n";
    write(*node.expr, level + 1);
    close(level);
  }
  void split(const SubqueryExpr& node, std::size_t level) {
    write(*node.expr, level);
    append_subquery_suffix(out_, node);
  }
  // The sign stands before the first word of what it is before.
  void split(const UnaryExpr& node, std::size_t level) {
    const std::size_t begin = out_.size();
    write(*node.expr, level);
    const std::size_t first = std::min(out_.find_first_not_of(" \n", begin), out_.size());
    out_.replace(begin, first - begin, std::string(level * 2, ' ') + (node.negate ? "-" : "+"));
  }
  template <typename Leaf>
  void split(const Leaf& node, std::size_t level) {
    indent(level);
    out_ += to_string(static_cast<const Expr&>(node));
  }

  std::unordered_map<const Expr*, Writer::Span> spans_;
  Writer line_;
  std::string out_;
};

}  // namespace

std::string pretty(const Expr& expr) { return Pretty(expr).take(); }

}  // namespace silverback::query::promql
