#include "alerting/gotemplate/time_value.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <optional>

#include "base/clock.h"

namespace silverback::gotemplate {
namespace {

using Arguments = std::span<const Value>;

constexpr std::int64_t kZeroSeconds = -62'135'596'800;  // of the year 1
constexpr std::array kMonths = {"January", "February", "March",     "April",   "May",      "June",
                                "July",    "August",   "September", "October", "November", "December"};
constexpr std::array kDays = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};

// What clock and calendar show where the time is looked at.
struct Civil {
  int year = 0, month = 0, day = 0, weekday = 0, day_of_year = 0;
  int hour = 0, minute = 0, second = 0, nanos = 0;
};

std::int64_t unix_seconds(const TimeNs& time) {
  return time.ns == TimeNs::kZero ? kZeroSeconds : floor_div(time.ns, kNsPerSecond);
}

Civil civil(const TimeNs& time) {
  using namespace std::chrono;
  const std::int64_t local = unix_seconds(time) + time.offset_s;
  const sys_days day{days{floor_div(local, 86'400)}};
  const year_month_day date{day};
  const auto of_day = static_cast<int>(local - floor_div(local, 86'400) * 86'400);
  Civil made;
  made.year = static_cast<int>(date.year());
  made.month = static_cast<int>(static_cast<unsigned>(date.month()));
  made.day = static_cast<int>(static_cast<unsigned>(date.day()));
  made.weekday = static_cast<int>(weekday{day}.c_encoding());
  made.day_of_year = static_cast<int>((day - sys_days{date.year() / January / 1}).count()) + 1;
  made.hour = of_day / 3600;
  made.minute = of_day / 60 % 60;
  made.second = of_day % 60;
  made.nanos = time.ns == TimeNs::kZero
                   ? 0
                   : static_cast<int>(time.ns - floor_div(time.ns, kNsPerSecond) * kNsPerSecond);
  return made;
}

std::string number(int value, int width, char fill = '0') {
  char buffer[24];
  std::snprintf(buffer, sizeof buffer, fill == '0' ? "%0*d" : "%*d", width, value);
  return buffer;
}

// ---- layouts

std::string offset_text(int seconds, bool colon, bool with_minutes, bool with_seconds) {
  std::string out = seconds < 0 ? "-" : "+";
  const int magnitude = seconds < 0 ? -seconds : seconds;
  out += number(magnitude / 3600, 2);
  if (with_minutes) out += (colon ? ":" : "") + number(magnitude / 60 % 60, 2);
  if (with_seconds) out += (colon ? ":" : "") + number(magnitude % 60, 2);
  return out;
}

std::string fraction_text(int nanos, std::string_view form) {
  std::string digits = number(nanos, 9);
  digits.resize(9 + (form.size() > 10 ? form.size() - 10 : 0), '0');
  digits.resize(form.size() - 1);
  if (form[1] == '9') {
    while (digits.ends_with('0')) digits.pop_back();
    if (digits.empty()) return {};
  }
  return form[0] + digits;
}

bool lower_case_follows(std::string_view text, std::size_t at) {
  return at < text.size() && text[at] >= 'a' && text[at] <= 'z';
}

struct Piece {
  std::size_t width;  // of the layout
  std::string text;
};

std::optional<Piece> zone_piece(std::string_view layout, const TimeNs& time) {
  struct Form {
    std::string_view text;
    bool colon, minutes, seconds;
  };
  constexpr Form kForms[] = {{"070000", false, true, true},
                             {"07:00:00", true, true, true},
                             {"0700", false, true, false},
                             {"07:00", true, true, false},
                             {"07", false, false, false}};
  for (const Form& form : kForms) {
    if (!layout.substr(1).starts_with(form.text)) continue;
    if (layout[0] == 'Z' && time.offset_s == 0) return Piece{form.text.size() + 1, "Z"};
    return Piece{form.text.size() + 1, offset_text(time.offset_s, form.colon, form.minutes, form.seconds)};
  }
  return std::nullopt;
}

std::optional<Piece> fraction_piece(std::string_view layout, const Civil& c) {
  if (layout.size() < 2 || (layout[1] != '0' && layout[1] != '9')) return std::nullopt;
  std::size_t end = layout.find_first_not_of(layout[1], 1);
  if (end == layout.npos) end = layout.size();
  if (end < layout.size() && layout[end] >= '0' && layout[end] <= '9') return std::nullopt;
  return Piece{end, fraction_text(c.nanos, layout.substr(0, end))};
}

std::optional<Piece> word_piece(std::string_view layout, const TimeNs& time, const Civil& c) {
  const std::string_view month = kMonths[static_cast<std::size_t>(c.month - 1)];
  const std::string_view day = kDays[static_cast<std::size_t>(c.weekday)];
  if (layout.starts_with("January")) return Piece{7, std::string(month)};
  if (layout.starts_with("Jan") && !lower_case_follows(layout, 3))
    return Piece{3, std::string(month.substr(0, 3))};
  if (layout.starts_with("Monday")) return Piece{6, std::string(day)};
  if (layout.starts_with("Mon") && !lower_case_follows(layout, 3))
    return Piece{3, std::string(day.substr(0, 3))};
  if (layout.starts_with("MST")) return Piece{3, time.zone.data()};
  if (layout.starts_with("PM")) return Piece{2, c.hour >= 12 ? "PM" : "AM"};
  if (layout.starts_with("pm")) return Piece{2, c.hour >= 12 ? "pm" : "am"};
  return std::nullopt;
}

std::optional<Piece> number_piece(std::string_view layout, const Civil& c) {
  const int hour12 = c.hour % 12 == 0 ? 12 : c.hour % 12;
  struct Form {
    std::string_view text;
    int value, width;
    char fill;
  };
  const Form forms[] = {
      {"2006", c.year, 4, '0'}, {"002", c.day_of_year, 3, '0'}, {"__2", c.day_of_year, 3, ' '},
      {"01", c.month, 2, '0'},  {"02", c.day, 2, '0'},          {"03", hour12, 2, '0'},
      {"04", c.minute, 2, '0'}, {"05", c.second, 2, '0'},       {"06", c.year % 100, 2, '0'},
      {"15", c.hour, 2, '0'},   {"_2", c.day, 2, ' '},          {"1", c.month, 1, '0'},
      {"2", c.day, 1, '0'},     {"3", hour12, 1, '0'},          {"4", c.minute, 1, '0'},
      {"5", c.second, 1, '0'}};
  if (layout.starts_with("_2006")) return Piece{5, "_" + number(c.year, 4)};
  for (const Form& form : forms) {
    if (layout.starts_with(form.text))
      return Piece{form.text.size(), number(form.value, form.width, form.fill)};
  }
  return std::nullopt;
}

// ---- methods

void want(Arguments arguments, std::size_t count) {
  if (arguments.size() != count) {
    throw Failure{"wrong number of args: want " + std::to_string(count) + " got " +
                  std::to_string(arguments.size())};
  }
}
const TimeNs& time_argument(Arguments a) {
  want(a, 1);
  if (const TimeNs* time = a[0].as_time()) return *time;
  throw Failure{"wrong type for value; expected time.Time; got " + a[0].type_name()};
}
std::int64_t duration_argument(Arguments a) {
  want(a, 1);
  if (const DurationNs* duration = a[0].as_duration()) return duration->ns;
  if (const std::int64_t* ns = a[0].as_int()) return *ns;
  throw Failure{"wrong type for value; expected time.Duration; got " + a[0].type_name()};
}
const TimeNs& self_time(const Value& self, Arguments a) { return want(a, 0), *self.as_time(); }
double self_seconds(const Value& self, Arguments a) {
  return want(a, 0), static_cast<double>(self.as_duration()->ns) / 1e9;
}

Value time_sub(const Value& self, Arguments a) {
  std::int64_t ns = 0;
  const std::int64_t from = self.as_time()->ns;
  if (__builtin_sub_overflow(from, time_argument(a).ns, &ns)) {
    ns = from < 0 ? std::numeric_limits<std::int64_t>::min() : std::numeric_limits<std::int64_t>::max();
  }
  return DurationNs{ns};
}
Value time_add(const Value& self, Arguments a) {
  TimeNs sum = *self.as_time();
  if (__builtin_add_overflow(sum.ns, duration_argument(a), &sum.ns)) throw Failure{"time out of range"};
  return sum;
}
Value time_format(const Value& self, Arguments a) {
  want(a, 1);
  if (a[0].as_string() == nullptr)
    throw Failure{"wrong type for value; expected string; got " + a[0].type_name()};
  return format_time(*self.as_time(), *a[0].as_string());
}
template <int Civil::*kField>
Value time_part(const Value& self, Arguments a) {
  return civil(self_time(self, a)).*kField;
}

}  // namespace

std::string format_time(const TimeNs& time, std::string_view layout) {
  const Civil c = civil(time);
  std::string out;
  while (!layout.empty()) {
    std::optional<Piece> piece;
    switch (layout[0]) {
      case '-':
      case 'Z': piece = zone_piece(layout, time); break;
      case '.':
      case ',': piece = fraction_piece(layout, c); break;
      default:
        piece = word_piece(layout, time, c);
        if (!piece) piece = number_piece(layout, c);
    }
    if (!piece) piece = Piece{1, std::string(1, layout[0])};
    out += piece->text;
    layout.remove_prefix(piece->width);
  }
  return out;
}

const Methods& time_methods() {
  static const Methods table = {
      {"Add", time_add},
      {"After",
       [](const Value& self, Arguments a) { return Value(self.as_time()->ns > time_argument(a).ns); }},
      {"Before",
       [](const Value& self, Arguments a) { return Value(self.as_time()->ns < time_argument(a).ns); }},
      {"Day", time_part<&Civil::day>},
      {"Equal",
       [](const Value& self, Arguments a) { return Value(self.as_time()->ns == time_argument(a).ns); }},
      {"Format", time_format},
      {"Hour", time_part<&Civil::hour>},
      {"IsZero",
       [](const Value& self, Arguments a) { return Value(self_time(self, a).ns == TimeNs::kZero); }},
      {"Local", [](const Value& self, Arguments a) { return Value(self_time(self, a)); }},
      {"Minute", time_part<&Civil::minute>},
      {"Month",
       [](const Value& self, Arguments a) {
         return Value(kMonths[static_cast<std::size_t>(civil(self_time(self, a)).month - 1)]);
       }},
      {"Nanosecond", time_part<&Civil::nanos>},
      {"Second", time_part<&Civil::second>},
      {"String",
       [](const Value& self, Arguments a) {
         return want(a, 0), Value(sprint({&self, 1}));
       }},
      {"Sub", time_sub},
      {"UTC", [](const Value& self, Arguments a) { return Value(TimeNs{self_time(self, a).ns}); }},
      {"Unix", [](const Value& self, Arguments a) { return Value(unix_seconds(self_time(self, a))); }},
      {"UnixMilli",
       [](const Value& self, Arguments a) {
         const TimeNs& time = self_time(self, a);
         return Value(time.ns == TimeNs::kZero ? kZeroSeconds * 1000 : floor_div(time.ns, kNsPerMs));
       }},
      {"UnixNano", [](const Value& self, Arguments a) { return Value(self_time(self, a).ns); }},
      {"Weekday",
       [](const Value& self, Arguments a) {
         return Value(kDays[static_cast<std::size_t>(civil(self_time(self, a)).weekday)]);
       }},
      {"Year", time_part<&Civil::year>},
      {"YearDay", time_part<&Civil::day_of_year>},
  };
  return table;
}

const Methods& duration_methods() {
  static const Methods table = {
      {"Hours", [](const Value& self, Arguments a) { return Value(self_seconds(self, a) / 3600); }},
      {"Milliseconds",
       [](const Value& self, Arguments a) { return want(a, 0), Value(self.as_duration()->ns / 1'000'000); }},
      {"Minutes", [](const Value& self, Arguments a) { return Value(self_seconds(self, a) / 60); }},
      {"Seconds", [](const Value& self, Arguments a) { return Value(self_seconds(self, a)); }},
      {"String",
       [](const Value& self, Arguments a) {
         return want(a, 0), Value(sprint({&self, 1}));
       }},
      {"Truncate",
       [](const Value& self, Arguments a) {
         const std::int64_t to = duration_argument(a);
         const std::int64_t ns = self.as_duration()->ns;
         return Value(DurationNs{to <= 0 ? ns : ns - ns % to});
       }},
  };
  return table;
}

}  // namespace silverback::gotemplate
