#include "base/json.h"

#include <array>
#include <cstdint>

#include "base/utf8.h"

namespace silverback {
namespace {

// What may stand in a string as it is: printable ASCII but for quotes, backslashes and HTML's own.
constexpr std::array<bool, 256> kPlain = [] {
  std::array<bool, 256> plain{};
  for (std::size_t c = 0x20; c < 0x7f; ++c) plain[c] = true;
  for (const char c : {'"', '\\', '<', '>', '&'}) plain[static_cast<unsigned char>(c)] = false;
  return plain;
}();

bool plain(char c) { return kPlain[static_cast<unsigned char>(c)]; }

/// Bytes of a UTF-8 sequence by its first.
std::size_t sequence_size(unsigned char lead) { return lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4; }

void append_escape(std::string& out, unsigned char c) {
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: break;
  }
  constexpr std::string_view kHex = "0123456789abcdef";
  out += "\\u00";
  out += kHex[c >> 4];
  out += kHex[c & 15];
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    std::size_t run = 0;
    while (run < text.size() && plain(text[run])) ++run;
    out.append(text.data(), run);
    text.remove_prefix(run);
    if (text.empty()) break;
    const auto c = static_cast<unsigned char>(text[0]);
    std::size_t used = 1;
    if (c < 0x80) {
      append_escape(out, c);
    } else if (const std::size_t sequence = valid_utf8_prefix(text.substr(0, sequence_size(c)));
               sequence == 0) {
      out += "\xef\xbf\xbd";
    } else {
      used = sequence;
      // U+2028 and U+2029 end a line in JavaScript; everything else stands as it is.
      if (text.starts_with("\xe2\x80\xa8")) {
        out += "\\u2028";
      } else if (text.starts_with("\xe2\x80\xa9")) {
        out += "\\u2029";
      } else {
        out.append(text.data(), sequence);
      }
    }
    text.remove_prefix(used);
  }
  out += '"';
}

void append_json_key(std::string& out, std::string_view name) {
  append_json_string(out, name);
  out += ':';
}

}  // namespace silverback
