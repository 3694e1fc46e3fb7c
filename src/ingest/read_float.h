// read_float: a number as exporters write it, quickly.
//
// Threads: any.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "base/number.h"
#include "ingest/line_scan.h"

namespace silverback::ingest {

/// All of `text`: short decimals exactly by one division; everything else as Go reads it.
inline bool read_float(std::string_view text, double& value) {
  const char* const end = text.data() + text.size();
  const char* p = text.data();
  const bool negative = p != end && *p == '-';
  if (negative) ++p;
  unsigned count = 0;
  unsigned decimals = 0;
  std::uint64_t mantissa = line::read_digits(p, end, count);
  p += std::min<std::ptrdiff_t>(count, end - p);
  if (count > 0 && count <= 15 && p != end && *p == '.') {
    const std::uint64_t fraction = line::read_digits(p + 1, end, decimals);
    if (count + decimals <= 15) {
      mantissa = mantissa * line::kPowersOf10[decimals] + fraction;
      p += 1 + decimals;
    }
  }
  if (p == end && count > 0 && count + decimals <= 15) {
    value = static_cast<double>(mantissa) / line::kExactPowersOf10[decimals];
    if (negative) value = -value;
    return true;
  }
  const auto any = parse_float(text);
  if (any) value = *any;
  return any.has_value();
}

}  // namespace silverback::ingest
