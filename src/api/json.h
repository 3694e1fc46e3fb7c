// JSON out: labels and lists.
//
// Threads: any.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "model/labels.h"

namespace silverback::api {

/// {"__name__":"up","job":"x"}; without the metric name when `drop_name`.
void append_json_labels(std::string& out, const Labels& labels, bool drop_name = false);

/// ["a","b"]
void append_json_strings(std::string& out, const std::vector<std::string>& values);

}  // namespace silverback::api
