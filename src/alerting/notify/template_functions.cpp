// Functions of receivers' templates.
// Source: https://prometheus.io/docs/alerting/latest/notifications/#functions
#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <limits>

#include "alerting/gotemplate/html_output.h"
#include "alerting/gotemplate/time_value.h"
#include "alerting/notify/template_data.h"
#include "alerting/notify/time_zone.h"
#include "alerting/text_functions.h"
#include "base/json.h"
#include "base/number.h"
#include "query/promql/text.h"

namespace silverback::notify {
namespace {

using gotemplate::DurationNs;
using gotemplate::Environment;
using gotemplate::Failure;
using gotemplate::Functions;
using gotemplate::List;
using gotemplate::Map;
using gotemplate::Struct;
using gotemplate::TimeNs;
using gotemplate::Value;
using Arguments = std::span<const Value>;

// Go's unicode.IsSpace.
bool is_space(char32_t c) {
  return (c >= '\t' && c <= '\r') || c == ' ' || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
         c == 0x3000;
}

Value trim_space(Environment&, Arguments a) {
  const std::string_view text = *a[0].as_string();
  std::size_t begin = text.size();
  std::size_t end = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto rune = query::promql::decode_rune(text.substr(at));
    if (!is_space(rune.value)) {
      begin = std::min(begin, at);
      end = at + rune.width;
    }
    at += rune.width;
  }
  return begin < end ? Value(text.substr(begin, end - begin)) : Value("");
}

Value join(Environment&, Arguments a) {
  const List* list = a[1].as_list();
  std::string out;
  for (std::size_t i = 0; list != nullptr && i < list->items.size(); ++i) {
    const std::string* item = list->items[i].as_string();
    if (item == nullptr) {
      list = nullptr;
      break;
    }
    if (i != 0) out += *a[0].as_string();
    out += *item;
  }
  if (list == nullptr) throw Failure{"wrong type for value; expected []string; got " + a[1].type_name()};
  return out;
}

Value string_slice(Environment&, Arguments a) {
  List list;
  list.type = "[]string";
  list.items.assign(a.begin(), a.end());
  return list;
}

const TimeNs& time_of(const Value& value) {
  if (const TimeNs* time = value.as_time()) return *time;
  throw Failure{"wrong type for value; expected time.Time; got " + value.type_name()};
}

Value date(Environment&, Arguments a) { return gotemplate::format_time(time_of(a[1]), *a[0].as_string()); }

// Another place's view of the same time.
Value tz(Environment&, Arguments a) {
  const std::string& name = *a[0].as_string();
  TimeNs time = time_of(a[1]);
  const auto zone = find_zone(name);
  if (!zone) throw Failure{"unknown time zone " + name};
  if (time.ns == TimeNs::kZero) return time;
  const absl::TimeZone::CivilInfo info = zone->At(absl::FromUnixNanos(time.ns));
  time.offset_s = info.offset;
  time.zone = {};
  std::snprintf(time.zone.data(), time.zone.size(), "%s", info.zone_abbr);
  return time;
}

Value since(Environment& environment, Arguments a) {
  const TimeNs& time = time_of(a[0]);
  std::int64_t ns = 0;
  // Go's durations, too, end at int64.
  if (__builtin_sub_overflow(static_cast<NotifyEnvironment&>(environment).now_ns, time.ns, &ns))
    ns = std::numeric_limits<std::int64_t>::max();
  return DurationNs{ns};
}

Value to_json(Environment&, Arguments a) {
  std::string out;
  append_json(out, a[0]);
  return out;
}

// Go's url.QueryUnescape.
Value url_unescape(Environment&, Arguments a) {
  const std::string& text = *a[0].as_string();
  const auto digit = [](char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    if (i + 2 >= text.size() || std::isxdigit(static_cast<unsigned char>(text[i + 1])) == 0 ||
        std::isxdigit(static_cast<unsigned char>(text[i + 2])) == 0)
      throw Failure{"invalid URL escape " + query::promql::quote(std::string_view(text).substr(i, 3))};
    out += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
    i += 2;
  }
  return out;
}

Value as_given(Environment&, Arguments a) { return a[0]; }
Value safe_html(Environment&, Arguments a) { return gotemplate::marked_html(*a[0].as_string()); }
Value safe_url(Environment&, Arguments a) { return gotemplate::marked_url(*a[0].as_string()); }
Value html(Environment&, Arguments a) {
  return gotemplate::marked_html(gotemplate::escape_html(
      a.size() == 1 && a[0].as_string() != nullptr ? *a[0].as_string() : gotemplate::sprint(a)));
}

// ---- JSON

void append_float_json(std::string& out, double v) {
  if (!std::isfinite(v)) throw Failure{"json: unsupported value: " + format_float(v)};
  const double magnitude = std::fabs(v);
  if (magnitude != 0 && (magnitude < 1e-6 || magnitude >= 1e21)) {
    append_float_exponent(out, v);
  } else {
    append_float(out, v);
  }
}

// Alertmanager's data has json tags, its pairs have none.
std::string json_name(const Struct& of, std::string_view field) {
  std::string name(field);
  if (of.type != "template.Pair")
    name[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(name[0])));
  return name;
}

void append_json_struct(std::string& out, const Struct& of) {
  out += '{';
  for (std::size_t i = 0; i < of.fields.size(); ++i) {
    if (i != 0) out += ',';
    append_json_key(out, json_name(of, of.fields[i].first));
    append_json(out, of.fields[i].second);
  }
  out += '}';
}

}  // namespace

void append_json(std::string& out, const Value& value) {
  if (const bool* truth = value.as_bool()) {
    out += *truth ? "true" : "false";
  } else if (const std::int64_t* number = value.as_int()) {
    out += std::to_string(*number);
  } else if (const double* real = value.as_float()) {
    append_float_json(out, *real);
  } else if (const std::string* text = value.as_string()) {
    append_json_string(out, *text);
  } else if (const DurationNs* duration = value.as_duration()) {
    out += std::to_string(duration->ns);
  } else if (const TimeNs* time = value.as_time()) {
    append_json_string(out, gotemplate::format_time(*time, "2006-01-02T15:04:05.999999999Z07:00"));
  } else if (const List* list = value.as_list()) {
    out += '[';
    for (std::size_t i = 0; i < list->items.size(); ++i) {
      if (i != 0) out += ',';
      append_json(out, list->items[i]);
    }
    out += ']';
  } else if (const Map* map = value.as_map()) {
    out += '{';
    bool first = true;
    for (const auto& [key, item] : map->items) {
      if (!first) out += ',';
      first = false;
      append_json_key(out, key);
      append_json(out, item);
    }
    out += '}';
  } else if (const std::string* inner = gotemplate::marked_text(value)) {
    append_json_string(out, *inner);
  } else if (const Struct* fields = value.as_struct()) {
    append_json_struct(out, *fields);
  } else {
    out += "null";
  }
}

const Functions& text_template_functions() {
  using enum gotemplate::Parameter;
  static const Functions table = [] {
    Functions made = alerting::shared_functions();
    made.merge(Functions{{"date", {{Text, Any}, false, date}},
                         {"join", {{Text, Any}, false, join}},
                         {"safeUrl", {{Text}, false, as_given}},
                         {"since", {{Any}, false, since}},
                         {"stringSlice", {{Text}, true, string_slice}},
                         {"toJson", {{Any}, false, to_json}},
                         {"trimSpace", {{Text}, false, trim_space}},
                         {"tz", {{Text, Any}, false, tz}},
                         {"urlUnescape", {{Text}, false, url_unescape}}});
    return gotemplate::with_builtins(std::move(made));
  }();
  return table;
}

const Functions& html_template_functions() {
  using enum gotemplate::Parameter;
  static const Functions table = [] {
    Functions made = text_template_functions();
    made["html"] = {{Any}, true, html};
    made["safeHtml"] = {{Text}, false, safe_html};
    made["safeUrl"] = {{Text}, false, safe_url};
    return made;
  }();
  return table;
}

}  // namespace silverback::notify
