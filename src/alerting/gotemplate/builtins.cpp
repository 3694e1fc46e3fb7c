// Go's predefined functions. Source: https://pkg.go.dev/text/template#hdr-Functions
#include <algorithm>
#include <cmath>
#include <optional>

#include "alerting/gotemplate/functions.h"
#include "query/promql/text.h"

namespace silverback::gotemplate {
namespace {

using Arguments = std::span<const Value>;

// Kinds that compare with one another.
enum class Basic : std::uint8_t { Bool, Int, Float, Text };

std::optional<Basic> basic(const Value& value) {
  if (value.as_bool() != nullptr) return Basic::Bool;
  if (value.as_int() != nullptr || value.as_duration() != nullptr) return Basic::Int;
  if (value.as_float() != nullptr) return Basic::Float;
  if (value.as_string() != nullptr) return Basic::Text;
  return std::nullopt;
}

std::int64_t whole(const Value& value) {
  return value.as_int() != nullptr ? *value.as_int() : value.as_duration()->ns;
}

bool equal(const Value& a, const Value& b) {
  if (a.is_nil() || b.is_nil()) return a.is_nil() && b.is_nil();
  const auto kind = basic(a);
  if (kind != basic(b)) throw Failure{"incompatible types for comparison"};
  if (!kind) throw Failure{"non-comparable type " + a.type_name() + ": " + sprint({&a, 1})};
  switch (*kind) {
    case Basic::Bool: return *a.as_bool() == *b.as_bool();
    case Basic::Int: return whole(a) == whole(b);
    case Basic::Float: return *a.as_float() == *b.as_float();
    case Basic::Text: return *a.as_string() == *b.as_string();
  }
  return false;
}

bool less(const Value& a, const Value& b) {
  const auto kind = basic(a);
  if (!kind || !basic(b)) throw Failure{"invalid type for comparison"};
  if (kind != basic(b)) throw Failure{"incompatible types for comparison"};
  switch (*kind) {
    case Basic::Bool: throw Failure{"invalid type for comparison"};
    case Basic::Int: return whole(a) < whole(b);
    case Basic::Float: return *a.as_float() < *b.as_float();
    case Basic::Text: return *a.as_string() < *b.as_string();
  }
  return false;
}

Value eq(Environment&, Arguments a) {
  if (a.size() < 2) throw Failure{"missing argument for comparison"};
  return std::ranges::any_of(a.subspan(1), [&](const Value& other) { return equal(a[0], other); });
}
Value ne(Environment&, Arguments a) { return !equal(a[0], a[1]); }
Value lt(Environment&, Arguments a) { return less(a[0], a[1]); }
Value le(Environment&, Arguments a) { return less(a[0], a[1]) || equal(a[0], a[1]); }
Value gt(Environment&, Arguments a) { return !(less(a[0], a[1]) || equal(a[0], a[1])); }
Value ge(Environment&, Arguments a) { return !less(a[0], a[1]); }
Value negate(Environment&, Arguments a) { return !a[0].truth(); }

Value len(Environment&, Arguments a) {
  if (const std::string* text = a[0].as_string()) return static_cast<std::int64_t>(text->size());
  if (const List* list = a[0].as_list()) return static_cast<std::int64_t>(list->items.size());
  if (const Map* map = a[0].as_map()) return static_cast<std::int64_t>(map->items.size());
  if (a[0].is_nil()) throw Failure{"len of nil pointer"};
  throw Failure{"len of type " + a[0].type_name()};
}

std::size_t position(const Value& index, std::size_t size, bool end_allowed) {
  const std::int64_t* at = index.as_int();
  if (at == nullptr) {
    throw Failure{index.is_nil() ? "cannot index slice/array with nil"
                                 : "cannot index slice/array with type " + index.type_name()};
  }
  if (*at < 0 || static_cast<std::uint64_t>(*at) >= size + (end_allowed ? 1 : 0)) {
    throw Failure{"index out of range: " + std::to_string(*at)};
  }
  return static_cast<std::size_t>(*at);
}

Value index_into(const Value& in, const Value& at) {
  if (const List* list = in.as_list()) return list->items[position(at, list->items.size(), false)];
  if (const std::string* text = in.as_string()) {
    return static_cast<std::int64_t>(static_cast<unsigned char>((*text)[position(at, text->size(), false)]));
  }
  if (const Map* map = in.as_map()) {
    if (at.as_string() == nullptr) throw Failure{"value has type " + at.type_name() + "; should be string"};
    const auto it = map->items.find(*at.as_string());
    if (it != map->items.end()) return it->second;
    return map->of_strings ? Value("") : Value();
  }
  if (in.is_nil()) throw Failure{"index of untyped nil"};
  throw Failure{"can't index item of type " + in.type_name()};
}

Value index(Environment&, Arguments a) {
  Value at = a[0];
  for (const Value& key : a.subspan(1)) at = index_into(at, key);
  return at;
}

Value slice(Environment&, Arguments a) {
  const std::string* text = a[0].as_string();
  const List* list = a[0].as_list();
  if (text == nullptr && list == nullptr) {
    throw Failure{a[0].is_nil() ? "slice of untyped nil" : "can't slice item of type " + a[0].type_name()};
  }
  if (a.size() > (text != nullptr ? 3U : 4U)) {
    throw Failure{text != nullptr ? "cannot 3-index slice a string"
                                  : "too many slice indexes: " + std::to_string(a.size() - 1)};
  }
  const std::size_t size = text != nullptr ? text->size() : list->items.size();
  const std::size_t from = a.size() > 1 ? position(a[1], size, true) : 0;
  const std::size_t to = a.size() > 2 ? position(a[2], size, true) : size;
  if (from > to) throw Failure{"invalid slice index: " + std::to_string(from) + " > " + std::to_string(to)};
  if (text != nullptr) return text->substr(from, to - from);
  List part;
  part.items.assign(list->items.begin() + static_cast<std::ptrdiff_t>(from),
                    list->items.begin() + static_cast<std::ptrdiff_t>(to));
  part.methods = list->methods;
  part.type = list->type;
  return part;
}

Value print(Environment&, Arguments a) { return sprint(a); }
Value println(Environment&, Arguments a) { return sprintln(a); }
Value printf(Environment&, Arguments a) { return sprintf(*a[0].as_string(), a.subspan(1)); }

std::string joined(Arguments a) {
  if (a.size() == 1 && a[0].as_string() != nullptr) return *a[0].as_string();
  return sprint(a);
}

Value html(Environment&, Arguments a) { return escape_html(joined(a)); }
Value urlquery(Environment&, Arguments a) { return escape_query(joined(a)); }

Value js(Environment&, Arguments a) {
  const std::string text = joined(a);
  std::string out;
  for (std::string_view rest = text; !rest.empty();) {
    const auto rune = query::promql::decode_rune(rest);
    const std::string_view bytes = rest.substr(0, rune.width);
    rest.remove_prefix(rune.width);
    switch (rune.value) {
      case '\\': out += "\\\\"; break;
      case '\'': out += "\\'"; break;
      case '"': out += "\\\""; break;
      case '<': out += "\\u003C"; break;
      case '>': out += "\\u003E"; break;
      case '&': out += "\\u0026"; break;
      case '=': out += "\\u003D"; break;
      default:
        if (rune.value < 0x20) {
          char buffer[8];
          std::snprintf(buffer, sizeof buffer, "\\u%04X", static_cast<unsigned>(rune.value));
          out += buffer;
        } else {
          out += bytes;
        }
    }
  }
  return out;
}

Value call(Environment&, Arguments a) {
  if (a[0].is_nil()) throw Failure{"call of nil"};
  throw Failure{"non-function of type " + a[0].type_name()};
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '\0': out += "\uFFFD"; break;
      case '"': out += "&#34;"; break;
      case '\'': out += "&#39;"; break;
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      default: out += c;
    }
  }
  return out;
}

std::string escape_query(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
        c == '.' || c == '~') {
      out += c;
    } else if (c == ' ') {
      out += '+';
    } else {
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

const Functions& builtin_functions() {
  using enum Parameter;
  static const Functions table = {
      {"and", {{Any, Any}, true, nullptr}},
      {"or", {{Any, Any}, true, nullptr}},
      {"not", {{Any}, false, negate}},
      {"eq", {{Any, Any}, true, eq}},
      {"ne", {{Any, Any}, false, ne}},
      {"lt", {{Any, Any}, false, lt}},
      {"le", {{Any, Any}, false, le}},
      {"gt", {{Any, Any}, false, gt}},
      {"ge", {{Any, Any}, false, ge}},
      {"len", {{Any}, false, len}},
      {"index", {{Any, Any}, true, index}},
      {"slice", {{Any, Any}, true, slice}},
      {"print", {{Any}, true, print}},
      {"println", {{Any}, true, println}},
      {"printf", {{Text, Any}, true, printf}},
      {"html", {{Any}, true, html}},
      {"js", {{Any}, true, js}},
      {"urlquery", {{Any}, true, urlquery}},
      {"call", {{Any, Any}, true, call}},
  };
  return table;
}

}  // namespace silverback::gotemplate
