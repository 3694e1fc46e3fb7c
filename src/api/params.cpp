#include "api/params.h"

#include <charconv>
#include <cmath>

#include "base/clock.h"
#include "base/duration.h"
#include "base/number.h"

namespace silverback::api {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string shown(std::string_view text) {
  constexpr std::size_t kMost = 100;
  std::string out = "\"";
  out += text.substr(0, kMost);
  if (text.size() > kMost) out += "...";
  return out += '"';
}

Status cannot_parse(std::string_view text, std::string_view what) {
  return {Code::InvalidArgument, "cannot parse " + shown(text) + " to a valid " + std::string(what)};
}

void append_utf8(std::string& out, std::uint32_t rune) {
  const auto byte = [&out](std::uint32_t v) { out += static_cast<char>(v); };
  if (rune < 0x80) {
    byte(rune);
  } else if (rune < 0x800) {
    byte(0xc0 | rune >> 6);
    byte(0x80 | (rune & 0x3f));
  } else if (rune < 0x10000) {
    byte(0xe0 | rune >> 12);
    byte(0x80 | (rune >> 6 & 0x3f));
    byte(0x80 | (rune & 0x3f));
  } else {
    byte(0xf0 | rune >> 18);
    byte(0x80 | (rune >> 12 & 0x3f));
    byte(0x80 | (rune >> 6 & 0x3f));
    byte(0x80 | (rune & 0x3f));
  }
}

bool is_form(std::string_view content_type) {
  const auto end = content_type.find(';');
  content_type = content_type.substr(0, end);
  while (!content_type.empty() && content_type.back() == ' ') content_type.remove_suffix(1);
  return equal_ignoring_case(content_type, "application/x-www-form-urlencoded");
}

}  // namespace

Result<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
      if (low < 0) return Status(Code::InvalidArgument, "invalid URL escape " + shown(text.substr(i, 3)));
      out += static_cast<char>(high << 4 | low);
      i += 2;
    }
  }
  return out;
}

Status Params::undo_escapes(std::string_view& text) {
  if (text.find_first_of("%+") == std::string_view::npos) return {};
  auto decoded = percent_decode(text, true);
  if (!decoded) return decoded.status();
  text = decoded_.emplace_back(std::move(*decoded));
  return {};
}

Status Params::add(std::string_view text) {
  while (!text.empty()) {
    const auto end = std::min(text.find('&'), text.size());
    const std::string_view pair = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (pair.empty()) continue;
    const auto equals = std::min(pair.find('='), pair.size());
    std::string_view name = pair.substr(0, equals);
    std::string_view value = pair.substr(std::min(equals + 1, pair.size()));
    if (Status decoded = undo_escapes(name); !decoded.ok()) return decoded;
    if (Status decoded = undo_escapes(value); !decoded.ok()) return decoded;
    pairs_.push_back({name, value});
  }
  return {};
}

Result<Params> Params::of(std::string_view text) {
  Params out;
  if (Status added = out.add(text); !added.ok()) return added;
  return out;
}

Result<Params> Params::of(const HttpRequest& request) {
  Params out;
  if (request.method != Method::Get && request.method != Method::Head &&
      is_form(request.header("Content-Type"))) {
    if (Status added = out.add(request.body); !added.ok()) return std::move(added).in("form body");
  }
  if (Status added = out.add(request.query); !added.ok()) return std::move(added).in("URL parameters");
  return out;
}

std::string_view Params::get(std::string_view name) const {
  for (const Pair& pair : pairs_) {
    if (pair.name == name) return pair.value;
  }
  return {};
}

bool Params::has(std::string_view name) const {
  for (const Pair& pair : pairs_) {
    if (pair.name == name) return true;
  }
  return false;
}

std::vector<std::string> Params::all(std::string_view name) const {
  std::vector<std::string> out;
  for (const Pair& pair : pairs_) {
    if (pair.name == name) out.emplace_back(pair.value);
  }
  return out;
}

std::string unescape_label_name(std::string_view name) {
  if (!name.starts_with("U__")) return std::string(name);
  const std::string_view escaped = name.substr(3);
  std::string out;
  for (std::size_t i = 0; i < escaped.size(); ++i) {
    if (escaped[i] != '_') {
      out += escaped[i];
    } else if (i + 1 < escaped.size() && escaped[i + 1] == '_') {  // two are one
      out += '_';
      ++i;
    } else {  // _2e_ is the rune with that number
      const auto end = escaped.find('_', i + 1);
      if (end == std::string_view::npos || end == i + 1 || end > i + 7) return std::string(name);
      std::uint32_t rune = 0;
      const auto read = std::from_chars(escaped.data() + i + 1, escaped.data() + end, rune, 16);
      if (read.ec != std::errc() || read.ptr != escaped.data() + end) return std::string(name);
      if (rune > 0x10ffff || (rune >= 0xd800 && rune < 0xe000)) return std::string(name);
      append_utf8(out, rune);
      i = end;
    }
  }
  return out;
}

Result<std::int64_t> parse_time_ms(std::string_view text) {
  if (const auto seconds = parse_float(text)) {
    if (std::isnan(*seconds)) return cannot_parse(text, "timestamp");
    constexpr double kMaxSeconds = static_cast<double>(kMaxTimeMs) / 1000;
    if (*seconds >= kMaxSeconds) return kMaxTimeMs;
    if (*seconds <= -kMaxSeconds) return -kMaxTimeMs;
    double whole = 0;
    const double fraction = std::modf(*seconds, &whole);
    return static_cast<std::int64_t>(whole) * 1000 + static_cast<std::int64_t>(std::round(fraction * 1000));
  }
  if (const auto time_ns = parse_rfc3339_ns(text)) return floor_div(*time_ns, kNsPerMs);
  // What Prometheus' own clients send for "from the beginning" and "to the end" lies outside int64
  // nanoseconds.
  if (text == "-292273086-05-16T16:47:06Z") return -kMaxTimeMs;
  if (text == "292277025-08-18T07:12:54.999999999Z") return kMaxTimeMs;
  return cannot_parse(text, "timestamp");
}

Result<std::int64_t> parse_duration_ns(std::string_view text) {
  if (const auto seconds = parse_float(text)) {
    const double ns = *seconds * 1e9;
    if (std::isnan(ns)) return cannot_parse(text, "duration");
    if (std::fabs(ns) >= 9.2e18) {
      return Status(Code::InvalidArgument,
                    std::string(cannot_parse(text, "duration").message()) + ". It overflows int64");
    }
    return static_cast<std::int64_t>(ns);
  }
  const auto ms = parse_duration_ms(text);
  if (!ms) return cannot_parse(text, "duration");
  if (*ms > INT64_MAX / kNsPerMs) {
    return Status(Code::InvalidArgument,
                  std::string(cannot_parse(text, "duration").message()) + ". It overflows int64");
  }
  return *ms * kNsPerMs;
}

Status invalid_param(std::string_view name, const Status& why) {
  return {Code::InvalidArgument,
          "invalid parameter \"" + std::string(name) + "\": " + std::string(why.message())};
}

Result<std::int64_t> time_param(const Params& params, std::string_view name) {
  const auto time = parse_time_ms(params.get(name));
  if (!time) return invalid_param(name, time.status());
  return *time;
}

Result<std::int64_t> time_param(const Params& params, std::string_view name, std::int64_t otherwise) {
  if (params.get(name).empty()) return otherwise;
  return time_param(params, name);
}

Result<std::size_t> limit_param(const Params& params) {
  const std::string_view text = params.get("limit");
  if (text.empty()) return std::size_t{0};
  std::int64_t limit = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), limit);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) {
    return invalid_param("limit", {Code::InvalidArgument, shown(text) + " is not a whole number"});
  }
  if (limit < 0) return invalid_param("limit", {Code::InvalidArgument, "limit must be non-negative"});
  return static_cast<std::size_t>(limit);
}

}  // namespace silverback::api
