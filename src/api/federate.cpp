// GET /federate: the newest sample of each selected series, as text.
//
// As Prometheus answers it: sorted by name, an empty `instance` where there is none, and nothing older
// than the look-back or ended by a stale marker.
#include <algorithm>
#include <map>

#include "api/handlers.h"
#include "api/http_error.h"
#include "api/params.h"
#include "api/selection.h"
#include "base/number.h"
#include "query/engine.h"

namespace silverback::api::handlers {
namespace {

struct Newest {
  Labels labels;
  std::int64_t time_ms = 0;
  double value = 0;
};

void append_label_value(std::string& out, std::string_view value) {
  out += '"';
  for (const char c : value) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  out += '"';
}

bool plain_name(std::string_view name, bool colon) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  return std::ranges::all_of(name, [colon](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (colon && c == ':');
  });
}

void append_line(std::string& out, const Newest& newest) {
  const std::string_view name = newest.labels.get(kMetricName);
  const bool plain = plain_name(name, true);
  if (plain) out += name;
  char separator = '{';
  if (!plain) {  // a UTF-8 name stands first between the braces
    append_label_value(out += separator, name);
    separator = ',';
  }
  bool instance = false;
  for (const LabelView label : newest.labels) {
    if (label.name == kMetricName) continue;
    instance |= label.name == "instance";
    out += separator;
    if (plain_name(label.name, false)) {
      out += label.name;
    } else {
      append_label_value(out, label.name);
    }
    append_label_value(out += '=', label.value);
    separator = ',';
  }
  if (!instance) {
    out += separator;
    out += R"(instance="")";
  }
  out += "} ";
  append_float_exponent(out, newest.value);
  out += ' ';
  out += std::to_string(newest.time_ms);
  out += '\n';
}

Status collect(Querier& querier, std::span<const Matcher> matchers, std::stop_token cancel,
               std::map<Labels, Newest>& found) {
  auto cursor = querier.select(matchers, {});
  if (!cursor) return cursor.status();
  Columns columns;
  while ((*cursor)->next()) {
    if (cancel.stop_requested()) return {Code::Cancelled, "the client left"};
    if (Status read = (*cursor)->read(columns); !read.ok()) return read;
    if (columns.times.empty() || is_stale(columns.floats.back())) continue;
    const Labels& labels = (*cursor)->labels();
    if (labels.get(kMetricName).empty()) continue;  // a line needs a name
    found.insert_or_assign(labels, Newest{labels, columns.times.back(), columns.floats.back()});
  }
  return {};
}

}  // namespace

void federate(Service& service, const HttpRequest& request, HttpResponse& response) {
  const auto params = Params::of(request);
  if (!params) return answer_error(response, params.status());
  auto selection = read_selection(service, *params);
  if (!selection) return answer_error(response, selection.status());
  const std::int64_t now_ms = floor_div(service.context.clock.now_ns(), kNsPerMs);
  const auto querier = service.context.queryable.querier(
      kDefaultTenant, range_of(now_ms - service.context.engine.options().lookback_ms + 1, now_ms));
  std::map<Labels, Newest> found;
  for (const auto& matchers : selection->selectors) {
    if (Status read = collect(*querier, matchers, request.cancel, found); !read.ok())
      return answer_error(response, read);
  }
  std::vector<const Newest*> sorted;
  for (const auto& [labels, newest] : found) sorted.push_back(&newest);
  std::ranges::stable_sort(sorted, {}, [](const Newest* newest) { return newest->labels.get(kMetricName); });

  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  std::string_view last;
  for (const Newest* newest : sorted) {
    const std::string_view name = newest->labels.get(kMetricName);
    if (name != last) {
      response.body += "# TYPE ";
      if (plain_name(name, true)) {
        response.body += name;
      } else {
        append_label_value(response.body, name);
      }
      response.body += " untyped\n";
      last = name;
    }
    append_line(response.body, *newest);
  }
}

}  // namespace silverback::api::handlers
