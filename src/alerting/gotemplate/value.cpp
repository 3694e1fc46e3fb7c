#include "alerting/gotemplate/value.h"

#include "alerting/gotemplate/time_value.h"
#include "base/number.h"

namespace silverback::gotemplate {
namespace {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

void append_items(std::string& out, const std::vector<Value>& items) {
  out += '[';
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i != 0) out += ' ';
    append_value(out, items[i]);
  }
  out += ']';
}

void append_map(std::string& out, const Map& map) {
  out += "map[";
  bool first = true;
  for (const auto& [key, value] : map.items) {
    if (!first) out += ' ';
    first = false;
    out += key;
    out += ':';
    append_value(out, value);
  }
  out += ']';
}

void append_struct(std::string& out, const Struct& fields) {
  out += '{';
  for (std::size_t i = 0; i < fields.fields.size(); ++i) {
    if (i != 0) out += ' ';
    append_value(out, fields.fields[i].second);
  }
  out += '}';
}

// @returns whether it has a method String
bool append_own_text(std::string& out, const Methods* methods, const Value& self) {
  if (methods == nullptr) return false;
  const auto it = methods->find("String");
  if (it == methods->end()) return false;
  out += *it->second(self, {}).as_string();
  return true;
}

// Digits of a fraction of `unit` (a power of ten) without trailing zeros: ".5".
void append_fraction(std::string& out, std::int64_t rest, std::int64_t unit) {
  if (rest == 0) return;
  out += '.';
  while (rest != 0) {
    unit /= 10;
    out += static_cast<char>('0' + rest / unit);
    rest %= unit;
  }
}

}  // namespace

bool Value::truth() const {
  return std::visit(
      Overloaded{[](Nil) { return false; }, [](bool v) { return v; }, [](std::int64_t v) { return v != 0; },
                 [](double v) { return v != 0; }, [](const std::string& v) { return !v.empty(); },
                 [](DurationNs v) { return v.ns != 0; }, [](TimeNs) { return true; },
                 [](const std::shared_ptr<const List>& v) { return !v->items.empty(); },
                 [](const std::shared_ptr<const Map>& v) { return !v->items.empty(); },
                 [](const std::shared_ptr<const Struct>&) { return true; }},
      v_);
}

std::string Value::type_name() const {
  return std::visit(
      Overloaded{[](Nil) { return std::string("<nil>"); }, [](bool) { return std::string("bool"); },
                 [](std::int64_t) { return std::string("int"); },
                 [](double) { return std::string("float64"); },
                 [](const std::string&) { return std::string("string"); },
                 [](DurationNs) { return std::string("time.Duration"); },
                 [](TimeNs) { return std::string("time.Time"); },
                 [](const auto& composite) { return std::string(composite->type); }},
      v_);
}

void append_value(std::string& out, const Value& value) {
  std::visit(
      Overloaded{[&](Nil) { out += "<nil>"; }, [&](bool v) { out += v ? "true" : "false"; },
                 [&](std::int64_t v) { out += std::to_string(v); },
                 [&](double v) { append_float_exponent(out, v); }, [&](const std::string& v) { out += v; },
                 [&](DurationNs v) { out += format_go_duration(v.ns); },
                 [&](TimeNs v) { out += format_go_time(v); },
                 [&](const std::shared_ptr<const List>& v) {
                   if (!append_own_text(out, v->methods, value)) append_items(out, v->items);
                 },
                 [&](const std::shared_ptr<const Map>& v) {
                   if (!append_own_text(out, v->methods, value)) append_map(out, *v);
                 },
                 [&](const std::shared_ptr<const Struct>& v) { append_struct(out, *v); }},
      value.variant());
}

std::string sprint(std::span<const Value> operands) {
  std::string out;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    if (i != 0 && operands[i].as_string() == nullptr && operands[i - 1].as_string() == nullptr) out += ' ';
    append_value(out, operands[i]);
  }
  return out;
}

std::string sprintln(std::span<const Value> operands) {
  std::string out;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    if (i != 0) out += ' ';
    append_value(out, operands[i]);
  }
  out += '\n';
  return out;
}

std::string format_go_duration(std::int64_t ns) {
  if (ns == 0) return "0s";
  std::string out = ns < 0 ? "-" : "";
  // The magnitude of the least int64 is one more than an int64 holds.
  const std::uint64_t magnitude =
      ns < 0 ? 0 - static_cast<std::uint64_t>(ns) : static_cast<std::uint64_t>(ns);
  const auto part = [&](std::uint64_t unit) {
    out += std::to_string(magnitude / unit);
    append_fraction(out, static_cast<std::int64_t>(magnitude % unit), static_cast<std::int64_t>(unit));
  };
  if (magnitude < 1'000) return out + std::to_string(magnitude) + "ns";
  if (magnitude < 1'000'000) return part(1'000), out + "µs";
  if (magnitude < 1'000'000'000) return part(1'000'000), out + "ms";
  const std::uint64_t seconds = magnitude / 1'000'000'000;
  if (seconds >= 3600) out += std::to_string(seconds / 3600) + "h";
  if (seconds >= 60) out += std::to_string(seconds / 60 % 60) + "m";
  out += std::to_string(seconds % 60);
  append_fraction(out, static_cast<std::int64_t>(magnitude % 1'000'000'000), 1'000'000'000);
  return out + "s";
}

std::string format_go_time(const TimeNs& time) {
  return format_time(time, "2006-01-02 15:04:05.999999999 -0700 MST");
}

}  // namespace silverback::gotemplate
