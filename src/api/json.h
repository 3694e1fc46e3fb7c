// JSON out: strings and a few shapes. There is no tree; answers are written front to back.
//
// Threads: any.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "model/labels.h"

namespace silverback::api {

/// Quoted; control characters, quotes and backslashes escaped, and each byte that is not part of valid
/// UTF-8 written as U+FFFD. `<`, `>` and `&` are escaped too, so that an answer shown as HTML stays text.
void append_json_string(std::string& out, std::string_view text);

/// {"__name__":"up","job":"x"}; without the metric name when `drop_name`.
void append_json_labels(std::string& out, const Labels& labels, bool drop_name = false);

/// ["a","b"]
void append_json_strings(std::string& out, const std::vector<std::string>& values);

/// "name":
void append_json_key(std::string& out, std::string_view name);

}  // namespace silverback::api
