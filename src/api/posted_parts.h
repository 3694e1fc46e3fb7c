// What alerts and silences have in common when they are read: times, texts, label sets.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/json_reader.h"

namespace silverback::api {

inline constexpr JsonReader::Limits kPostedLimits{.max_bytes = 64 << 20, .max_depth = 16};

using PostedPairs = std::map<std::string, std::string, std::less<>>;

/// RFC 3339; null, an empty text and the year 1 are 0.
Result<std::int64_t> read_time(JsonValue& value);
/// null leaves `out` as it is.
Status read_text(JsonValue& value, std::string& out);
/// The last of a name counts.
Status read_pairs(JsonValue& object, PostedPairs& pairs);

}  // namespace silverback::api
