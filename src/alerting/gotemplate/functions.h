// Functions that a template may call: Go's own, and those of who executes it.
//
// Threads: a table is constant once built.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "alerting/gotemplate/value.h"

namespace silverback::gotemplate {

/// What functions that look outside the template work on; they know its real type.
class Environment {
 public:
  virtual ~Environment() = default;
};

/// What Go's reflection would insist on. A constant number serves as Int and Float, any other value must fit.
enum class Parameter : std::uint8_t { Any, Text, Int, Float, List, Struct };

struct Function {
  std::vector<Parameter> parameters;
  bool variadic = false;  // the last parameter may come any number of times, also not at all
  /// Throws Failure.
  Value (*call)(Environment& environment, std::span<const Value> arguments) = nullptr;
};
using Functions = std::map<std::string, Function, std::less<>>;

/// and, or, not, eq, ne, lt, le, gt, ge, len, index, slice, print, printf, println, html, js, urlquery, call.
/// `and` and `or` are here by name only: they do not evaluate all their arguments.
const Functions& builtin_functions();
/// Those of `own`, and Go's.
inline Functions with_builtins(Functions own) {
  own.insert(builtin_functions().begin(), builtin_functions().end());
  return own;
}

/// Go's HTMLEscapeString.
std::string escape_html(std::string_view text);
/// Go's url.QueryEscape.
std::string escape_query(std::string_view text);

}  // namespace silverback::gotemplate
