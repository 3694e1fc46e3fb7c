// CRC-32C (Castagnoli, RFC 3720 appendix B.4), with the SSE 4.2 instruction where there is one.
#pragma once

#include <cstdint>
#include <string_view>

namespace silverback {

/// The checksum of `bytes`, or of what `seed` is the checksum of followed by `bytes`.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t seed = 0);

}  // namespace silverback
