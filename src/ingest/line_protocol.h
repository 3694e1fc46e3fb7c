// The grammar of InfluxDB's line protocol, piece by piece.
//
//   measurement[,tag=value...] field=value[,field=value...] [timestamp]
//
// A separator is escaped when the byte before it is a backslash. Quotes mean something only around the value
// of a field; a newline inside them belongs to the string. Errors are InfluxDB's words.
//
// Sources: https://docs.influxdata.com/influxdb/v1/write_protocols/line_protocol_reference/ and answers
// recorded from InfluxDB 1.6.7. A carriage return before the newline is taken as part of the line's end,
// which 1.x does not do.
//
// Threads: functions of their arguments.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "model/labels.h"
#include "model/sample.h"

namespace silverback::ingest::line {

/// InfluxDB's range of times.
inline constexpr std::int64_t kMinTimeNs = std::numeric_limits<std::int64_t>::min() + 2;
inline constexpr std::int64_t kMaxTimeNs = std::numeric_limits<std::int64_t>::max() - 1;

/// The value of a field. `text` is a string's bytes between the quotes, escapes as they stand; `bits` is as
/// in Batch for the other types.
struct Value {
  ValueType type = ValueType::Float64;
  bool escaped = false;  // the text holds a backslash
  std::uint64_t bits = 0;
  std::string_view text;
};

/// The first blank or newline in [p, end), or end.
using BlankFinder = const char* (*)(const char* p, const char* end);
/// The quickest that the processor has.
BlankFinder blank_finder();

/// Reads the value that begins at `p`. @returns the position after it, or null and InfluxDB's words in
/// `error`
const char* read_value(const char* p, const char* end, Value& value, std::string& error);

/// True at the end of a value: comma, blank, newline, the end, or a carriage return before one of the last
/// two.
inline bool at_value_end(const char* p, const char* end) {
  if (p == end) return true;
  if (*p == ',' || *p == ' ' || *p == '\n') return true;
  return *p == '\r' && (p + 1 == end || p[1] == '\n');
}

/// Where the line that holds `at`, its beginning, ends: at its newline, or at the end of the body.
std::size_t line_end(std::string_view body, std::size_t at);

/// The size of a line's key: everything before the first unescaped blank.
std::size_t key_end(std::string_view line);

/// The position of the first unescaped '=' after `p`: the end of a field's key.
/// @returns null and InfluxDB's words when there is no key or no '='
const char* find_key_end(const char* p, const char* end, const char*& error);

/// Measurement and tags, raw: everything before the first unescaped blank. Names and values are as they
/// stand.
/// @returns InvalidArgument: missing measurement, missing tag key, missing tag value, invalid tag format
Status split_key(std::string_view key, std::string_view& measurement, std::vector<LabelView>& tags);

/// `text` without the backslashes before any of `special`. The text itself when it has none, else a view into
/// `storage`, whose capacity must be large enough already.
std::string_view unescape(std::string_view text, std::string_view special, std::string& storage);
inline constexpr std::string_view kMeasurementEscapes = ", ";
inline constexpr std::string_view kTagEscapes = ", =";
inline constexpr std::string_view kFieldEscapes = ",\" =";
inline constexpr std::string_view kStringEscapes = "\"\\";

/// float, integer, unsigned, boolean, string
std::string_view type_name(ValueType type);

}  // namespace silverback::ingest::line
