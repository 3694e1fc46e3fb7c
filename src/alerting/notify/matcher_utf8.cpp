#include <optional>
#include <string>
#include <utility>

#include "alerting/notify/matcher_parsers.h"
#include "base/utf8.h"
#include "query/promql/text.h"

namespace silverback::notify {
namespace {

using query::promql::decode_rune;
using query::promql::Rune;

bool is_reserved(char32_t rune) {
  constexpr std::string_view kReserved = "{}!=~,\\\"'`";
  return is_space(rune) || (rune < 0x80 && kReserved.find(static_cast<char>(rune)) != kReserved.npos);
}

enum class Kind : std::uint8_t { End, Open, Close, Comma, Operator, Word, Quoted, Bad };

struct Token {
  Kind kind = Kind::End;
  std::string_view text;
  MatchOp op = MatchOp::Equal;
};

// matchers = ["{"] [matcher {"," matcher} [","]] ["}"], where either both braces are there or none.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) { advance(); }

  Result<Matchers> run() {
    const bool open = take(Kind::Open);
    if (token_.kind != Kind::Close && (open || token_.kind != Kind::End)) {
      if (!read_list()) return refused();
    }
    if (open && !take(Kind::Close)) return expected("a comma or close brace"), refused();
    if (!open && token_.kind == Kind::Close) return expected("an opening brace before it"), refused();
    if (token_.kind != Kind::End) return expected("end of input"), refused();
    return std::move(matchers_);
  }

 private:
  bool read_list() {
    for (;;) {
      if (!read_matcher()) return false;
      if (token_.kind == Kind::Close || token_.kind == Kind::End) return true;
      if (!take(Kind::Comma)) return expected("a comma or close brace"), false;
      if (token_.kind == Kind::Close || token_.kind == Kind::End) return true;
    }
  }

  bool read_matcher() {
    auto name = read_word("a label name");
    if (!name) return false;
    if (token_.kind != Kind::Operator) return expected("an operator such as =, !=, =~ or !~"), false;
    const MatchOp op = token_.op;
    advance();
    auto value = read_word("a label value");
    if (!value) return false;
    auto made = Matcher::make(op, std::move(*name), std::move(*value));
    if (!made) return problem_ = std::string(made.status().message()), false;
    matchers_.push_back(std::move(*made));
    return true;
  }

  std::optional<std::string> read_word(std::string_view what) {
    std::optional<std::string> out;
    if (token_.kind == Kind::Word) {
      out = std::string(token_.text);
    } else if (token_.kind == Kind::Quoted) {
      if (token_.text.find('\n') == token_.text.npos) out = query::promql::unquote(token_.text);
      if (out && !valid_utf8(*out)) out.reset();
      if (!out) expected("Go's escapes and UTF-8 in quotes");
    } else {
      expected(what);
    }
    if (out) advance();
    return out;
  }

  bool take(Kind kind) {
    if (token_.kind != kind) return false;
    advance();
    return true;
  }

  void advance() {
    std::string_view rest = text_.substr(at_);
    for (Rune rune = decode_rune(rest); rune.width != 0 && is_space(rune.value); rune = decode_rune(rest)) {
      rest.remove_prefix(rune.width);
    }
    token_ = scan(rest);
    at_ = text_.size() - rest.size() + token_.text.size();
  }

  static Token scan(std::string_view rest) {
    if (rest.empty()) return {};
    switch (rest.front()) {
      case '{': return {Kind::Open, rest.substr(0, 1)};
      case '}': return {Kind::Close, rest.substr(0, 1)};
      case ',': return {Kind::Comma, rest.substr(0, 1)};
      case '"': return quoted(rest);
      case '=':
        if (rest.starts_with("=~")) return {Kind::Operator, rest.substr(0, 2), MatchOp::Regex};
        return {Kind::Operator, rest.substr(0, 1), MatchOp::Equal};
      case '!':
        if (rest.starts_with("!=")) return {Kind::Operator, rest.substr(0, 2), MatchOp::NotEqual};
        if (rest.starts_with("!~")) return {Kind::Operator, rest.substr(0, 2), MatchOp::NotRegex};
        break;
      default: break;
    }
    std::size_t n = 0;
    for (Rune rune = decode_rune(rest); rune.width != 0 && !is_reserved(rune.value);
         rune = decode_rune(rest.substr(n))) {
      n += rune.width;
    }
    if (n == 0) return {Kind::Bad, rest.substr(0, 1)};
    return {Kind::Word, rest.substr(0, n)};
  }

  static Token quoted(std::string_view rest) {
    for (std::size_t i = 1; i < rest.size(); ++i) {
      if (rest[i] == '\\') {
        ++i;
      } else if (rest[i] == '"') {
        return {Kind::Quoted, rest.substr(0, i + 1)};
      }
    }
    return {Kind::Bad, rest};
  }

  // At the column of the token, counted in characters from 1.
  void expected(std::string_view what) {
    std::size_t column = 1;
    const std::string_view before = text_.substr(0, at_ - token_.text.size());
    for (const char c : before) column += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    problem_ = "column " + std::to_string(column) + ": expected " + std::string(what);
    if (token_.kind == Kind::Bad && token_.text.front() == '"') problem_ += "; a quote is not closed";
  }
  Status refused() { return {Code::InvalidArgument, std::move(problem_)}; }

  const std::string_view text_;
  std::size_t at_ = 0;  // behind token_
  Token token_;
  Matchers matchers_;
  std::string problem_;
};

}  // namespace

bool is_space(char32_t rune) {
  return (rune >= 9 && rune <= 13) || rune == ' ' || rune == 0x85 || rune == 0xa0 || rune == 0x1680 ||
         (rune >= 0x2000 && rune <= 0x200a) || rune == 0x2028 || rune == 0x2029 || rune == 0x202f ||
         rune == 0x205f || rune == 0x3000;
}

bool has_reserved(std::string_view name) {
  while (!name.empty()) {
    const Rune rune = decode_rune(name);
    if (is_reserved(rune.value)) return true;
    name.remove_prefix(rune.width);
  }
  return false;
}

Result<Matchers> parse_utf8_matchers(std::string_view text) { return Parser(text).run(); }

}  // namespace silverback::notify
