// Text as PromQL quotes it: UTF-8, and the escapes of Go's string literals.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace silverback::query::promql {

struct Rune {
  char32_t value = 0;      // 0xfffd for a byte that is not UTF-8
  std::uint8_t width = 0;  // in bytes; 0 at the end of the text
  bool valid = false;
};
/// Decodes the first code point of `text`; overlong forms and surrogates are not valid.
Rune decode_rune(std::string_view text);
void append_rune(std::string& out, char32_t rune);
bool is_utf8(std::string_view text);

/// Go's strconv.Quote: "a\"b\n", with bytes that are not UTF-8 as \xff.
std::string quote(std::string_view text);
/// One character in single quotes, as error messages show it: '\'', 'x', '\n'.
std::string quote_rune(char32_t rune);

/// Takes quotes off a string literal ("...", '...' or `...`) and reads its escapes.
/// @returns nothing when an escape is not one
std::optional<std::string> unquote(std::string_view literal);

/// [a-zA-Z_][a-zA-Z0-9_]*: may stand in PromQL without quotes.
bool is_plain_label(std::string_view name);

}  // namespace silverback::query::promql
