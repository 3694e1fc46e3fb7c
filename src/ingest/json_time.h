// read_json_time: the time of a sample, as a number in a known or a guessed unit.
//
// Decimals are exact to the nanosecond; with an exponent it is the nearest double.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/status.h"
#include "ingest/write.h"

namespace silverback::ingest {

/// @param text  all of it is the number
/// @returns InvalidArgument when it is no number, OutOfBounds when it is outside the years 1677 to 2262
Status read_json_time(std::string_view text, JsonTimeUnit unit, std::int64_t& time_ns);

}  // namespace silverback::ingest
