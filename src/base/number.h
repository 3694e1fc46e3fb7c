// Numbers as text: floats the way Go and so Prometheus prints them, RFC 3339 times.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace silverback {

/// Shortest text that reads back as the same double, never with an exponent: Go's
/// strconv.FormatFloat(v, 'f', -1, 64), which Prometheus' JSON uses. NaN, +Inf, -Inf.
void append_float(std::string& out, double v);
std::string format_float(double v);

/// Go's strconv.FormatFloat(v, 'g', -1, 64), which Prometheus' text exposition uses: the shortest digits,
/// with an exponent below 1e-4 and from 1e6 on ("4.1582592e+07").
void append_float_exponent(std::string& out, double v);

/// Reads all of `text` as Go's ParseFloat does: decimal, hexadecimal, "inf", "infinity", "nan" in any
/// case, underscores not allowed.
std::optional<double> parse_float(std::string_view text);

/// Milliseconds as seconds with up to three decimals: 1500 gives "1.5".
void append_seconds(std::string& out, std::int64_t ms);

/// RFC 3339 with any number of decimals and any zone. @returns Unix nanoseconds
std::optional<std::int64_t> parse_rfc3339_ns(std::string_view text);
std::string format_rfc3339(std::int64_t time_ns);

}  // namespace silverback
