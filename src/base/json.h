// JSON out: strings and keys. There is no tree; texts are written front to back.
//
// Threads: any.
#pragma once

#include <string>
#include <string_view>

namespace silverback {

/// Quoted; control characters, quotes and backslashes escaped, and each byte that is not part of valid
/// UTF-8 written as U+FFFD. `<`, `>` and `&` are escaped too, so that an answer shown as HTML stays text.
void append_json_string(std::string& out, std::string_view text);

/// "name":
void append_json_key(std::string& out, std::string_view name);

/// {"name":"text",...} of pairs of texts, in their order.
template <typename Pairs>
void append_json_pairs(std::string& out, const Pairs& pairs) {
  out += '{';
  for (const auto& [name, text] : pairs) {
    if (out.back() != '{') out += ',';
    append_json_key(out, name);
    append_json_string(out, text);
  }
  out += '}';
}

}  // namespace silverback
