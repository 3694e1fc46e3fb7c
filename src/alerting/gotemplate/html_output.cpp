#include "alerting/gotemplate/html_output.h"

#include <array>
#include <cctype>

#include "alerting/gotemplate/functions.h"

namespace silverback::gotemplate {
namespace {

constexpr std::string_view kHtml = "template.HTML";
constexpr std::string_view kUrl = "template.URL";

Value marked(std::string_view text, std::string_view type) {
  Struct made;
  made.fields = {{"", text}};
  made.type = type;
  return made;
}

// escape_html(), and the plus sign, as html/template does it.
void append_escaped(std::string& out, std::string_view text) {
  for (const char c : escape_html(text)) {
    if (c == '+') {
      out += "&#43;";
    } else {
      out += c;
    }
  }
}

char lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

bool ends_with_lower(std::string_view text, std::string_view ending) {
  if (text.size() < ending.size()) return false;
  text.remove_prefix(text.size() - ending.size());
  for (std::size_t i = 0; i < ending.size(); ++i) {
    if (lower(text[i]) != ending[i]) return false;
  }
  return true;
}

// Does a URL begin behind this: ` href="`?
bool begins_url(std::string_view before) {
  if (!before.ends_with('"') && !before.ends_with('\'')) return false;
  const auto skip_blanks = [&] {
    while (!before.empty() && std::isspace(static_cast<unsigned char>(before.back())) != 0)
      before.remove_suffix(1);
  };
  before.remove_suffix(1);
  skip_blanks();
  if (!before.ends_with('=')) return false;
  before.remove_suffix(1);
  skip_blanks();
  constexpr std::array<std::string_view, 4> kNames = {"href", "src", "action", "formaction"};
  for (const std::string_view name : kNames) {
    if (ends_with_lower(before, name)) return true;
  }
  return false;
}

bool safe_scheme(std::string_view url) {
  const std::size_t colon = url.find(':');
  if (colon == url.npos || url.substr(0, colon).find('/') != url.npos) return true;
  std::string scheme;
  for (const char c : url.substr(0, colon)) scheme += lower(c);
  return scheme == "http" || scheme == "https" || scheme == "mailto";
}

std::string normalised_url(std::string_view url) {
  constexpr std::string_view kHex = "0123456789abcdef";
  constexpr std::string_view kKept = "-._~!#$&*+,/:;=?@[]";
  std::string out;
  for (std::size_t i = 0; i < url.size(); ++i) {
    const auto c = static_cast<unsigned char>(url[i]);
    const bool encoded = c == '%' && i + 2 < url.size() &&
                         std::isxdigit(static_cast<unsigned char>(url[i + 1])) != 0 &&
                         std::isxdigit(static_cast<unsigned char>(url[i + 2])) != 0;
    if (encoded || (c < 0x80 && (std::isalnum(c) != 0 || kKept.find(url[i]) != kKept.npos))) {
      out += url[i];
    } else {
      out += '%';
      out += kHex[c >> 4];
      out += kHex[c & 15];
    }
  }
  return out;
}

bool is(const Value& value, std::string_view type) {
  const Struct* fields = value.as_struct();
  return fields != nullptr && fields->type == type;
}

}  // namespace

Value marked_html(std::string_view text) { return marked(text, kHtml); }
Value marked_url(std::string_view text) { return marked(text, kUrl); }

const std::string* marked_text(const Value& value) {
  if (!is(value, kHtml) && !is(value, kUrl)) return nullptr;
  return value.as_struct()->fields[0].second.as_string();
}

void append_html(std::string& out, const Value& value) {
  if (value.is_nil()) return;
  const bool url = begins_url(out);
  if (is(value, kHtml) && !url) {
    out += *marked_text(value);
    return;
  }
  std::string text;
  if (const std::string* inner = marked_text(value)) {
    text = *inner;
  } else {
    append_value(text, value);
  }
  if (!url) return append_escaped(out, text);
  if (!is(value, kUrl) && !safe_scheme(text)) text = "#ZgotmplZ";
  append_escaped(out, normalised_url(text));
}

}  // namespace silverback::gotemplate
