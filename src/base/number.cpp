#include "base/number.h"

#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "base/clock.h"

namespace silverback {
namespace {

bool append_special(std::string& out, double v) {
  if (std::isnan(v)) {
    out += "NaN";
  } else if (std::isinf(v)) {
    out += v > 0 ? "+Inf" : "-Inf";
  } else {
    return false;
  }
  return true;
}

bool equal_fold(std::string_view a, std::string_view lower) {
  if (a.size() != lower.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if ((a[i] >= 'A' && a[i] <= 'Z' ? a[i] + 32 : a[i]) != lower[i]) return false;
  }
  return true;
}

std::optional<std::int64_t> digits(std::string_view text, std::size_t at, std::size_t n) {
  if (at + n > text.size()) return std::nullopt;
  std::int64_t v = 0;
  for (std::size_t i = at; i < at + n; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    v = v * 10 + (text[i] - '0');
  }
  return v;
}

// Whole numbers beyond 2^53: the shortest digits and then zeros, as Go does. to_chars would write all digits
// of the number exactly, 309 for the largest.
void append_large(std::string& out, double v) {
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, v, std::chars_format::scientific).ptr;
  const std::string_view text(buffer, static_cast<std::size_t>(end - buffer));
  const std::size_t e = text.find('e');
  std::size_t places = static_cast<std::size_t>(*digits(text, e + 2, text.size() - e - 2));
  for (const char c : text.substr(0, e)) {
    if (c != '.') out += c;
  }
  const std::size_t point = text.find('.');
  if (point != text.npos) places -= e - point - 1;
  out.append(places, '0');
}

/// A number with so few decimals that dividing an integer by 10^places gives it back: most gauges. Both
/// operands are exact and the quotient is rounded once, so the decimals read back as `v`; and as they are 15
/// digits at most, no other number of up to 15 digits does, so they are the shortest.
/// @param scale  10^places
/// @returns false, and appends nothing, when `v` is not such a number
bool append_decimal(std::string& out, double v, std::uint64_t scale, std::size_t places) {
  constexpr double kMostDigits = 1e15;
  const double magnitude = std::fabs(v);
  const double scaled = magnitude * static_cast<double>(scale);
  if (!(scaled < kMostDigits)) return false;
  const auto number = static_cast<std::uint64_t>(scaled + 0.5);
  if (number == 0 || static_cast<double>(number) / static_cast<double>(scale) != magnitude) return false;
  char buffer[32];
  char* at = buffer;
  if (v < 0) *at++ = '-';
  at = std::to_chars(at, buffer + sizeof buffer, number / scale).ptr;
  *at++ = '.';
  std::uint64_t part = number % scale;
  for (std::size_t i = places; i-- > 0; part /= 10) at[i] = static_cast<char>('0' + part % 10);
  at += places;
  while (at[-1] == '0') --at;
  out.append(buffer, static_cast<std::size_t>(at - buffer));
  return true;
}

}  // namespace

void append_float(std::string& out, double v) {
  if (append_special(out, v)) return;
  char buffer[1100];  // 'f' of the smallest subnormal has 1074 decimals
  // Counters and most gauges are whole: the integer path is several times quicker.
  if (v == std::trunc(v) && std::fabs(v) < 1e15 && !(v == 0 && std::signbit(v))) {
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, static_cast<std::int64_t>(v)).ptr;
    out.append(buffer, end);
    return;
  }
  if (std::fabs(v) >= 0x1p53) return append_large(out, v);
  if (append_decimal(out, v, 1'000, 3) || append_decimal(out, v, 1'000'000, 6)) return;
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, v, std::chars_format::fixed).ptr;
  out.append(buffer, end);
}

std::string format_float(double v) {
  std::string out;
  append_float(out, v);
  return out;
}

void append_float_exponent(std::string& out, double v) {
  if (append_special(out, v)) return;
  const double magnitude = std::fabs(v);
  if (magnitude == 0 || (magnitude >= 1e-4 && magnitude < 1e6)) {
    append_float(out, v);
    return;
  }
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, v, std::chars_format::scientific).ptr;
  out.append(buffer, end);
}

std::optional<double> parse_float(std::string_view text) {
  bool negative = false;
  std::string_view body = text;
  if (!body.empty() && (body.front() == '+' || body.front() == '-')) {
    negative = body.front() == '-';
    body.remove_prefix(1);
  }
  if (body.empty() || body.front() == '+' || body.front() == '-') return std::nullopt;
  double v = 0;
  if (equal_fold(body, "inf") || equal_fold(body, "infinity")) {
    v = HUGE_VAL;
  } else if (equal_fold(body, "nan")) {
    return std::nan("");
  } else {
    auto format = std::chars_format::general;
    if (body.size() > 2 && body[0] == '0' && (body[1] == 'x' || body[1] == 'X')) {
      body.remove_prefix(2);
      format = std::chars_format::hex;
    }
    if (!((body.front() >= '0' && body.front() <= '9') || body.front() == '.' ||
          format == std::chars_format::hex)) {
      return std::nullopt;
    }
    const auto [end, error] = std::from_chars(body.data(), body.data() + body.size(), v, format);
    if (error == std::errc::result_out_of_range && end == body.data() + body.size()) {
      v = std::strtod(std::string(body).c_str(), nullptr);  // overflow to infinity or underflow to zero
    } else if (error != std::errc{} || end != body.data() + body.size()) {
      return std::nullopt;
    }
  }
  return negative ? -v : v;
}

void append_seconds(std::string& out, std::int64_t ms) {
  if (ms < 0) {
    out += '-';
  }
  const std::uint64_t magnitude =
      ms < 0 ? 0 - static_cast<std::uint64_t>(ms) : static_cast<std::uint64_t>(ms);
  char buffer[24];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, magnitude / 1000).ptr;
  out.append(buffer, end);
  const std::uint64_t part = magnitude % 1000;
  if (part == 0) return;
  char decimals[4] = {'.', static_cast<char>('0' + part / 100), static_cast<char>('0' + part / 10 % 10),
                      static_cast<char>('0' + part % 10)};
  std::size_t n = 4;
  while (decimals[n - 1] == '0') --n;
  out.append(decimals, n);
}

std::optional<std::int64_t> parse_rfc3339_ns(std::string_view text) {
  // 2006-01-02T15:04:05[.999999999](Z|+07:00)
  const auto year = digits(text, 0, 4), month = digits(text, 5, 2), day = digits(text, 8, 2);
  const auto hour = digits(text, 11, 2), minute = digits(text, 14, 2), second = digits(text, 17, 2);
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  if (text[4] != '-' || text[7] != '-' || (text[10] != 'T' && text[10] != 't' && text[10] != ' ') ||
      text[13] != ':' || text[16] != ':') {
    return std::nullopt;
  }
  const std::chrono::year_month_day date{std::chrono::year{static_cast<int>(*year)},
                                         std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
  std::size_t at = 19;
  std::int64_t nanos = 0;
  if (at < text.size() && text[at] == '.') {
    ++at;
    std::int64_t scale = 100'000'000;
    const std::size_t first = at;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, scale /= 10)
      nanos += (text[at] - '0') * scale;
    if (at == first) return std::nullopt;
  }
  if (at >= text.size()) return std::nullopt;
  std::int64_t offset_s = 0;
  if (text[at] == 'Z' || text[at] == 'z') {
    ++at;
  } else {
    const auto zone_hour = digits(text, at + 1, 2), zone_minute = digits(text, at + 4, 2);
    if (!zone_hour || !zone_minute || text[at + 3] != ':' || (text[at] != '+' && text[at] != '-'))
      return std::nullopt;
    offset_s = (*zone_hour * 60 + *zone_minute) * 60 * (text[at] == '-' ? -1 : 1);
    at += 6;
  }
  if (at != text.size()) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  const std::int64_t seconds = days * 86'400 + *hour * 3'600 + *minute * 60 + *second - offset_s;
  std::int64_t out = 0;
  if (__builtin_mul_overflow(seconds, kNsPerSecond, &out) || __builtin_add_overflow(out, nanos, &out))
    return std::nullopt;
  return out;
}

std::string format_rfc3339(std::int64_t time_ns) {
  const std::int64_t seconds = floor_div(time_ns, kNsPerSecond);
  const std::int64_t nanos = time_ns - seconds * kNsPerSecond;
  const std::int64_t days = floor_div(seconds, 86'400);
  const std::int64_t of_day = seconds - days * 86'400;
  const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{days}}};
  char buffer[64];
  int n = std::snprintf(buffer, sizeof buffer, "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()),
                        static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                        static_cast<int>(of_day / 3600), static_cast<int>(of_day / 60 % 60),
                        static_cast<int>(of_day % 60));
  std::string out(buffer, static_cast<std::size_t>(n));
  if (nanos != 0) {
    n = std::snprintf(buffer, sizeof buffer, ".%09d", static_cast<int>(nanos));
    std::string_view decimals(buffer, static_cast<std::size_t>(n));
    while (decimals.back() == '0') decimals.remove_suffix(1);
    out += decimals;
  }
  return out + "Z";
}

}  // namespace silverback
