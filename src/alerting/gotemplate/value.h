// Value: what a template computes with, after Go's dynamic values.
//
// Kinds are those that Prometheus' and Alertmanager's template data need: nil, bool, int, float, string,
// duration, time, list, map and struct. Lists, maps and structs are shared and never change.
//
// Threads: a value.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace silverback::gotemplate {

class Value;

/// What can be called on a composite as if it were a field: `.Alerts.Firing`. Throws Failure.
using Method = Value (*)(const Value& self, std::span<const Value> arguments);
using Methods = std::map<std::string_view, Method>;

struct List {
  std::vector<Value> items;
  const Methods* methods = nullptr;
  std::string_view type = "[]interface {}";  // as Go would print it
};

/// In the order in which Go prints and ranges: by key.
struct Map {
  std::map<std::string, Value, std::less<>> items;
  bool of_strings = true;  // the zero value is "", else nil
  const Methods* methods = nullptr;
  std::string_view type = "map[string]string";
};

struct Struct {
  std::vector<std::pair<std::string_view, Value>> fields;
  const Methods* methods = nullptr;
  std::string_view type = "struct";
};

struct Nil {};
struct DurationNs {
  std::int64_t ns = 0;
};
struct TimeNs {
  static constexpr std::int64_t kZero =
      std::numeric_limits<std::int64_t>::min();  // Go's zero time, in year 1
  std::int64_t ns = 0;
  std::int32_t offset_s = 0;           // of the zone in which it is shown
  std::array<char, 8> zone = {"UTC"};  // its name, with a NUL
};

class Value {
 public:
  using Variant =
      std::variant<Nil, bool, std::int64_t, double, std::string, DurationNs, TimeNs,
                   std::shared_ptr<const List>, std::shared_ptr<const Map>, std::shared_ptr<const Struct>>;

  Value() = default;
  Value(bool v) : v_(v) {}
  Value(std::int64_t v) : v_(v) {}
  Value(int v) : v_(std::int64_t{v}) {}
  Value(double v) : v_(v) {}
  Value(std::string v) : v_(std::move(v)) {}
  Value(std::string_view v) : v_(std::string(v)) {}
  Value(const char* v) : v_(std::string(v)) {}
  Value(DurationNs v) : v_(v) {}
  Value(TimeNs v) : v_(v) {}
  Value(List v) : v_(std::make_shared<const List>(std::move(v))) {}
  Value(Map v) : v_(std::make_shared<const Map>(std::move(v))) {}
  Value(Struct v) : v_(std::make_shared<const Struct>(std::move(v))) {}

  bool is_nil() const { return std::holds_alternative<Nil>(v_); }
  const bool* as_bool() const { return std::get_if<bool>(&v_); }
  const std::int64_t* as_int() const { return std::get_if<std::int64_t>(&v_); }
  const double* as_float() const { return std::get_if<double>(&v_); }
  const std::string* as_string() const { return std::get_if<std::string>(&v_); }
  const DurationNs* as_duration() const { return std::get_if<DurationNs>(&v_); }
  const TimeNs* as_time() const { return std::get_if<TimeNs>(&v_); }
  const List* as_list() const { return shared<List>(); }
  const Map* as_map() const { return shared<Map>(); }
  const Struct* as_struct() const { return shared<Struct>(); }
  const Variant& variant() const { return v_; }

  /// Go's truth: not zero, not empty, not nil.
  bool truth() const;
  /// "string", "float64", "map[string]string": as Go names the type.
  std::string type_name() const;

 private:
  template <typename T>
  const T* shared() const {
    const auto* pointer = std::get_if<std::shared_ptr<const T>>(&v_);
    return pointer == nullptr ? nullptr : pointer->get();
  }

  Variant v_;
};

/// Go's error from deep within a template, on its way to the door of this folder (Template::execute).
struct Failure {
  std::string message;
};

/// Appends what fmt's %v prints; of a list or a map with a method String, what that returns.
void append_value(std::string& out, const Value& value);
/// fmt.Sprint: blanks between operands of which neither is a string.
std::string sprint(std::span<const Value> operands);
/// fmt.Sprintln: blanks between all, and a newline.
std::string sprintln(std::span<const Value> operands);
/// fmt.Sprintf, misuse included: "%!d(string=hi)", "%!d(MISSING)", "%!(EXTRA int=1)".
std::string sprintf(std::string_view format, std::span<const Value> operands);

/// Go's time.Duration.String: "1h2m3.5s", "1.5ms", "0s".
std::string format_go_duration(std::int64_t ns);
/// Go's time.Time.String: "2006-01-02 15:04:05.999999999 +0000 UTC".
std::string format_go_time(const TimeNs& time);

}  // namespace silverback::gotemplate
