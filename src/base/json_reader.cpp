#include "base/json_reader.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <string>

#define SIMDJSON_EXCEPTIONS 0
#include <simdjson.h>

#include "base/utf8.h"

namespace silverback {
namespace {

namespace ondemand = simdjson::ondemand;

std::string_view name_of(JsonType type) {
  switch (type) {
    case JsonType::Null: return "null";
    case JsonType::Boolean: return "true or false";
    case JsonType::Number: return "a number";
    case JsonType::String: return "a string";
    case JsonType::Array: return "an array";
    case JsonType::Object: return "an object";
  }
  return "";
}

JsonType type_of(ondemand::json_type type) {
  switch (type) {
    case ondemand::json_type::null: return JsonType::Null;
    case ondemand::json_type::boolean: return JsonType::Boolean;
    case ondemand::json_type::number: return JsonType::Number;
    case ondemand::json_type::string: return JsonType::String;
    case ondemand::json_type::array: return JsonType::Array;
    case ondemand::json_type::object: return JsonType::Object;
  }
  return JsonType::Null;
}

std::string_view reason(simdjson::error_code error) {
  switch (error) {
    case simdjson::EMPTY: return "the text is empty";
    case simdjson::UTF8_ERROR: return "it is not UTF-8";
    case simdjson::UNCLOSED_STRING: return "a string is not closed";
    case simdjson::UNESCAPED_CHARS: return "a control character in a string is not escaped";
    case simdjson::STRING_ERROR: return "a string has a wrong escape";
    case simdjson::NUMBER_ERROR: return "a number is misspelt or out of range";
    case simdjson::T_ATOM_ERROR:
    case simdjson::F_ATOM_ERROR:
    case simdjson::N_ATOM_ERROR:
    case simdjson::INCORRECT_TYPE: return "a number, true, false or null is misspelt";
    case simdjson::TRAILING_CONTENT: return "something follows the value";
    case simdjson::INCOMPLETE_ARRAY_OR_OBJECT:
      return "an array or object is not closed, or something follows it";
    default: return "this is not what JSON has here";
  }
}

Status with_place(Status failure, std::string_view name) {
  constexpr std::size_t kMostShown = 100;
  if (failure.ok()) return failure;
  return std::move(failure).in(name.size() <= kMostShown ? std::string(name)
                                                         : to_valid_utf8(name.substr(0, kMostShown)) + "...");
}

}  // namespace

struct JsonReader::State {
  ondemand::parser parser;
  ondemand::document document;
  std::unique_ptr<char[]> text;  // a copy with the padding that the parser reads beyond the end
  std::size_t capacity = 0;
  std::size_t size = 0;
};

JsonReader::JsonReader(Limits limits) : limits_(limits), state_(std::make_unique<State>()) {}
JsonReader::~JsonReader() = default;

Status JsonReader::read_root(std::string_view text, RootVisit visit, void* context) {
  if (text.size() > limits_.max_bytes) {
    return {Code::InvalidArgument, std::to_string(text.size()) +
                                       " bytes of JSON are more than the limit of " +
                                       std::to_string(limits_.max_bytes)};
  }
  State& state = *state_;
  if (state.capacity < text.size() + simdjson::SIMDJSON_PADDING) {
    state.capacity = text.size() + text.size() / 2 + simdjson::SIMDJSON_PADDING;
    state.text = std::make_unique<char[]>(state.capacity);
  }
  std::ranges::copy(text, state.text.get());
  std::memset(state.text.get() + text.size(), 0, simdjson::SIMDJSON_PADDING);
  state.size = text.size();
  const simdjson::padded_string_view padded(state.text.get(), text.size(), state.capacity);
  if (const auto error = state.parser.iterate(padded).get(state.document)) {
    if (error == simdjson::UTF8_ERROR) {
      return {Code::InvalidArgument, "not JSON at " + place(state.text.get() + valid_utf8_prefix(text)) +
                                         ": " + std::string(reason(error))};
    }
    if (error == simdjson::MEMALLOC) return {Code::ResourceExhausted, "no memory to read JSON"};
    return {Code::InvalidArgument, "not JSON: " + std::string(reason(error))};
  }
  ondemand::json_type type{};
  if (const auto error = state.document.type().get(type)) return not_json(error);
  JsonValue root(*this, &state.document, true, 0, type_of(type));
  if (Status visited = visit(context, root); !visited.ok()) return visited;
  if (!root.read_) {
    if (Status skipped = root.skip(); !skipped.ok()) return skipped;
  }
  return expect_end();
}

std::string JsonReader::place(const char* at) const {
  const std::string_view before(state_->text.get(), static_cast<std::size_t>(at - state_->text.get()));
  const auto lines = std::ranges::count(before, '\n');
  const std::size_t column = before.size() - (lines == 0 ? 0 : before.rfind('\n') + 1);
  return "line " + std::to_string(lines + 1) + ", column " + std::to_string(column + 1);
}

Status JsonReader::not_json(int error) {
  const char* at = nullptr;
  std::string where;
  if (state_->document.current_location().get(at) == simdjson::SUCCESS && at >= state_->text.get() &&
      at <= state_->text.get() + state_->size) {
    where = " at " + place(at);
  }
  return {Code::InvalidArgument,
          "not JSON" + where + ": " + std::string(reason(static_cast<simdjson::error_code>(error)))};
}

Status JsonReader::too_deep() const {
  return {Code::InvalidArgument,
          "arrays and objects are nested more than " + std::to_string(limits_.max_depth) + " deep"};
}

Status JsonReader::expect_end() {
  const char* at = nullptr;
  const auto error = state_->document.current_location().get(at);
  if (error == simdjson::OUT_OF_BOUNDS) return {};
  if (error) return not_json(error);
  return {Code::InvalidArgument, "not JSON at " + place(at) + ": something follows the value"};
}

// ---- values ---------------------------------------------------------------------------------------

template <typename Read>
auto JsonValue::with(Read read) {
  return root_ ? read(*static_cast<ondemand::document*>(at_)) : read(*static_cast<ondemand::value*>(at_));
}

Status JsonValue::begin(JsonType wanted) {
  assert(!read_ && "a value is read once: reading it again would overrun the parser's buffer");
  if (read_) return {Code::Internal, "a JSON value was read twice"};
  if (type_ != wanted) {
    return {Code::InvalidArgument,
            std::string(name_of(wanted)) + " is needed here, not " + std::string(name_of(type_))};
  }
  read_ = true;
  const bool deeper = wanted == JsonType::Array || wanted == JsonType::Object;
  return deeper && depth_ >= reader_.limits_.max_depth ? reader_.too_deep() : Status();
}

Result<std::string_view> JsonValue::string() {
  if (Status begun = begin(JsonType::String); !begun.ok()) return begun;
  std::string_view text;
  if (const auto error = with([](auto& at) { return at.get_string(); }).get(text))
    return reader_.not_json(error);
  return text;
}

Result<bool> JsonValue::boolean() {
  if (Status begun = begin(JsonType::Boolean); !begun.ok()) return begun;
  bool truth = false;
  if (const auto error = with([](auto& at) { return at.get_bool(); }).get(truth))
    return reader_.not_json(error);
  return truth;
}

Result<double> JsonValue::number() {
  if (Status begun = begin(JsonType::Number); !begun.ok()) return begun;
  double number = 0;
  if (const auto error = with([](auto& at) { return at.get_double(); }).get(number))
    return reader_.not_json(error);
  return number;
}

Status JsonValue::each_member(MemberVisit visit, void* context) {
  if (Status begun = begin(JsonType::Object); !begun.ok()) return begun;
  ondemand::object object;
  if (const auto error = with([](auto& at) { return at.get_object(); }).get(object))
    return reader_.not_json(error);
  for (auto member : object) {
    std::string_view name;
    ondemand::value at;
    ondemand::json_type type{};
    if (const auto error = member.unescaped_key().get(name)) return reader_.not_json(error);
    if (const auto error = member.value().get(at)) return reader_.not_json(error);
    if (const auto error = at.type().get(type)) return reader_.not_json(error);
    JsonValue value(reader_, &at, false, depth_ + 1, type_of(type));
    Status done = visit(context, name, value);
    if (done.ok() && !value.read_) done = value.skip();
    if (!done.ok()) return with_place(std::move(done), name);
  }
  return {};
}

Status JsonValue::each_element(ElementVisit visit, void* context) {
  if (Status begun = begin(JsonType::Array); !begun.ok()) return begun;
  ondemand::array array;
  if (const auto error = with([](auto& at) { return at.get_array(); }).get(array))
    return reader_.not_json(error);
  std::size_t index = 0;
  for (auto element : array) {
    ondemand::value at;
    ondemand::json_type type{};
    if (const auto error = element.get(at)) return reader_.not_json(error);
    if (const auto error = at.type().get(type)) return reader_.not_json(error);
    JsonValue value(reader_, &at, false, depth_ + 1, type_of(type));
    Status done = visit(context, index, value);
    if (done.ok() && !value.read_) done = value.skip();
    if (!done.ok()) return with_place(std::move(done), "[" + std::to_string(index) + "]");
    ++index;
  }
  return {};
}

// The parser itself would skip without a look.
Status JsonValue::skip() {
  switch (type_) {
    case JsonType::Null: {
      if (Status begun = begin(JsonType::Null); !begun.ok()) return begun;
      bool null = false;
      const auto error = with([](auto& at) { return at.is_null(); }).get(null);
      if (error) return reader_.not_json(error);
      return null ? Status() : reader_.not_json(simdjson::N_ATOM_ERROR);
    }
    case JsonType::Boolean: return boolean().status();
    case JsonType::Number: return number().status();
    case JsonType::String: return string().status();
    case JsonType::Array: return elements([](std::size_t, JsonValue&) { return Status(); });
    case JsonType::Object: return members([](std::string_view, JsonValue&) { return Status(); });
  }
  return {};
}

}  // namespace silverback
