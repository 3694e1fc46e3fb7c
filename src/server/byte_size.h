// ByteSize: an amount of memory or disk as an operator writes it, with a unit.
//
//   512MiB is 512 * 1024 * 1024, 512MB is 512 * 1000 * 1000; a bare number is refused, because half of its
//   readers would take it for something else. "0" needs no unit.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace silverback::server {

struct ByteSize {
  std::uint64_t bytes = 0;
  friend auto operator<=>(const ByteSize&, const ByteSize&) = default;
};

/// Units: B, KB, MB, GB, TB, KiB, MiB, GiB, TiB, in just this spelling. Decimals are taken where the result
/// is a whole number of bytes ("1.5GiB").
/// @returns InvalidArgument with the text and what is understood
Result<ByteSize> parse_byte_size(std::string_view text);

/// The shortest exact form: 2GiB, 1500KB, 17B; "0" for nothing.
std::string format_byte_size(ByteSize size);

}  // namespace silverback::server
