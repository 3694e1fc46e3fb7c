#include "alerting/humanize.h"

#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string_view>

namespace silverback::alerting {
namespace {

// Below one: m, u, n, ...
std::string with_small_prefix(double v) {
  std::string_view prefix;
  for (const std::string_view p : {"m", "u", "n", "p", "f", "a", "z", "y"}) {
    if (std::fabs(v) >= 1) break;
    prefix = p;
    v *= 1000;
  }
  return four_digits(v) + std::string(prefix);
}

std::string with_large_prefix(double v, double base, std::span<const std::string_view> prefixes) {
  std::string_view prefix;
  for (const std::string_view p : prefixes) {
    if (std::fabs(v) < base) break;
    prefix = p;
    v /= base;
  }
  return four_digits(v) + std::string(prefix);
}

}  // namespace

std::string four_digits(double v) {
  if (std::isnan(v)) return "NaN";
  if (std::isinf(v)) return v > 0 ? "+Inf" : "-Inf";
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.4g", v);
  return buffer;
}

std::string humanize(double v) {
  constexpr std::array<std::string_view, 8> kPrefixes = {"k", "M", "G", "T", "P", "E", "Z", "Y"};
  if (v == 0 || std::isnan(v) || std::isinf(v)) return four_digits(v);
  return std::fabs(v) >= 1 ? with_large_prefix(v, 1000, kPrefixes) : with_small_prefix(v);
}

std::string humanize1024(double v) {
  constexpr std::array<std::string_view, 8> kPrefixes = {"ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"};
  if (std::fabs(v) <= 1 || std::isnan(v) || std::isinf(v)) return four_digits(v);
  return with_large_prefix(v, 1024, kPrefixes);
}

std::string humanize_duration(double v) {
  if (std::isnan(v) || std::isinf(v)) return four_digits(v);
  if (v == 0) return "0s";
  if (std::fabs(v) < 1) return with_small_prefix(v) + "s";
  const std::string sign = v < 0 ? "-" : "";
  v = std::fabs(v);
  if (v >= 0x1p63) return sign + four_digits(v) + "s";
  const auto whole = static_cast<std::int64_t>(v);
  const std::int64_t days = whole / 86'400;
  const std::int64_t hours = whole / 3600 % 24;
  const std::int64_t minutes = whole / 60 % 60;
  if (whole < 60) return sign + four_digits(v) + "s";
  std::string out = sign;
  if (days != 0) out += std::to_string(days) + "d ";
  if (days != 0 || hours != 0) out += std::to_string(hours) + "h ";
  return out + std::to_string(minutes) + "m " + std::to_string(whole % 60) + "s";
}

}  // namespace silverback::alerting
