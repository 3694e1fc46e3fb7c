// What is read as JSON, written again and read again, is written the same; no text makes it fail otherwise.
#include <cstdlib>
#include <string>

#include "base/json.h"
#include "base/json_reader.h"
#include "base/number.h"
#include "base/utf8.h"

namespace {

using namespace silverback;

Status copy(JsonValue& value, std::string& out) {
  switch (value.type()) {
    case JsonType::Null: out += "null"; return {};
    case JsonType::Boolean: {
      const auto truth = value.boolean();
      if (truth) out += *truth ? "true" : "false";
      return truth.status();
    }
    case JsonType::Number: {
      const auto number = value.number();
      if (number) append_float(out, *number);
      return number.status();
    }
    case JsonType::String: {
      const auto text = value.string();
      if (text) append_json_string(out, *text);
      if (text && !valid_utf8(*text)) std::abort();
      return text.status();
    }
    case JsonType::Array: {
      out += '[';
      const Status read = value.elements([&](std::size_t index, JsonValue& element) {
        if (index != 0) out += ',';
        return copy(element, out);
      });
      out += ']';
      return read;
    }
    case JsonType::Object: {
      char separator = '{';
      const Status read = value.members([&](std::string_view name, JsonValue& member) {
        out += separator;
        separator = ',';
        append_json_key(out, name);
        return copy(member, out);
      });
      out += separator == '{' ? "{}" : "}";
      return read;
    }
  }
  return {};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static JsonReader reader({.max_bytes = 1 << 20, .max_depth = 20});
  std::string once;
  const Status read = reader.read(text, [&](JsonValue& root) { return copy(root, once); });
  const Status skipped = reader.read(text, [](JsonValue&) { return Status(); });
  if (read.ok() != skipped.ok()) std::abort();
  if (!read.ok()) return 0;
  std::string twice;
  if (!reader.read(once, [&](JsonValue& root) { return copy(root, twice); }).ok()) std::abort();
  if (once != twice) std::abort();
  return 0;
}
