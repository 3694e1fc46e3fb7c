#include "alerting/notify/time_interval.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <optional>
#include <span>

#include "alerting/notify/time_zone.h"
#include "base/utf8.h"

namespace silverback::notify {
namespace {

using Range = TimeInterval::Range;
using Ranges = std::vector<Range>;

constexpr std::int32_t kMinutesOfDay = 24 * 60;
constexpr std::array<std::string_view, 7> kDays = {"sunday",   "monday", "tuesday", "wednesday",
                                                   "thursday", "friday", "saturday"};
constexpr std::array<std::string_view, 12> kMonths = {"january",   "february", "march",    "april",
                                                      "may",       "june",     "july",     "august",
                                                      "september", "october",  "november", "december"};

std::optional<std::int32_t> whole(std::string_view text) {
  std::int32_t value = 0;
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || at != text.data() + text.size()) return {};
  return value;
}

// "09:30", to "24:00".
std::optional<std::int32_t> minute_of_day(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') return {};
  const auto digits = [&](std::size_t i) {
    return text[i] >= '0' && text[i] <= '9' && text[i + 1] >= '0' && text[i + 1] <= '9'
               ? (text[i] - '0') * 10 + text[i + 1] - '0'
               : 100;
  };
  const std::int32_t minute = digits(0) * 60 + digits(3);
  if (digits(3) > 59 || minute > kMinutesOfDay) return {};
  return minute;
}

std::optional<std::int32_t> named(std::span<const std::string_view> names, std::string_view text) {
  const auto it = std::ranges::find(names, text);
  if (it == names.end()) return {};
  return static_cast<std::int32_t>(it - names.begin());
}

// How one kind of range is read: its members and what is wrong with a range of them.
struct Kind {
  std::string_view field;
  std::string_view member;  // what messages call one
  std::optional<std::int32_t> (*read)(std::string_view text);
  std::string (*wrong)(Range range);
};

std::string wrong_order(Range range) { return range.begin > range.end ? "its end is before its start" : ""; }

std::string wrong_day_of_month(Range range) {
  for (const std::int32_t day : {range.begin, range.end}) {
    if (day == 0 || day < -31 || day > 31) {
      return std::to_string(day) + " is not a valid day of the month: out of range";
    }
  }
  if (range.begin < 0 && range.end > 0) return "end day must be negative if start day is negative";
  // Of days counted from the end this is certain only for the shortest month.
  const auto in_february = [](std::int32_t day) { return day < 0 ? 28 + day : day; };
  if (in_february(range.begin) > in_february(range.end)) {
    return "end day " + std::to_string(range.end) + " is always before start day " +
           std::to_string(range.begin);
  }
  return {};
}

constexpr Kind kWeekdays = {"weekdays", "weekday", [](std::string_view text) { return named(kDays, text); },
                            wrong_order};
constexpr Kind kDaysOfMonth = {"days_of_month", "day of the month", whole, wrong_day_of_month};
constexpr Kind kMonthsOfYear = {"months", "month",
                                [](std::string_view text) {
                                  std::optional<std::int32_t> month = named(kMonths, text);
                                  if (month) return std::optional(*month + 1);
                                  month = whole(text);
                                  return month && *month >= 1 && *month <= 12 ? month : std::nullopt;
                                },
                                wrong_order};
constexpr Kind kYears = {"years", "year", whole, wrong_order};

// "monday:friday", "-3", "2024"; letters of either case.
void read_range(const Kind& kind, const yaml::Node& node, Ranges& out, yaml::Problems& problems) {
  const auto problem = [&](const std::string& text) {
    problems.add(node, std::string(kind.field) + ": " + text);
  };
  if (node.kind != yaml::Node::Kind::Scalar) return problem("expected a range such as a or a:b");
  std::string text = node.text;
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  const std::size_t colon = text.find(':');
  const std::string first = text.substr(0, colon);
  const std::string last = colon == text.npos ? first : text.substr(colon + 1);
  const auto begin = kind.read(first);
  const auto end = kind.read(last);
  if (!begin || !end) {
    return problem(to_valid_utf8((begin ? last : first).substr(0, 60)) + " is not a valid " +
                   std::string(kind.member));
  }
  const Range range{*begin, *end};
  if (const std::string why = kind.wrong(range); !why.empty()) return problem(node.text + ": " + why);
  out.push_back(range);
}

void read_times(const yaml::Node& node, Ranges& out, yaml::Problems& problems) {
  yaml::Fields fields(node, "times", problems);
  const auto read = [&](std::string_view name) -> std::optional<std::int32_t> {
    std::string text;
    if (!fields.text(name, text, yaml::Need::Required)) return {};
    const auto minute = minute_of_day(text);
    if (!minute) fields.problem(std::string(name) + ": expected a time such as 09:30, found " + text);
    return minute;
  };
  const auto begin = read("start_time");
  const auto end = read("end_time");
  fields.done();
  if (!begin || !end) return;
  if (*begin >= *end) return fields.problem("start time cannot be equal or greater than end time");
  out.push_back({*begin, *end});
}

// Nothing given: everything is in it.
bool in_any(const Ranges& ranges, std::int32_t value) {
  return ranges.empty() ||
         std::ranges::any_of(ranges, [&](Range range) { return value >= range.begin && value <= range.end; });
}

bool in_any_day(const Ranges& ranges, std::int32_t day, std::int32_t days) {
  if (ranges.empty()) return true;
  return std::ranges::any_of(ranges, [&](Range range) {
    const std::int32_t begin = range.begin < 0 ? days + range.begin + 1 : range.begin;
    const std::int32_t end = range.end < 0 ? days + range.end + 1 : range.end;
    return day >= begin && day <= end;
  });
}

std::string clock_text(std::int32_t minute) {
  char buffer[16];
  std::snprintf(buffer, sizeof buffer, "%02d:%02d", minute / 60, minute % 60);
  return buffer;
}

template <typename Member>
void append_ranges(std::string& out, std::string_view field, const Ranges& ranges, Member member) {
  if (ranges.empty()) return;
  if (out.size() > 1) out += ", ";
  out += std::string(field) + ": [";
  for (const Range& range : ranges) {
    if (out.back() != '[') out += ", ";
    out += '\'' + member(range.begin);
    if (range.end != range.begin) out += ':' + member(range.end);
    out += '\'';
  }
  out += ']';
}

}  // namespace

TimeInterval TimeInterval::read(const yaml::Node& node, yaml::Problems& problems) {
  TimeInterval out;
  yaml::Fields fields(node, "time interval", problems);
  const auto each = [&](std::string_view name, auto&& one) {
    const yaml::Node* list = fields.list(name);
    if (list == nullptr) return;
    if (list->items.empty()) problems.add(*list, std::string(name) + " is empty: no time would be in it");
    for (const yaml::Node& item : list->items) one(item);
  };
  const auto ranges = [&](const Kind& kind, Ranges& into) {
    each(kind.field, [&](const yaml::Node& item) { read_range(kind, item, into, problems); });
  };
  each("times", [&](const yaml::Node& item) { read_times(item, out.minutes_, problems); });
  ranges(kWeekdays, out.weekdays_);
  ranges(kDaysOfMonth, out.days_of_month_);
  ranges(kMonthsOfYear, out.months_);
  ranges(kYears, out.years_);
  if (fields.text("location", out.location_) && !find_zone(out.location_)) {
    fields.problem("unknown time zone " + to_valid_utf8(out.location_.substr(0, 60)) +
                   " (names are those of the package tzdata, such as Europe/Berlin)");
  }
  fields.done();
  return out;
}

bool TimeInterval::contains(std::int64_t time_ns) const {
  // It was there when the configuration was read.
  const absl::TimeZone zone = find_zone(location_).value_or(absl::UTCTimeZone());
  const absl::CivilSecond now = zone.At(absl::FromUnixNanos(time_ns)).cs;
  const auto days = static_cast<std::int32_t>(absl::CivilDay(absl::CivilMonth(now) + 1) -
                                              absl::CivilDay(absl::CivilMonth(now)));
  const std::int32_t minute = now.hour() * 60 + now.minute();
  const bool in_time = minutes_.empty() || std::ranges::any_of(minutes_, [&](Range range) {
                         return minute >= range.begin && minute < range.end;
                       });
  // absl::Weekday begins with monday.
  const std::int32_t weekday = (static_cast<std::int32_t>(absl::GetWeekday(now)) + 1) % 7;
  return in_time && in_any_day(days_of_month_, now.day(), days) && in_any(months_, now.month()) &&
         in_any(weekdays_, weekday) && in_any(years_, static_cast<std::int32_t>(now.year()));
}

std::string TimeInterval::text() const {
  std::string out = "{";
  if (!minutes_.empty()) {
    out += "times: [";
    for (const Range& range : minutes_) {
      if (out.back() != '[') out += ", ";
      out += "{start_time: '" + clock_text(range.begin) + "', end_time: '" + clock_text(range.end) + "'}";
    }
    out += ']';
  }
  const auto number = [](std::int32_t n) { return std::to_string(n); };
  append_ranges(out, "weekdays", weekdays_,
                [](std::int32_t n) { return std::string(kDays[static_cast<std::size_t>(n)]); });
  append_ranges(out, "days_of_month", days_of_month_, number);
  append_ranges(out, "months", months_,
                [](std::int32_t n) { return std::string(kMonths[static_cast<std::size_t>(n - 1)]); });
  append_ranges(out, "years", years_, number);
  // Names of time zones have no quotes in them.
  if (!location_.empty()) out += (out.size() > 1 ? ", location: '" : "location: '") + location_ + "'";
  return out + "}";
}

}  // namespace silverback::notify
