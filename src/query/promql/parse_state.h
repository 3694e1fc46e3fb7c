// Parser: one run of recursive descent over one query. Inside the parser only; others call parser.h.
//
// The first failure stops it: fail() remembers the place and the words, and every function then hands
// back null or whatever it has as soon as it can. So a function looks at failed() only where going on
// would loop or read a null.
//
// Binary operators are read by precedence climbing; what stands behind an expression ([5m], @, offset)
// binds tightest. Recursion is bounded by ParserOptions::max_depth.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "query/promql/ast.h"
#include "query/promql/lexer.h"
#include "query/promql/parser.h"

namespace silverback::query::promql {

class Parser {
 public:
  Parser(std::string_view text, const ParserOptions& options);

  Result<ExprPtr> expression();
  Result<std::vector<Matcher>> selector_only();

 private:
  using Node = std::unique_ptr<Expr>;
  using DurationNode = std::unique_ptr<DurationExpr>;

  // What an error message says about the place: "unexpected X in <what>, expected <expected>".
  struct Place {
    std::string_view what;
    std::string_view expected;
  };

  // parser.cpp: expressions
  Node binary(int min_precedence);
  void modifiers(BinaryExpr& out);
  bool fill_modifier(VectorMatching& out);
  std::optional<double> fill_value();
  Node make_binary(std::unique_ptr<BinaryExpr> node, std::unique_ptr<Expr> lhs, std::unique_ptr<Expr> rhs);
  Node unary();
  Node primary();
  Node parenthesised();
  Node aggregation();
  bool aggregation_modifier(AggregateExpr& out);
  Node call();
  std::vector<Node> arguments();
  Node number_literal();

  // parse_selectors.cpp: selectors, what stands behind them, durations
  Node postfix(Node expr);
  Node brackets(Node expr);
  Node matrix(Node expr, Duration range, PosRange bracket_pos);
  void offset(Expr& expr);
  void at_modifier(Expr& expr);
  void extended(Expr& expr, bool anchored);
  std::unique_ptr<VectorSelector> selector();
  std::unique_ptr<VectorSelector> selector_named(const Token& name);
  void matchers(VectorSelector& out);
  void matcher(VectorSelector& out);
  std::vector<std::string> grouping_labels();
  Duration bracket_duration(Place place);
  Duration fixed_or_expression(DurationNode node, bool must_be_positive);
  DurationNode offset_duration(Place place);
  DurationNode duration(int min_precedence, Place place);
  DurationNode duration_unary(Place place);
  DurationNode duration_atom(Place place);
  DurationNode duration_literal();
  DurationNode duration_call(Place place);
  DurationNode negate(DurationNode node, const Token& sign);
  bool require_duration_expressions(const DurationExpr& expr);

  // tokens
  void advance();
  bool accept(TokenKind kind);
  bool expect(TokenKind kind, Place place = {});
  double number_value();
  std::string string_value();

  // failures
  bool failed() const { return failed_; }
  void fail(PosRange pos, std::string message);
  void unexpected(Place place = {});
  Status status() const;
  bool enter(PosRange pos);
  template <typename T>
  bool set_depth(T& node, std::uint32_t below);

  const std::string_view text_;
  const ParserOptions& options_;
  Lexer lexer_;
  Token token_;                 // the next one, not yet taken
  std::uint32_t last_end_ = 0;  // of the one taken last
  std::uint32_t depth_ = 0;     // of recursion
  int aggregations_ = 0;        // we are in the arguments of
  bool failed_ = false;
  PosRange failed_at_;
  std::string failure_;
};

/// Words that may also name a metric.
bool may_name_metric(TokenKind kind);

/// Static checks of a tree that has parsed: types, argument counts, matching clauses.
/// The first failure: its place and its words.
struct CheckFailure {
  PosRange pos;
  std::string message;
};
std::optional<CheckFailure> check(const Expr& expr);

}  // namespace silverback::query::promql
