#include "api/posted_parts.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "base/number.h"

namespace silverback::api {
namespace {

// Later times are taken as this one, so that sums with them do not overflow.
constexpr std::int64_t kLatestNs = 7'258'118'400 * kNsPerSecond;  // the year 2200

/// 0 for none: empty or the year 1. @returns nothing when it is not a time
std::optional<std::int64_t> parse_time(std::string_view text) {
  if (text.empty()) return 0;
  if (const auto time_ns = parse_rfc3339_ns(text)) {
    // From the epoch's first nanosecond on, as 0 is none.
    return std::clamp<std::int64_t>(*time_ns, 1, kLatestNs);
  }
  // A year that 64 bits of nanoseconds do not hold? Look at the rest of it in one that they do.
  if (text.size() < 4) return std::nullopt;
  const std::string in_leap_year = "2000" + std::string(text.substr(4));
  if (!parse_rfc3339_ns(in_leap_year)) return std::nullopt;
  if (!std::ranges::all_of(text.substr(0, 4), [](char c) { return c >= '0' && c <= '9'; }))
    return std::nullopt;
  if (text.starts_with("0001-01-01T00:00:00")) return 0;
  return text < "1970" ? 1 : kLatestNs;
}

}  // namespace

Result<std::int64_t> read_time(JsonValue& value) {
  if (value.is_null()) return std::int64_t{0};
  const auto text = value.string();
  if (!text) return text.status();
  if (const auto time_ns = parse_time(*text)) return *time_ns;
  return Status(Code::InvalidArgument, "\"" + std::string(text->substr(0, 100)) +
                                           "\" is not a time; write it as 2006-01-02T15:04:05Z");
}

Status read_text(JsonValue& value, std::string& out) {
  if (value.is_null()) return {};
  const auto text = value.string();
  if (text) out = *text;
  return text.status();
}

Status read_pairs(JsonValue& object, PostedPairs& pairs) {
  if (object.is_null()) return {};
  return object.members([&](std::string_view name, JsonValue& value) -> Status {
    std::string text;
    if (Status read = read_text(value, text); !read.ok()) return read;
    pairs.insert_or_assign(std::string(name), std::move(text));
    return {};
  });
}

}  // namespace silverback::api
