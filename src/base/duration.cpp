#include "base/duration.h"

#include <array>
#include <charconv>
#include <limits>

namespace silverback {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t ms;
};
constexpr std::int64_t kDayMs = 86'400'000;
constexpr std::array<Unit, 7> kUnits = {{{"y", 365 * kDayMs},
                                         {"w", 7 * kDayMs},
                                         {"d", kDayMs},
                                         {"h", 3'600'000},
                                         {"m", 60'000},
                                         {"s", 1'000},
                                         {"ms", 1}}};

Status malformed(std::string_view text) {
  return {Code::InvalidArgument,
          "not a valid duration string: \"" + std::string(text) + "\" (write it like 30s, 5m or 1h30m)"};
}

}  // namespace

Result<std::int64_t> parse_duration_ms(std::string_view text) {
  if (text == "0") return std::int64_t{0};
  if (text.empty()) return Status(Code::InvalidArgument, "empty duration string");
  std::int64_t total = 0;
  std::size_t next_unit = 0;
  std::string_view rest = text;
  while (!rest.empty()) {
    std::int64_t count = 0;
    if (rest.front() < '0' || rest.front() > '9') return malformed(text);
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), count);
    if (error != std::errc{})
      return Status(Code::InvalidArgument, "duration out of range: \"" + std::string(text) + "\"");
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    std::size_t letters = 0;
    while (letters < rest.size() && (rest[letters] < '0' || rest[letters] > '9')) ++letters;
    const std::string_view name = rest.substr(0, letters);
    while (next_unit < kUnits.size() && kUnits[next_unit].name != name) ++next_unit;
    if (next_unit == kUnits.size()) return malformed(text);
    std::int64_t part = 0;
    if (__builtin_mul_overflow(count, kUnits[next_unit].ms, &part) ||
        __builtin_add_overflow(total, part, &total)) {
      return Status(Code::InvalidArgument, "duration out of range: \"" + std::string(text) + "\"");
    }
    ++next_unit;
    rest.remove_prefix(letters);
  }
  // Nanoseconds must fit too: the store counts in them.
  if (total > std::numeric_limits<std::int64_t>::max() / 1'000'000) {
    return Status(Code::InvalidArgument, "duration out of range: \"" + std::string(text) + "\"");
  }
  return total;
}

std::string format_duration_ms(std::int64_t ms) {
  if (ms == 0) return "0s";
  std::string out;
  if (ms < 0) {
    out = "-";
    ms = -ms;
  }
  for (const Unit& unit : kUnits) {
    const bool exact_only =
        unit.name == "y" || unit.name == "w";  // as Prometheus: only when nothing is left over
    if (exact_only ? ms % unit.ms != 0 || ms == 0 : ms < unit.ms) continue;
    out += std::to_string(ms / unit.ms);
    out += unit.name;
    ms %= unit.ms;
  }
  return out;
}

}  // namespace silverback
