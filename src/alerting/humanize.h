// Numbers for people, as Prometheus' templates print them.
// Source: https://prometheus.io/docs/prometheus/latest/configuration/template_reference/#numbers
//
// Threads: any.
#pragma once

#include <string>

namespace silverback::alerting {

/// %.4g; NaN, +Inf, -Inf.
std::string four_digits(double v);
/// "1.235k", "12.35m": metric prefixes.
std::string humanize(double v);
/// "12.35Mi": powers of 1024.
std::string humanize1024(double v);
/// "1h 2m 3s", "12.35ms".
std::string humanize_duration(double seconds);

}  // namespace silverback::alerting
