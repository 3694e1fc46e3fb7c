#include "ingest/json_time.h"

#include <cmath>
#include <limits>

#include "base/clock.h"
#include "ingest/label_set.h"
#include "ingest/read_float.h"

namespace silverback::ingest {
namespace {

constexpr std::int64_t kNsPerUs = 1'000;

// Of a number of this size.
std::int64_t unit_ns(JsonTimeUnit unit, double magnitude) {
  switch (unit) {
    case JsonTimeUnit::Seconds: return kNsPerSecond;
    case JsonTimeUnit::Milliseconds: return kNsPerMs;
    case JsonTimeUnit::Microseconds: return kNsPerUs;
    case JsonTimeUnit::Nanoseconds: return 1;
    case JsonTimeUnit::Auto: break;
  }
  if (magnitude < 1e10) return kNsPerSecond;
  if (magnitude < 1e13) return kNsPerMs;
  return magnitude < 1e16 ? kNsPerUs : 1;
}

Status out_of_range(std::string_view text) {
  return {Code::OutOfBounds, quoted(text) + " is outside the years 1677 to 2262"};
}

// 1.7e9 and the like.
Status read_exponent(std::string_view text, JsonTimeUnit unit, std::int64_t& time_ns) {
  const bool numeric = text.find_first_not_of("0123456789+-.eE") == std::string_view::npos;
  double number = 0;
  if (!numeric || !read_float(text, number)) {
    return {Code::InvalidArgument,
            quoted(text) + " is neither a number nor a time such as 2023-11-14T22:13:20Z"};
  }
  const double scaled = number * static_cast<double>(unit_ns(unit, std::abs(number)));
  if (!(std::abs(scaled) < 9.2e18)) return out_of_range(text);
  time_ns = std::llround(scaled);
  return {};
}

}  // namespace

Status read_json_time(std::string_view text, JsonTimeUnit unit, std::int64_t& time_ns) {
  const char* p = text.data();
  const char* const end = p + text.size();
  const bool negative = p != end && *p == '-';
  if (negative) ++p;
  if (p == end || static_cast<unsigned char>(*p - '0') >= 10) return read_exponent(text, unit, time_ns);
  std::uint64_t whole = 0;
  const bool fits = line::read_uint64(p, end, whole) && whole <= std::numeric_limits<std::int64_t>::max();
  if (!fits) return out_of_range(text);
  const std::int64_t scale = unit_ns(unit, static_cast<double>(whole));
  std::int64_t nanos = 0;
  if (end - p > 1 && *p == '.') {
    std::int64_t place = scale;
    for (++p; p != end && static_cast<unsigned char>(*p - '0') < 10; ++p) {
      place /= 10;
      nanos += place * (*p - '0');
    }
  }
  if (p != end) return read_exponent(text, unit, time_ns);
  std::int64_t scaled = 0;
  if (__builtin_mul_overflow(static_cast<std::int64_t>(whole), scale, &scaled) ||
      __builtin_add_overflow(scaled, nanos, &scaled)) {
    return out_of_range(text);
  }
  time_ns = negative ? -scaled : scaled;
  return {};
}

}  // namespace silverback::ingest
