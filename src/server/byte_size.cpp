#include "server/byte_size.h"

#include <array>
#include <charconv>

namespace silverback::server {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t bytes;
};
// Largest first, and of two that fit the binary one: format_byte_size() takes the first that divides.
constexpr std::array<Unit, 9> kUnits = {{{"TiB", 1ULL << 40},
                                         {"TB", 1'000'000'000'000ULL},
                                         {"GiB", 1ULL << 30},
                                         {"GB", 1'000'000'000ULL},
                                         {"MiB", 1ULL << 20},
                                         {"MB", 1'000'000ULL},
                                         {"KiB", 1ULL << 10},
                                         {"KB", 1'000ULL},
                                         {"B", 1ULL}}};

Status malformed(std::string_view text, std::string_view why) {
  return {Code::InvalidArgument,
          "not a valid size: \"" + std::string(text) + "\" (" + std::string(why) + ")"};
}

__extension__ using Wide = unsigned __int128;

bool is_digit(char c) { return '0' <= c && c <= '9'; }

}  // namespace

Result<ByteSize> parse_byte_size(std::string_view text) {
  if (text == "0") return ByteSize{};
  std::size_t end = 0;
  while (end < text.size() && (is_digit(text[end]) || text[end] == '.')) ++end;
  const std::string_view number = text.substr(0, end);
  const std::string_view unit_name = text.substr(end);
  if (number.empty() || !is_digit(number.front()) || !is_digit(number.back())) {
    return malformed(text, "write a number and a unit, like 512MiB");
  }
  if (unit_name.empty()) return malformed(text, "it needs a unit: B, KB, MB, GB, TB or KiB, MiB, GiB, TiB");
  const Unit* unit = nullptr;
  for (const Unit& candidate : kUnits) {
    if (candidate.name == unit_name) unit = &candidate;
  }
  if (unit == nullptr) return malformed(text, "the unit is one of B, KB, MB, GB, TB, KiB, MiB, GiB, TiB");

  const std::size_t point = number.find('.');
  const std::string_view whole = number.substr(0, point);
  const std::string_view decimals = point == number.npos ? std::string_view{} : number.substr(point + 1);
  if (decimals.find('.') != decimals.npos) return malformed(text, "write a number and a unit, like 512MiB");
  std::uint64_t bytes = 0;
  const auto [stop, error] = std::from_chars(whole.data(), whole.data() + whole.size(), bytes);
  if (error != std::errc{} || stop != whole.data() + whole.size() ||
      __builtin_mul_overflow(bytes, unit->bytes, &bytes)) {
    return malformed(text, "larger than 16777215TiB");
  }
  if (decimals.empty()) return ByteSize{bytes};
  // The decimals as a fraction: 25 / 100 of a unit. 2^40 * 10^15 fits 128 bits with room to spare.
  if (decimals.size() > 15) return malformed(text, "more decimals than a size can use");
  Wide numerator = 0;
  Wide denominator = 1;
  for (const char digit : decimals) {
    if (!is_digit(digit)) return malformed(text, "write a number and a unit, like 512MiB");
    numerator = numerator * 10 + static_cast<unsigned>(digit - '0');
    denominator *= 10;
  }
  numerator *= unit->bytes;
  if (numerator % denominator != 0) return malformed(text, "not a whole number of bytes");
  if (__builtin_add_overflow(bytes, static_cast<std::uint64_t>(numerator / denominator), &bytes)) {
    return malformed(text, "larger than 16777215TiB");
  }
  return ByteSize{bytes};
}

std::string format_byte_size(ByteSize size) {
  if (size.bytes == 0) return "0";
  for (const Unit& unit : kUnits) {
    if (size.bytes % unit.bytes == 0) return std::to_string(size.bytes / unit.bytes) + std::string(unit.name);
  }
  return std::to_string(size.bytes) + "B";
}

}  // namespace silverback::server
