#include "query/promql/lexer.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <iterator>
#include <utility>

#include "query/promql/text.h"

namespace silverback::query::promql {
namespace {

using Kind = TokenKind;

constexpr std::pair<std::string_view, Kind> kWords[] = {
    {"anchored", Kind::Anchored},
    {"and", Kind::And},
    {"atan2", Kind::Atan2},
    {"avg", Kind::Avg},
    {"bool", Kind::Bool},
    {"bottomk", Kind::Bottomk},
    {"by", Kind::By},
    {"count", Kind::Count},
    {"count_values", Kind::CountValues},
    {"end", Kind::Stop},
    {"fill", Kind::Fill},
    {"fill_left", Kind::FillLeft},
    {"fill_right", Kind::FillRight},
    {"group", Kind::Group},
    {"group_left", Kind::GroupLeft},
    {"group_right", Kind::GroupRight},
    {"ignoring", Kind::Ignoring},
    {"inf", Kind::Number},
    {"limit_ratio", Kind::LimitRatio},
    {"limitk", Kind::Limitk},
    {"max", Kind::Max},
    {"max_of", Kind::MaxOf},
    {"min", Kind::Min},
    {"min_of", Kind::MinOf},
    {"nan", Kind::Number},
    {"offset", Kind::Offset},
    {"on", Kind::On},
    {"or", Kind::Or},
    {"quantile", Kind::Quantile},
    {"range", Kind::Range},
    {"smoothed", Kind::Smoothed},
    {"start", Kind::Start},
    {"stddev", Kind::Stddev},
    {"stdvar", Kind::Stdvar},
    {"step", Kind::Step},
    {"sum", Kind::Sum},
    {"topk", Kind::Topk},
    {"unless", Kind::Unless},
    {"without", Kind::Without},
};
constexpr std::size_t kLongestWord = 12;

// Keywords are read in any case.
Kind word_kind(std::string_view word) {
  if (word.size() > kLongestWord) return Kind::Identifier;
  std::array<char, kLongestWord> lower{};
  std::transform(word.begin(), word.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  const std::string_view key(lower.data(), word.size());
  const auto* at = std::lower_bound(std::begin(kWords), std::end(kWords), key,
                                    [](const auto& entry, std::string_view k) { return entry.first < k; });
  return at != std::end(kWords) && at->first == key ? at->second : Kind::Identifier;
}

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_word(char c) { return is_letter(c) || is_digit(c); }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_bracket_word(Kind kind) {
  return kind == Kind::Step || kind == Kind::Range || kind == Kind::MaxOf || kind == Kind::MinOf;
}

// The first n characters of `text`, not bytes.
std::string_view first_runes(std::string_view text, std::size_t n) {
  std::size_t size = 0;
  for (; n > 0 && size < text.size(); --n) size += decode_rune(text.substr(size)).width;
  return text.substr(0, size);
}

std::string code_point(char32_t rune) {
  char buffer[16];
  std::snprintf(buffer, sizeof buffer, "U+%04X", static_cast<unsigned>(rune));
  return buffer + (" " + quote_rune(rune));
}

}  // namespace

std::string describe(const Token& token) {
  const auto quoted = [&] {
    const std::string_view head = first_runes(token.text, 10);
    return token.text.size() > 10 ? quote(head) + "..." : quote(token.text);
  };
  const std::string text(token.text);
  switch (token.kind) {
    case Kind::End: return "end of input";
    case Kind::Error: return "error " + text;
    case Kind::Identifier: return "identifier " + quote(token.text);
    case Kind::MetricIdentifier: return "metric identifier " + quote(token.text);
    case Kind::String: return "string " + quoted();
    case Kind::Number: return "number " + quoted();
    case Kind::Duration: return "duration " + quoted();
    default: break;
  }
  if (is_keyword(token.kind)) return "<" + text + ">";
  if (is_operator(token.kind)) return "<op:" + text + ">";
  if (is_aggregation(token.kind)) return "<aggr:" + text + ">";
  return quoted();
}

Token Lexer::next() {
  if (done_) {
    start_ = at_ = text_.size();
    return emit(Kind::End);
  }
  skip_spaces_and_comments();
  start_ = at_;
  if (braces_) return in_braces();
  if (duration_first_) return in_duration();
  return outside();
}

void Lexer::skip_spaces_and_comments() {
  while (at_ < text_.size()) {
    if (is_space(text_[at_])) {
      ++at_;
    } else if (text_[at_] == '#' && !duration_first_) {
      while (at_ < text_.size() && text_[at_] != '\n' && text_[at_] != '\r') ++at_;
    } else {
      return;
    }
  }
}

Token Lexer::emit(Kind kind) {
  return {kind, static_cast<std::uint32_t>(start_), text_.substr(start_, at_ - start_)};
}

Token Lexer::fail(std::string message) {
  done_ = true;
  error_ = std::move(message);
  return {Kind::Error, static_cast<std::uint32_t>(start_), error_};
}

char32_t Lexer::read_rune() {
  const Rune rune = decode_rune(text_.substr(at_));
  at_ += rune.width;
  return rune.width == 0 ? 0xfffd : rune.value;
}

Token Lexer::unexpected_rune(std::string_view before, std::string_view after) {
  at_ = start_;
  return fail(std::string(before) + quote_rune(read_rune()) + std::string(after));
}

bool Lexer::accept(std::string_view any) {
  if (at_ >= text_.size() || any.find(text_[at_]) == any.npos) return false;
  ++at_;
  return true;
}

Token Lexer::outside() {
  if (at_ >= text_.size()) {
    if (paren_depth_ > 0) return fail("unclosed left parenthesis");
    if (brackets_) return fail("unclosed left bracket");
    done_ = true;
    return emit(Kind::End);
  }
  const char c = text_[at_];
  if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return number_or_duration();
  if (c == '"' || c == '\'' || c == '`') return string(c);
  if (is_letter(c) || c == ':') return brackets_ ? bracket_word(c) : word();
  ++at_;
  return symbol(c);
}

Token Lexer::symbol(char c) {
  const auto two = [&](char second, Kind long_kind, Kind short_kind) {
    if (peek() != second) return short_kind;
    ++at_;
    return long_kind;
  };
  switch (c) {
    case ',': return emit(Kind::Comma);
    case '*': return emit(Kind::Mul);
    case '/': return emit(Kind::Div);
    case '%': return emit(Kind::Mod);
    case '+': return emit(Kind::Add);
    case '-': return emit(Kind::Sub);
    case '^': return emit(Kind::Pow);
    case '@': return emit(Kind::At);
    case '=':
      if (peek() == '~') return fail("unexpected character after '=': '~'");
      return emit(two('=', Kind::EqualEqual, Kind::Equal));
    case '!':
      if (peek() != '=') return fail("unexpected character after '!': " + quote_rune(read_rune()));
      ++at_;
      return emit(Kind::NotEqual);
    case '<':
      return emit(peek() == '/' ? two('/', Kind::TrimUpper, Kind::Less)
                                : two('=', Kind::LessEqual, Kind::Less));
    case '>':
      return emit(peek() == '/' ? two('/', Kind::TrimLower, Kind::Greater)
                                : two('=', Kind::GreaterEqual, Kind::Greater));
    case '(': ++paren_depth_; return emit(Kind::LeftParen);
    case ')':
      if (--paren_depth_ >= 0) return emit(Kind::RightParen);
      start_ = at_;  // Prometheus reports the place behind it
      return fail("unexpected right parenthesis ')'");
    case '{': braces_ = true; return emit(Kind::LeftBrace);
    case '[':
      if (brackets_) return fail("unexpected left bracket '['");
      brackets_ = duration_first_ = bracket_begin_ = true;
      colon_ = false;
      return emit(Kind::LeftBracket);
    case ']':
      if (!brackets_) return fail("unexpected right bracket ']'");
      brackets_ = duration_first_ = false;
      return emit(Kind::RightBracket);
    default: return unexpected_rune("unexpected character: ");
  }
}

Token Lexer::in_duration() {
  if (at_ >= text_.size()) return fail("unexpected end of input in duration expression");
  const bool first = std::exchange(bracket_begin_, false);
  const char c = text_[at_];
  if (is_digit(c) || (c == '.' && is_digit(peek(1)))) {
    duration_first_ = false;
    return number_or_duration();
  }
  if (c == ':' && first) {
    start_ = ++at_;
    return fail("unexpected colon before duration in duration expression");
  }
  if (c == ':') return bracket_word(c);
  if (is_letter(c)) {
    while (is_word(peek())) ++at_;
    const Kind kind = word_kind(text_.substr(start_, at_ - start_));
    if (is_bracket_word(kind)) return emit(kind);
    return unexpected_rune("unexpected character in duration expression: ");
  }
  if (std::string_view("()+-*/%^,]").find(c) == std::string_view::npos) {
    return unexpected_rune("unexpected character in duration expression: ");
  }
  ++at_;
  return symbol(c);
}

Token Lexer::bracket_word(char first) {
  if (first == ':') {
    ++at_;
    if (std::exchange(colon_, true)) return fail("unexpected colon ':'");
    return emit(Kind::Colon);
  }
  while (is_letter(peek())) ++at_;
  const Kind kind = word_kind(text_.substr(start_, at_ - start_));
  if (is_bracket_word(kind)) return emit(kind);
  return unexpected_rune("unexpected character: ", ", expected ':'");
}

Token Lexer::in_braces() {
  if (at_ >= text_.size()) return fail("unexpected end of input inside braces");
  const char c = text_[at_];
  if (is_letter(c)) {
    while (is_word(peek())) ++at_;
    return emit(Kind::Identifier);
  }
  if (c == '"' || c == '\'' || c == '`') return string(c);
  ++at_;
  switch (c) {
    case ',': return emit(Kind::Comma);
    case '=': return emit(accept("~") ? Kind::EqualRegex : Kind::Equal);
    case '!':
      if (accept("~")) return emit(Kind::NotRegex);
      if (accept("=")) return emit(Kind::NotEqual);
      return fail("unexpected character after '!' inside braces: " + quote_rune(read_rune()));
    case '{': return fail("unexpected left brace '{'");
    case '}': braces_ = false; return emit(Kind::RightBrace);
    default: return unexpected_rune("unexpected character inside braces: ");
  }
}

// fill, fill_left and fill_right are words of the language only before a parenthesis, so that metrics
// may bear these names.
bool Lexer::followed_by_paren() const {
  std::size_t i = at_;
  while (i < text_.size() && is_space(text_[i])) ++i;
  return i < text_.size() && text_[i] == '(';
}

Token Lexer::word() {
  while (is_word(peek()) || peek() == ':') ++at_;
  const std::string_view text = text_.substr(start_, at_ - start_);
  if (text.find(':') != text.npos) return emit(Kind::MetricIdentifier);
  const Kind kind = word_kind(text);
  const bool fill = kind == Kind::Fill || kind == Kind::FillLeft || kind == Kind::FillRight;
  return emit(fill && !followed_by_paren() ? Kind::Identifier : kind);
}

Token Lexer::string(char quote_char) {
  ++at_;
  const bool raw = quote_char == '`';
  for (;;) {
    if (at_ >= text_.size() || (!raw && text_[at_] == '\n')) {
      return fail(raw ? "unterminated raw string" : "unterminated quoted string");
    }
    const char c = text_[at_];
    if (c == quote_char) {
      ++at_;
      return emit(Kind::String);
    }
    if (c == '\\' && !raw) {
      ++at_;
      if (!escape(quote_char)) return fail(error_);
      continue;
    }
    const Rune rune = decode_rune(text_.substr(at_));
    if (!rune.valid) return fail("invalid UTF-8 rune");
    at_ += rune.width;
  }
}

// Behind a backslash. False leaves the reason in error_.
bool Lexer::escape(char quote_char) {
  const auto refuse = [&](std::string why) {
    error_ = std::move(why);
    return false;
  };
  if (at_ >= text_.size()) return refuse("escape sequence not terminated");
  const char c = text_[at_];
  if (c == quote_char || std::string_view("abfnrtv\\").find(c) != std::string_view::npos) {
    ++at_;
    return true;
  }
  std::size_t digits = 3;
  std::uint32_t base = 8;
  if (c == 'x' || c == 'u' || c == 'U') {
    ++at_;
    digits = c == 'x' ? 2 : c == 'u' ? 4 : 8;
    base = 16;
  } else if (c < '0' || c > '7') {
    return refuse("unknown escape sequence " + code_point(read_rune()));
  }
  std::uint64_t value = 0;
  for (; digits > 0; --digits) {
    if (at_ >= text_.size()) return refuse("escape sequence not terminated");
    const char d = text_[at_];
    const bool good = base == 8 ? d >= '0' && d <= '7' : is_hex(d);
    if (!good) return refuse("illegal character " + code_point(read_rune()) + " in escape sequence");
    value = value * base + static_cast<std::uint32_t>(is_digit(d) ? d - '0' : (d | 32) - 'a' + 10);
    ++at_;
  }
  const std::uint64_t limit = base == 8 || c == 'x' ? 255 : 0x10ffff;
  if (value > limit || (value >= 0xd800 && value < 0xe000))
    return refuse("escape sequence is an invalid Unicode code point");
  return true;
}

Token Lexer::number_or_duration() {
  if (scan_number()) return emit(Kind::Number);
  if (scan_duration()) return emit(Kind::Duration);
  return fail("bad number or duration syntax: " + quote(text_.substr(start_, at_ - start_)));
}

// Digits with at most one '.', one exponent and single underscores; 0x and hexadecimal digits. When it
// is not a number, at_ is behind what could not follow.
bool Lexer::scan_number() {
  if (peek() == '0' && (peek(1) == 'x' || peek(1) == 'X') && (is_hex(peek(2)) || peek(2) == '_')) {
    at_ += 2;
    while (is_hex(peek()) || peek() == '_') ++at_;
    return !is_word(peek());
  }
  bool dot = false, exponent = false;
  for (;;) {
    const char c = peek();
    if (is_digit(c)) {
      ++at_;
    } else if (c == '.') {
      ++at_;
      if (std::exchange(dot, true) || accept("_.")) return false;
    } else if (c == 'e' || c == 'E') {
      ++at_;
      if (std::exchange(exponent, true)) return false;
      accept("+-");
      if (accept("._eE") || at_ >= text_.size()) return false;
    } else if (c == '_') {
      ++at_;
      if (accept("._eE") || at_ >= text_.size()) return false;
    } else {
      return !is_word(c);
    }
  }
}

// at_ is behind the first digits.
bool Lexer::scan_duration() {
  if (!accept("smhdwy")) return false;
  accept("s");
  while (is_digit(peek())) {
    while (is_digit(peek())) ++at_;
    if (!accept("smhdw")) return false;
    accept("s");
  }
  if (!is_word(peek())) return true;
  ++at_;
  return false;
}

}  // namespace silverback::query::promql
