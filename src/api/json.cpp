#include "api/json.h"

#include <array>
#include <cstdint>

namespace silverback::api {
namespace {

// What may stand in a string as it is: printable ASCII but for quotes, backslashes and HTML's own.
constexpr std::array<bool, 256> kPlain = [] {
  std::array<bool, 256> plain{};
  for (std::size_t c = 0x20; c < 0x7f; ++c) plain[c] = true;
  for (const char c : {'"', '\\', '<', '>', '&'}) plain[static_cast<unsigned char>(c)] = false;
  return plain;
}();

bool plain(char c) { return kPlain[static_cast<unsigned char>(c)]; }

/// Bytes of the valid UTF-8 sequence at the front of `text`, 0 when there is none.
/// Source: The Unicode Standard 15, table 3-7
std::size_t utf8_sequence(std::string_view text) {
  const auto at = [text](std::size_t i) -> unsigned {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto tail = [&at](std::size_t i) { return (at(i) & 0xc0U) == 0x80U; };
  const unsigned lead = at(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return tail(1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    const unsigned second = at(1);
    const unsigned least = lead == 0xe0 ? 0xa0 : 0x80;
    const unsigned most = lead == 0xed ? 0x9f : 0xbf;
    return second >= least && second <= most && tail(2) ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    const unsigned second = at(1);
    const unsigned least = lead == 0xf0 ? 0x90 : 0x80;
    const unsigned most = lead == 0xf4 ? 0x8f : 0xbf;
    return second >= least && second <= most && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

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
    } else if (const std::size_t sequence = utf8_sequence(text); sequence != 0) {
      // U+2028 and U+2029 end a line in JavaScript; everything else stands as it is.
      if (text.starts_with("\xe2\x80\xa8")) {
        out += "\\u2028";
      } else if (text.starts_with("\xe2\x80\xa9")) {
        out += "\\u2029";
      } else {
        out.append(text.data(), sequence);
      }
      used = sequence;
    } else {
      out += "\xef\xbf\xbd";
    }
    text.remove_prefix(used);
  }
  out += '"';
}

void append_json_key(std::string& out, std::string_view name) {
  append_json_string(out, name);
  out += ':';
}

void append_json_labels(std::string& out, const Labels& labels, bool drop_name) {
  char separator = '{';
  for (const LabelView label : labels) {
    if (drop_name && label.name == kMetricName) continue;
    out += separator;
    append_json_key(out, label.name);
    append_json_string(out, label.value);
    separator = ',';
  }
  out += separator == '{' ? "{}" : "}";
}

void append_json_strings(std::string& out, const std::vector<std::string>& values) {
  char separator = '[';
  for (const std::string& value : values) {
    out += separator;
    append_json_string(out, value);
    separator = ',';
  }
  out += separator == '[' ? "[]" : "]";
}

}  // namespace silverback::api
