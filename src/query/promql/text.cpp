#include "query/promql/text.h"

#include <array>
#include <cstdio>

namespace silverback::query::promql {
namespace {

constexpr char32_t kReplacement = 0xfffd;

std::uint8_t byte_at(std::string_view text, std::size_t i) { return static_cast<std::uint8_t>(text[i]); }

struct Span {
  char32_t first, last;
};
// What Go's IsPrint refuses above ASCII, by block: controls, spaces other than ' ', format characters,
// private use, not assigned for good. Rare scripts' unassigned points count as printable here.
constexpr std::array<Span, 11> kUnprintable = {{{0x7f, 0xa0},
                                                {0xad, 0xad},
                                                {0x1680, 0x1680},
                                                {0x2000, 0x200f},
                                                {0x2028, 0x202f},
                                                {0x205f, 0x206f},
                                                {0x3000, 0x3000},
                                                {0xd800, 0xf8ff},
                                                {0xfeff, 0xfeff},
                                                {0xfff0, 0xfffb},
                                                {0xfffe, 0xffff}}};

bool printable(char32_t rune) {
  if (rune < 0x20 || rune >= 0xe0000) return false;
  for (const Span& span : kUnprintable) {
    if (rune >= span.first && rune <= span.last) return false;
  }
  return true;
}

void append_hex(std::string& out, const char* format, std::uint32_t value) {
  char buffer[16];
  const int n = std::snprintf(buffer, sizeof buffer, format, value);
  out.append(buffer, static_cast<std::size_t>(n));
}

void append_escaped(std::string& out, char32_t rune, char quote_char) {
  if (rune == static_cast<char32_t>(quote_char) || rune == '\\') {
    out += '\\';
    out += static_cast<char>(rune);
    return;
  }
  if (printable(rune)) return append_rune(out, rune);
  constexpr std::string_view kNamed = "abtnvfr";  // from 7 on
  if (rune >= 7 && rune <= 13) {
    out += '\\';
    out += kNamed[rune - 7];
  } else if (rune < 0x20 || rune == 0x7f) {
    append_hex(out, "\\x%02x", rune);
  } else {
    append_hex(out, rune < 0x10000 ? "\\u%04x" : "\\U%08x", rune);
  }
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return 16;
}

// Digits of a \x, \u, \U or octal escape.
bool read_digits(std::string_view& rest, std::size_t n, int base, std::uint32_t& value) {
  if (rest.size() < n) return false;
  value = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const int digit = hex_digit(rest[i]);
    if (digit >= base) return false;
    value = value * static_cast<std::uint32_t>(base) + static_cast<std::uint32_t>(digit);
  }
  rest.remove_prefix(n);
  return true;
}

// `rest` stands behind the backslash.
bool append_escape(std::string& out, std::string_view& rest, char quote_char) {
  if (rest.empty()) return false;
  const char c = rest.front();
  constexpr std::string_view kNames = "abtnvfr";
  if (const std::size_t named = kNames.find(c); named != kNames.npos) {
    out += static_cast<char>(7 + named);
    rest.remove_prefix(1);
    return true;
  }
  if (c == '\\' || c == quote_char) {
    out += c;
    rest.remove_prefix(1);
    return true;
  }
  std::uint32_t value = 0;
  if (c >= '0' && c <= '7') {
    if (!read_digits(rest, 3, 8, value) || value > 255) return false;
    out += static_cast<char>(value);
    return true;
  }
  if (c != 'x' && c != 'u' && c != 'U') return false;
  rest.remove_prefix(1);
  if (!read_digits(rest, c == 'x' ? 2 : c == 'u' ? 4 : 8, 16, value)) return false;
  if (c == 'x') {
    out += static_cast<char>(value);
    return true;
  }
  if (value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) return false;
  append_rune(out, value);
  return true;
}

}  // namespace

Rune decode_rune(std::string_view text) {
  if (text.empty()) return {};
  const std::uint8_t first = byte_at(text, 0);
  if (first < 0x80) return {first, 1, true};
  constexpr Rune kInvalid{kReplacement, 1, false};
  const std::size_t width = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < width) return kInvalid;
  char32_t value = first & (0xffu >> (width + 1));
  for (std::size_t i = 1; i < width; ++i) {
    if ((byte_at(text, i) & 0xc0) != 0x80) return kInvalid;
    value = value << 6 | (byte_at(text, i) & 0x3fu);
  }
  const bool overlong = (width == 3 && value < 0x800) || (width == 4 && value < 0x10000);
  if (overlong || value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) return kInvalid;
  return {value, static_cast<std::uint8_t>(width), true};
}

void append_rune(std::string& out, char32_t rune) {
  const auto put = [&](char32_t byte) { out += static_cast<char>(byte); };
  if (rune < 0x80) {
    put(rune);
  } else if (rune < 0x800) {
    put(0xc0 | rune >> 6);
    put(0x80 | (rune & 0x3f));
  } else if (rune < 0x10000) {
    put(0xe0 | rune >> 12);
    put(0x80 | (rune >> 6 & 0x3f));
    put(0x80 | (rune & 0x3f));
  } else {
    put(0xf0 | rune >> 18);
    put(0x80 | (rune >> 12 & 0x3f));
    put(0x80 | (rune >> 6 & 0x3f));
    put(0x80 | (rune & 0x3f));
  }
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const Rune rune = decode_rune(text);
    if (!rune.valid) return false;
    text.remove_prefix(rune.width);
  }
  return true;
}

std::string quote(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const Rune rune = decode_rune(text);
    if (rune.valid) {
      append_escaped(out, rune.value, '"');
    } else {
      append_hex(out, "\\x%02x", byte_at(text, 0));
    }
    text.remove_prefix(rune.width);
  }
  return out + '"';
}

std::string quote_rune(char32_t rune) {
  std::string out = "'";
  append_escaped(out, rune, '\'');
  return out + '\'';
}

std::optional<std::string> unquote(std::string_view literal) {
  if (literal.size() < 2 || literal.front() != literal.back()) return std::nullopt;
  const char quote_char = literal.front();
  std::string_view rest = literal.substr(1, literal.size() - 2);
  if (quote_char == '`') return std::string(rest);
  std::string out;
  out.reserve(rest.size());
  while (!rest.empty()) {
    const std::size_t plain = rest.find('\\');
    out += rest.substr(0, plain);
    if (plain == rest.npos) break;
    rest.remove_prefix(plain + 1);
    if (!append_escape(out, rest, quote_char)) return std::nullopt;
  }
  return out;
}

bool is_plain_label(std::string_view name) {
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    if (!letter && !(i > 0 && c >= '0' && c <= '9')) return false;
  }
  return !name.empty();
}

}  // namespace silverback::query::promql
