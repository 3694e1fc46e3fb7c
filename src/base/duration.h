// Durations as Prometheus writes them: 1y2w3d4h5m6s7ms, units in that order, each at most once.
// Source: https://prometheus.io/docs/prometheus/latest/querying/basics/#time-durations
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace silverback {

/// @returns milliseconds; InvalidArgument names the text and what was expected
Result<std::int64_t> parse_duration_ms(std::string_view text);

/// The shortest exact form, "0s" for zero: 90'000 gives "1m30s".
std::string format_duration_ms(std::int64_t ms);

}  // namespace silverback
