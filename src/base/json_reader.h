// JsonReader: JSON in, one value after another as they stand in the text. There is no tree.
//
//   JsonReader reader({.max_bytes = 1 << 20});
//   const Status read = reader.read(body, [&](JsonValue& root) {
//     return root.members([&](std::string_view name, JsonValue& value) -> Status {
//       if (name != "comment") return {};        // what nobody reads is checked and skipped
//       const auto text = value.string();
//       if (!text) return text.status();
//       comment = *text;                         // views are good until the next read()
//       return {};
//     });
//   });
//
// Invariants
//   (1) A text for which read() is OK is JSON from its first to its last byte (RFC 8259), also where nobody
//       looked, in UTF-8, and not nested more deeply than the limit. So until then keep what you read apart.
//   (2) A name may stand in an object more than once; each is shown, in order.
// Departures from RFC 8259: numbers beyond a double's range and escapes of lone surrogates are refused.
//
// A failure names its place: `[3]: labels: severity: a string is needed here, not a number`, or line and
// column where it is not JSON at all. The parser underneath is simdjson's On-Demand (J. Keiser and D. Lemire,
// "On-Demand JSON: A Better Way to Parse Documents?", 2023), of which nothing is seen outside the .cpp.
//
// Threads: one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <type_traits>

#include "base/status.h"

namespace silverback {

class JsonReader;

enum class JsonType : std::uint8_t { Null, Boolean, Number, String, Array, Object };

/// One value, at which the reader stands. Read it once, while the visitor runs; or not at all.
class JsonValue {
 public:
  JsonType type() const { return type_; }
  bool is_null() const { return type_ == JsonType::Null; }

  /// @returns InvalidArgument when it is of another type, with what is needed and what is there
  Result<std::string_view> string();
  Result<bool> boolean();
  Result<double> number();

  /// Of an object: Status visit(std::string_view name, JsonValue& value). Its failure ends the reading.
  template <typename Visit>
  Status members(Visit&& visit) {
    return each_member(
        [](void* context, std::string_view name, JsonValue& value) -> Status {
          return (*static_cast<std::remove_reference_t<Visit>*>(context))(name, value);
        },
        &visit);
  }
  /// Of an array: Status visit(std::size_t index, JsonValue& value).
  template <typename Visit>
  Status elements(Visit&& visit) {
    return each_element(
        [](void* context, std::size_t index, JsonValue& value) -> Status {
          return (*static_cast<std::remove_reference_t<Visit>*>(context))(index, value);
        },
        &visit);
  }

 private:
  friend class JsonReader;
  using MemberVisit = Status (*)(void*, std::string_view, JsonValue&);
  using ElementVisit = Status (*)(void*, std::size_t, JsonValue&);
  JsonValue(JsonReader& reader, void* at, bool root, std::size_t depth, JsonType type)
      : reader_(reader), at_(at), depth_(depth), type_(type), root_(root) {}

  Status each_member(MemberVisit visit, void* context);
  Status each_element(ElementVisit visit, void* context);
  Status begin(JsonType wanted);
  Status skip();
  template <typename Read>
  auto with(Read read);

  JsonReader& reader_;
  void* at_;  // simdjson's value, or its document when this is the root
  std::size_t depth_;
  JsonType type_;
  bool root_;
  bool read_ = false;
};

class JsonReader {
 public:
  struct Limits {
    std::size_t max_bytes = 64 << 20;
    std::size_t max_depth = 32;  // arrays and objects within each other
  };

  explicit JsonReader(Limits limits);
  JsonReader() : JsonReader(Limits{}) {}
  ~JsonReader();
  JsonReader(const JsonReader&) = delete;
  JsonReader& operator=(const JsonReader&) = delete;

  /// Status visit(JsonValue& root).
  /// @returns what the visitor returned; InvalidArgument when the text is not JSON or over a limit
  template <typename Visit>
  Status read(std::string_view text, Visit&& visit) {
    return read_root(
        text,
        [](void* context, JsonValue& root) -> Status {
          return (*static_cast<std::remove_reference_t<Visit>*>(context))(root);
        },
        &visit);
  }

 private:
  friend class JsonValue;
  struct State;
  using RootVisit = Status (*)(void*, JsonValue&);
  Status read_root(std::string_view text, RootVisit visit, void* context);
  Status not_json(int error);  // one of simdjson's
  Status too_deep() const;
  Status expect_end();
  std::string place(const char* at) const;

  const Limits limits_;
  std::unique_ptr<State> state_;
};

}  // namespace silverback
