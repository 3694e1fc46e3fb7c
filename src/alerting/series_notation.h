// The series notation of rule unit tests: what a series holds, sample after sample.
//
//   1 2.5 -3        these values            1x3      1 four times (once, and three times more)
//   1+2x3           1 3 5 7                 1-2x3    1 -1 -3 -5
//   _               no sample               _x4      four times none
//   stale           the series ends         Inf NaN  as numbers
//
// Source: https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/#series
// Native histograms, {{schema:1 ...}}, are not supported.
//
// Threads: any.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "model/labels.h"

namespace silverback::alerting {

/// Values of one series may be so many.
inline constexpr std::size_t kMostValues = 1'000'000;

/// One per step, nothing where there is no sample.
/// @returns InvalidArgument with the character's number, what is wrong and what is understood
Result<std::vector<std::optional<double>>> parse_series_values(std::string_view text);

/// A metric as text: up{job="a"}, {__name__="up"}, {}; empty is without labels.
/// @returns InvalidArgument when it does not parse or has conditions other than =
Result<Labels> parse_metric(std::string_view text);

}  // namespace silverback::alerting
