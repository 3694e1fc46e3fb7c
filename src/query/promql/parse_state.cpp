#include "query/promql/parse_state.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/duration.h"
#include "base/number.h"
#include "query/promql/text.h"

namespace silverback::query::promql {
namespace {

using Kind = TokenKind;

// Underscores stand between digits, or behind 0x.
bool good_underscores(std::string_view digits, bool hex) {
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (digits[i] != '_') continue;
    const auto digit = [&](std::size_t at) {
      return at < digits.size() && ((digits[at] >= '0' && digits[at] <= '9') || (hex && digits[at] != '_'));
    };
    if (!digit(i + 1) || !(digit(i - 1) || (hex && i == 0))) return false;
  }
  return true;
}

// As Go reads literals: 0x.. and 0.. with octal digits alone are whole numbers in these bases.
std::optional<double> read_number(std::string_view text) {
  const bool hex = text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
  std::string digits(hex ? text.substr(2) : text);
  if (!good_underscores(digits, hex)) return std::nullopt;
  std::erase(digits, '_');
  const bool octal =
      !hex && digits.size() > 1 && digits[0] == '0' && digits.find_first_not_of("01234567") == digits.npos;
  if (!hex && !octal) return parse_float(digits);
  std::int64_t value = 0;
  for (const char c : digits) {
    const int digit = c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
    if (__builtin_mul_overflow(value, hex ? 16 : 8, &value) || __builtin_add_overflow(value, digit, &value)) {
      return octal ? parse_float(digits) : std::nullopt;
    }
  }
  return static_cast<double>(value);
}

std::string line_and_column(std::string_view text, std::uint32_t at) {
  if (text.empty()) return "unknown position";
  const std::string_view before = text.substr(0, at);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const std::size_t line_break = before.rfind('\n');
  const std::size_t column = line_break == before.npos ? at + 1 : at - line_break;
  return std::to_string(line) + ":" + std::to_string(column);
}

}  // namespace

// Words that may also name a metric.
bool may_name_metric(Kind kind) {
  switch (kind) {
    case Kind::Identifier:
    case Kind::MetricIdentifier:
    case Kind::And:
    case Kind::Or:
    case Kind::Unless:
    case Kind::By:
    case Kind::Without:
    case Kind::Fill:
    case Kind::FillLeft:
    case Kind::FillRight:
    case Kind::Offset:
    case Kind::Anchored:
    case Kind::Smoothed:
    case Kind::Start:
    case Kind::Stop:
    case Kind::Step:
    case Kind::Range:
    case Kind::MaxOf:
    case Kind::MinOf: return true;
    default: return is_aggregation(kind);
  }
}

Result<ExprPtr> parse_expr(std::string_view text, const ParserOptions& options) {
  if (text.size() > options.max_bytes) {
    return Status(Code::InvalidArgument, "query of " + std::to_string(text.size()) +
                                             " bytes is longer than the limit of " +
                                             std::to_string(options.max_bytes) + "; shorten it");
  }
  return Parser(text, options).expression();
}

Result<std::vector<Matcher>> parse_selector(std::string_view text) {
  const ParserOptions options;
  if (text.size() > options.max_bytes) {
    return Status(Code::InvalidArgument, "series selector of " + std::to_string(text.size()) +
                                             " bytes is longer than the limit of " +
                                             std::to_string(options.max_bytes));
  }
  return Parser(text, options).selector_only();
}

bool matches_everything(const std::vector<Matcher>& matchers) {
  return std::all_of(matchers.begin(), matchers.end(), [](const Matcher& m) { return m.matches(""); });
}

Parser::Parser(std::string_view text, const ParserOptions& options)
    : text_(text), options_(options), lexer_(text) {
  advance();
}

Result<ExprPtr> Parser::expression() {
  if (!failed() && token_.kind == Kind::End) fail({0, 0}, "no expression found in input");
  Node expr = failed() ? nullptr : binary(1);
  if (!failed() && token_.kind != Kind::End) unexpected();
  if (!failed()) {
    if (auto failure = check(*expr)) fail(failure->pos, std::move(failure->message));
  }
  if (failed()) return status();
  return ExprPtr(std::move(expr));
}

Result<std::vector<Matcher>> Parser::selector_only() {
  std::unique_ptr<VectorSelector> node;
  if (!failed()) {
    if (token_.kind != Kind::LeftBrace && !may_name_metric(token_.kind)) {
      unexpected();
    } else {
      node = selector();
    }
  }
  if (!failed() && token_.kind != Kind::End) unexpected();
  if (failed()) return status();
  return std::move(node->matchers);
}

// ---- tokens and failures ----

void Parser::advance() {
  last_end_ = token_.end();
  if (failed()) return;
  token_ = lexer_.next();
  if (token_.kind == Kind::Error)
    fail({token_.start, static_cast<std::uint32_t>(text_.size())}, std::string(token_.text));
}

bool Parser::accept(Kind kind) {
  if (failed() || token_.kind != kind) return false;
  advance();
  return true;
}

bool Parser::expect(Kind kind, Place place) {
  if (accept(kind)) return true;
  unexpected(place);
  return false;
}

void Parser::fail(PosRange pos, std::string message) {
  if (failed_) return;
  failed_ = true;
  failed_at_ = pos;
  failure_ = std::move(message);
  token_.kind = Kind::Error;  // so that nothing accepts it
}

void Parser::unexpected(Place place) {
  if (failed()) return;
  if (place.what.empty() && aggregations_ > 0) place.what = "aggregation";
  std::string message = "unexpected " + describe(token_);
  if (!place.what.empty()) message.append(" in ").append(place.what);
  if (!place.expected.empty()) message.append(", expected ").append(place.expected);
  fail({token_.start, token_.end()}, std::move(message));
}

Status Parser::status() const {
  return {Code::InvalidArgument, line_and_column(text_, failed_at_.start) + ": parse error: " + failure_};
}

bool Parser::enter(PosRange pos) {
  if (++depth_ > options_.max_depth) {
    fail(pos, "expression is nested deeper than " + std::to_string(options_.max_depth) +
                  " levels; split the query");
  }
  return !failed();
}

template <typename T>
bool Parser::set_depth(T& node, std::uint32_t below) {
  node.depth = below + 1;
  if (node.depth > options_.max_depth) {
    fail(node.pos, "expression is nested deeper than " + std::to_string(options_.max_depth) +
                       " levels; split the query");
  }
  return !failed();
}
template bool Parser::set_depth(Expr& node, std::uint32_t below);
template bool Parser::set_depth(DurationExpr& node, std::uint32_t below);

double Parser::number_value() {
  const Token token = token_;
  double value = 0;
  if (token.kind == Kind::Duration) {
    const auto ms = parse_duration_ms(token.text);
    if (!ms) {
      fail({token.start, token.end()}, std::string(ms.status().message()));
    } else {
      value = static_cast<double>(*ms) / 1000;
    }
  } else {
    const auto number = read_number(token.text);
    const bool word = number && token.text.find_first_of("0123456789") == token.text.npos;
    if (!number || (std::isinf(*number) && !word)) {
      fail({token.start, token.end()}, "error parsing number: parsing " + quote(token.text) +
                                           (number ? ": value out of range" : ": invalid syntax"));
    } else {
      value = *number;
    }
  }
  advance();
  return value;
}

std::string Parser::string_value() {
  auto value = unquote(token_.text);
  if (!value)
    fail({token_.start, token_.end()}, "error unquoting string " + quote(token_.text) + ": invalid syntax");
  advance();
  return value ? std::move(*value) : std::string();
}

}  // namespace silverback::query::promql
