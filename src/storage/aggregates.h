// Aggregates of a column of values, as a chunk's header keeps them (chunk.h says what may be answered from
// them).
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <span>

#include "storage/chunk.h"
#include "storage/simd.h"

namespace silverback::storage {

/// Fills stale, has_nan and aggregates of a header with type and count. @param bits of a numeric or bool
/// column
void aggregate(Simd simd, std::span<const std::uint64_t> bits, ChunkHeader& header);

}  // namespace silverback::storage
