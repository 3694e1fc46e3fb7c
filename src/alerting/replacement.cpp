#include "alerting/replacement.h"

#include <re2/re2.h>

#include <algorithm>
#include <charconv>

namespace silverback::alerting {
namespace {

bool is_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// Behind a dollar: "name..." or "{name}...". Empty, and nothing taken, when it is neither.
std::string_view take_name(std::string_view& text) {
  const bool braces = text.starts_with('{');
  const std::string_view body = text.substr(braces ? 1 : 0);
  const auto size = static_cast<std::size_t>(std::ranges::find_if_not(body, is_name) - body.begin());
  if (size == 0 || (braces && (size == body.size() || body[size] != '}'))) return {};
  text.remove_prefix(size + (braces ? 2 : 0));
  return body.substr(0, size);
}

std::size_t group_of(std::string_view name, const re2::RE2& re, std::size_t none) {
  std::size_t number = none;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error == std::errc() && end == name.data() + name.size()) return number;
  const auto& names = re.NamedCapturingGroups();
  const auto it = names.find(std::string(name));
  return it == names.end() ? none : static_cast<std::size_t>(it->second);
}

}  // namespace

void append_replacement(std::string& out, std::string_view replacement, const re2::RE2& re,
                        std::span<const std::string_view> groups) {
  while (!replacement.empty()) {
    const std::size_t dollar = std::min(replacement.find('$'), replacement.size());
    out += replacement.substr(0, dollar);
    replacement.remove_prefix(dollar);
    if (replacement.empty()) return;
    replacement.remove_prefix(1);
    if (replacement.starts_with('$')) {
      out += '$';
      replacement.remove_prefix(1);
    } else if (const std::string_view name = take_name(replacement); !name.empty()) {
      const std::size_t group = group_of(name, re, groups.size());
      if (group < groups.size()) out += groups[group];
    } else {
      out += '$';
    }
  }
}

}  // namespace silverback::alerting
