// Lexer: PromQL text to tokens, one at a time.
//
// It knows three places, as the language does: outside, inside {braces}, where every word is a label
// name, and inside [brackets], where only durations may stand. Comments are skipped.
//
// Threads: a value; borrows the text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace silverback::query::promql {

enum class TokenKind : std::uint8_t {
  End,
  Error,
  Identifier,
  MetricIdentifier,
  String,
  Number,
  Duration,
  Comma,
  Colon,
  Equal,
  LeftBrace,
  RightBrace,
  LeftBracket,
  RightBracket,
  LeftParen,
  RightParen,
  // operators
  Add,
  Sub,
  Mul,
  Div,
  Mod,
  Pow,
  Atan2,
  EqualEqual,
  NotEqual,
  EqualRegex,
  NotRegex,
  Less,
  LessEqual,
  Greater,
  GreaterEqual,
  And,
  Or,
  Unless,
  TrimUpper,
  TrimLower,
  At,
  // aggregations
  Avg,
  Bottomk,
  Count,
  CountValues,
  Group,
  LimitRatio,
  Limitk,
  Max,
  Min,
  Quantile,
  Stddev,
  Stdvar,
  Sum,
  Topk,
  // keywords
  Anchored,
  Bool,
  By,
  Fill,
  FillLeft,
  FillRight,
  GroupLeft,
  GroupRight,
  Ignoring,
  Offset,
  On,
  Smoothed,
  Without,
  // names of functions of the query itself
  Start,
  Stop,
  Step,
  Range,
  MaxOf,
  MinOf
};

struct Token {
  TokenKind kind = TokenKind::End;
  std::uint32_t start = 0;
  std::string_view text;  // as written; for Error what is wrong, valid as long as the lexer

  std::uint32_t end() const { return start + static_cast<std::uint32_t>(text.size()); }
};

constexpr bool is_operator(TokenKind kind) { return kind >= TokenKind::Add && kind <= TokenKind::At; }
constexpr bool is_aggregation(TokenKind kind) { return kind >= TokenKind::Avg && kind <= TokenKind::Topk; }
constexpr bool is_keyword(TokenKind kind) {
  return kind >= TokenKind::Anchored && kind <= TokenKind::Without;
}

/// As an error message names it: end of input, identifier "up", <op:+>, <aggr:sum>, ")".
std::string describe(const Token& token);

class Lexer {
 public:
  /// @param text  at most 4 GiB
  explicit Lexer(std::string_view text) : text_(text) {}

  /// After End or Error it gives End for good.
  Token next();

 private:
  Token outside();
  Token in_braces();
  Token in_duration();
  Token bracket_word(char first);
  Token symbol(char c);
  Token word();
  Token string(char quote_char);
  bool escape(char quote_char);
  Token number_or_duration();
  bool scan_number();
  bool scan_duration();
  void skip_spaces_and_comments();
  bool followed_by_paren() const;

  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  bool accept(std::string_view any);
  char32_t read_rune();
  Token emit(TokenKind kind);
  Token fail(std::string message);
  Token unexpected_rune(std::string_view before, std::string_view after = {});

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t start_ = 0;  // of the token under way
  int paren_depth_ = 0;
  bool braces_ = false;
  bool brackets_ = false;
  bool duration_first_ = false;  // behind '[' and before the first number: only durations may stand here
  bool bracket_begin_ = false;   // nothing has come behind '[' yet
  bool colon_ = false;
  bool done_ = false;
  std::string error_;
};

}  // namespace silverback::query::promql
