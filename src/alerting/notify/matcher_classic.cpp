#include <algorithm>
#include <string>
#include <utility>

#include "alerting/notify/matcher_parsers.h"
#include "query/promql/text.h"

namespace silverback::notify {
namespace {

constexpr std::string_view kSpaces = "\t\n\f\r ";  // \s of regular expressions

std::string_view trimmed(std::string_view text) {
  const std::size_t from = text.find_first_not_of(kSpaces);
  if (from == text.npos) return {};
  return text.substr(from, text.find_last_not_of(kSpaces) - from + 1);
}

std::string_view unicode_trimmed(std::string_view text) {
  for (;;) {
    const auto rune = query::promql::decode_rune(text);
    if (rune.width == 0 || !is_space(rune.value)) break;
    text.remove_prefix(rune.width);
  }
  while (!text.empty()) {
    std::size_t at = text.size() - 1;
    while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) --at;
    if (!is_space(query::promql::decode_rune(text.substr(at)).value)) break;
    text = text.substr(0, at);
  }
  return text;
}

// At the commas outside of quotes.
std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  bool quoted = false;
  bool escaped = false;  // a comma in quotes leaves it as it is
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == ',') {
      if (quoted) continue;
      parts.push_back(text.substr(begin, i - begin));
      begin = i + 1;
    } else if (c == '"') {
      if (!escaped) quoted = !quoted;
      escaped = false;
    } else {
      escaped = c == '\\' && !escaped;
    }
  }
  if (const auto last = unicode_trimmed(text.substr(begin)); !last.empty()) parts.push_back(last);
  return parts;
}

// A backslash before anything but n, " and itself is one. @returns false for a quote where none may be
bool unescape(std::string_view raw, std::string& out) {
  const bool quoted = raw.starts_with('"');
  if (quoted) raw.remove_prefix(1);
  bool open = quoted;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const char c = raw[i];
    if (c == '"') {
      if (!open || i + 1 < raw.size()) return false;
      open = false;
    } else if (c == '\\' && i + 1 < raw.size()) {
      const char next = raw[++i];
      if (next != 'n' && next != '"' && next != '\\') out += '\\';
      out += next == 'n' ? '\n' : next;
    } else {
      out += c;
    }
  }
  return !open;
}

bool name_byte(char c, bool first) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':' ||
         (!first && c >= '0' && c <= '9');
}

Result<Matcher> parse_one(std::string_view text) {
  const auto refuse = [&] {
    return Status(Code::InvalidArgument, "bad matcher format: " + std::string(text));
  };
  std::string_view rest = trimmed(text);
  std::size_t n = 0;
  while (n < rest.size() && name_byte(rest[n], n == 0)) ++n;
  if (n == 0) return refuse();
  const std::string_view name = rest.substr(0, n);
  rest = trimmed(rest.substr(n));
  constexpr std::pair<std::string_view, MatchOp> kOperators[] = {
      {"=~", MatchOp::Regex}, {"=", MatchOp::Equal}, {"!=", MatchOp::NotEqual}, {"!~", MatchOp::NotRegex}};
  const auto* op =
      std::ranges::find_if(kOperators, [&](const auto& one) { return rest.starts_with(one.first); });
  if (op == std::end(kOperators)) return refuse();
  std::string value;
  if (!unescape(trimmed(rest.substr(op->first.size())), value)) return refuse();
  return Matcher::make(op->second, std::string(name), std::move(value));
}

}  // namespace

Result<Matchers> parse_classic_matchers(std::string_view text) {
  if (text.starts_with('{')) text.remove_prefix(1);
  if (text.ends_with('}')) text.remove_suffix(1);
  Matchers matchers;
  for (const std::string_view part : split(text)) {
    auto made = parse_one(part);
    if (!made) return made.status();
    matchers.push_back(std::move(*made));
  }
  return matchers;
}

}  // namespace silverback::notify
