// Source: https://pkg.go.dev/text/template (delimiters, trim markers, comments, literals).
#include "alerting/gotemplate/lexer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "query/promql/text.h"

namespace silverback::gotemplate {
namespace {

using query::promql::decode_rune;

constexpr std::string_view kLeft = "{{";
constexpr std::string_view kRight = "}}";
constexpr std::string_view kBlanks = " \t\r\n";

bool is_blank(char c) { return kBlanks.find(c) != kBlanks.npos; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) {
  // Bytes of other alphabets are taken for letters.
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         (static_cast<unsigned char>(c) & 0x80) != 0;
}
bool is_word(char c) { return is_letter(c) || is_digit(c); }

// A trim marker is a minus with a blank on the side of the action's content.
bool trims_left(std::string_view after_delimiter) {
  return after_delimiter.size() >= 2 && after_delimiter[0] == '-' && is_blank(after_delimiter[1]);
}

std::string_view without_trailing_blanks(std::string_view text) {
  const std::size_t last = text.find_last_not_of(kBlanks);
  return text.substr(0, last == text.npos ? 0 : last + 1);
}

constexpr std::array<std::pair<std::string_view, ItemKind>, 13> kWords = {{
    {"block", ItemKind::Block},
    {"break", ItemKind::Break},
    {"continue", ItemKind::Continue},
    {"define", ItemKind::Define},
    {"else", ItemKind::Else},
    {"end", ItemKind::EndWord},
    {"if", ItemKind::If},
    {"nil", ItemKind::Nil},
    {"range", ItemKind::Range},
    {"template", ItemKind::Template},
    {"with", ItemKind::With},
    {"true", ItemKind::Bool},
    {"false", ItemKind::Bool},
}};

// The name of a character as Go's %#U: U+0040 '@'.
std::string describe(std::string_view text) {
  const auto rune = decode_rune(text);
  char code[16];
  std::snprintf(code, sizeof code, "U+%04X", static_cast<unsigned>(rune.value));
  return rune.value < 0x20 ? std::string(code)
                           : std::string(code) + " '" + std::string(text.substr(0, rune.width)) + "'";
}

}  // namespace

Item Lexer::take(ItemKind kind, std::size_t size) {
  const Item item{kind, at_, source_.substr(at_, size)};
  at_ += size;
  return item;
}

Item Lexer::fail(std::string message) {
  failed_ = true;
  error_ = std::move(message);
  return {ItemKind::Error, at_, error_};
}

Item Lexer::next() {
  if (failed_) return {ItemKind::Error, at_, error_};
  return in_action_ ? inside() : text();
}

Item Lexer::text() {
  const std::size_t left = source_.find(kLeft, at_);
  if (left == at_) return left_delimiter();
  if (left == source_.npos) {
    if (at_ == source_.size()) return {ItemKind::End, at_, {}};
    return take(ItemKind::Text, source_.size() - at_);
  }
  std::string_view shown = source_.substr(at_, left - at_);
  if (trims_left(source_.substr(left + kLeft.size()))) shown = without_trailing_blanks(shown);
  const Item item{ItemKind::Text, at_, shown};
  at_ = left;
  return shown.empty() ? left_delimiter() : item;
}

Item Lexer::left_delimiter() {
  const std::string_view after = rest().substr(kLeft.size());
  const std::size_t marker = trims_left(after) ? 2 : 0;
  if (after.substr(marker).starts_with("/*")) {
    at_ += kLeft.size() + marker;
    if (!comment()) return {ItemKind::Error, at_, error_};
    return text();
  }
  in_action_ = true;
  parens_ = 0;
  const Item item{ItemKind::LeftDelimiter, at_, kLeft};
  at_ += kLeft.size() + marker;
  return item;
}

bool Lexer::comment() {
  const std::size_t end = source_.find("*/", at_);
  if (end == source_.npos) {
    fail("unclosed comment");
    return false;
  }
  at_ = end + 2;
  bool trims = false;
  if (!at_right_delimiter(trims)) {
    fail("comment ends before closing delimiter");
    return false;
  }
  at_ += kRight.size() + (trims ? 2 : 0);
  if (trims) at_ = std::min(source_.find_first_not_of(kBlanks, at_), source_.size());
  return true;
}

bool Lexer::at_right_delimiter(bool& trims) const {
  const std::string_view here = rest();
  trims = here.size() >= 2 && is_blank(here[0]) && here[1] == '-' && here.substr(2).starts_with(kRight);
  return trims || here.starts_with(kRight);
}

Item Lexer::inside() {
  bool trims = false;
  if (at_right_delimiter(trims)) {
    if (parens_ != 0) return fail("unclosed left paren");
    if (trims) at_ += 2;
    const Item item = take(ItemKind::RightDelimiter, kRight.size());
    if (trims) at_ = std::min(source_.find_first_not_of(kBlanks, at_), source_.size());
    in_action_ = false;
    return item;
  }
  if (at_ == source_.size()) return fail("unclosed action");
  const char c = source_[at_];
  const char following = at_ + 1 < source_.size() ? source_[at_ + 1] : '\0';
  if (is_blank(c)) {
    std::size_t size = 0;
    // The blank of a trim marker belongs to the delimiter.
    while (at_ + size < source_.size() && is_blank(source_[at_ + size])) {
      if (source_.substr(at_ + size + 1).starts_with("-}}")) break;
      ++size;
    }
    return take(ItemKind::Space, size);
  }
  switch (c) {
    case '=': return take(ItemKind::Assign, 1);
    case ':':
      if (following != '=') return fail("expected :=");
      return take(ItemKind::Declare, 2);
    case '|': return take(ItemKind::Pipe, 1);
    case '"': return quoted('"', ItemKind::String);
    case '\'': return quoted('\'', ItemKind::Character);
    case '`': return raw_quoted();
    case '$': return field_or_variable(ItemKind::Variable, ItemKind::Variable);
    case '(': ++parens_; return take(ItemKind::LeftParen, 1);
    case ')': parens_ -= parens_ == 0 ? 0 : 1; return take(ItemKind::RightParen, 1);
    case ',': return take(ItemKind::Comma, 1);
    default: break;
  }
  if (c == '.' && !is_digit(following)) return field_or_variable(ItemKind::Field, ItemKind::Dot);
  if (c == '+' || c == '-' || c == '.' || is_digit(c)) return number();
  if (is_letter(c)) return word();
  if (c > ' ' && c < 0x7f) return take(ItemKind::Other, 1);
  return fail("unrecognized character in action: " + describe(rest()));
}

Item Lexer::quoted(char quote, ItemKind kind) {
  for (std::size_t i = at_ + 1; i < source_.size() && source_[i] != '\n'; ++i) {
    if (source_[i] == '\\') {
      ++i;
    } else if (source_[i] == quote) {
      return take(kind, i + 1 - at_);
    }
  }
  return fail(quote == '"' ? "unterminated quoted string" : "unterminated character constant");
}

Item Lexer::raw_quoted() {
  const std::size_t end = source_.find('`', at_ + 1);
  if (end == source_.npos) return fail("unterminated raw quoted string");
  return take(ItemKind::RawString, end + 1 - at_);
}

bool Lexer::at_terminator() const {
  if (at_ == source_.size()) return true;
  const char c = source_[at_];
  return is_blank(c) || std::string_view(".,|:()=").find(c) != std::string_view::npos ||
         rest().starts_with(kRight);
}

Item Lexer::word() {
  std::size_t size = 0;
  while (at_ + size < source_.size() && is_word(source_[at_ + size])) ++size;
  const Item item = take(ItemKind::Identifier, size);
  if (!at_terminator()) return fail("bad character " + describe(rest()));
  for (const auto& [text, kind] : kWords) {
    if (item.text == text) return {kind, item.position, item.text};
  }
  return item;
}

Item Lexer::field_or_variable(ItemKind kind, ItemKind bare) {
  std::size_t size = 1;
  while (at_ + size < source_.size() && is_word(source_[at_ + size])) ++size;
  const Item item = take(size == 1 ? bare : kind, size);
  // Only a dot or a $ may stand before anything.
  if (size > 1 && !at_terminator()) return fail("bad character " + describe(rest()));
  return item;
}

Item Lexer::number() {
  std::size_t size = 0;
  const auto peek = [&] { return at_ + size < source_.size() ? source_[at_ + size] : '\0'; };
  if (peek() == '+' || peek() == '-') ++size;
  bool hexadecimal = false;
  if (peek() == '0' && at_ + size + 1 < source_.size()) {
    hexadecimal = (source_[at_ + size + 1] | 0x20) == 'x';
  }
  // Everything that could belong to a number; the parser reads it.
  char before = '\0';
  while (is_word(peek()) || peek() == '.' ||
         ((peek() == '+' || peek() == '-') && (before | 0x20) == (hexadecimal ? 'p' : 'e'))) {
    before = peek();
    ++size;
  }
  return take(ItemKind::Number, size);
}

}  // namespace silverback::gotemplate
