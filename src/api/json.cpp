#include "api/json.h"

namespace silverback::api {

void append_json_labels(std::string& out, const Labels& labels, bool drop_name) {
  char separator = '{';
  for (const LabelView label : labels) {
    if (drop_name && label.name == kMetricName) continue;
    out += separator;
    append_json_key(out, label.name);
    append_json_string(out, label.value);
    separator = ',';
  }
  out += separator == '{' ? "{}" : "}";
}

void append_json_strings(std::string& out, const std::vector<std::string>& values) {
  char separator = '[';
  for (const std::string& value : values) {
    out += separator;
    append_json_string(out, value);
    separator = ',';
  }
  out += separator == '[' ? "[]" : "]";
}

}  // namespace silverback::api
