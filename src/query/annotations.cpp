#include "query/annotations.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "base/clock.h"
#include "base/number.h"

namespace silverback::query {
namespace {

using promql::PosRange;

std::string line_and_column(std::string_view text, PosRange place) {
  const std::string_view before = text.substr(0, std::min<std::size_t>(place.start, text.size()));
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const std::size_t last_break = before.rfind('\n');
  const std::size_t column =
      last_break == std::string_view::npos ? before.size() + 1 : before.size() - last_break;
  return std::to_string(line) + ":" + std::to_string(column);
}

std::string two_digits(double v) {
  char buffer[40];
  std::snprintf(buffer, sizeof buffer, "%.2g", v);
  return buffer;
}

}  // namespace

std::string format_g(double v) {
  if (!std::isfinite(v)) return format_float(v);
  char buffer[40];
  const bool exponent = v != 0 && (std::abs(v) < 1e-4 || std::abs(v) >= 1e6);
  const auto format = exponent ? std::chars_format::scientific : std::chars_format::fixed;
  return {buffer, std::to_chars(buffer, buffer + sizeof buffer, v, format).ptr};
}

Annotations::Entry& Annotations::entry(std::string message, bool warning, PosRange place) {
  const auto [it, added] = by_message_.try_emplace((warning ? "w" : "i") + message, entries_.size());
  if (added) entries_.push_back({std::move(message), warning, place, {}});
  Entry& entry = entries_[it->second];
  entry.place = place;
  return entry;
}

void Annotations::warn(std::string message, PosRange place) { entry(std::move(message), true, place); }
void Annotations::info(std::string message, PosRange place) { entry(std::move(message), false, place); }

void Annotations::forced_monotonicity(std::string_view metric_name, PosRange place, std::int64_t time_ms,
                                      double min_bucket, double max_bucket, double max_difference) {
  std::string message =
      "input to histogram_quantile needed to be fixed for monotonicity (see "
      "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)";
  if (!metric_name.empty()) message += " for metric name \"" + std::string(metric_name) + "\"";
  Forced& forced = entry(std::move(message), false, place).forced;
  if (forced.count++ == 0) {
    forced = {time_ms, time_ms, min_bucket, max_bucket, max_difference, 1};
    return;
  }
  forced.min_time_ms = std::min(forced.min_time_ms, time_ms);
  forced.max_time_ms = std::max(forced.max_time_ms, time_ms);
  forced.min_bucket = std::min(forced.min_bucket, min_bucket);
  forced.max_bucket = std::max(forced.max_bucket, max_bucket);
  forced.max_difference = std::max(forced.max_difference, max_difference);
}

void Annotations::render(std::string_view text, std::size_t limit, std::vector<std::string>& warnings,
                         std::vector<std::string>& infos) const {
  std::size_t omitted[2] = {0, 0};
  for (const Entry& e : entries_) {
    std::vector<std::string>& list = e.warning ? warnings : infos;
    if (list.size() >= limit) {
      ++omitted[e.warning ? 0 : 1];
      continue;
    }
    std::string line = (e.warning ? "PromQL warning: " : "PromQL info: ") + e.message;
    if (e.forced.count > 0) {
      const auto second = [](std::int64_t ms) { return format_rfc3339(floor_div(ms, 1000) * kNsPerSecond); };
      line += ", from buckets " + format_g(e.forced.min_bucket) + " to " + format_g(e.forced.max_bucket) +
              ", with a max diff of " + two_digits(e.forced.max_difference) + ", over " +
              std::to_string(e.forced.count) + " samples from " + second(e.forced.min_time_ms) + " to " +
              second(e.forced.max_time_ms);
    }
    list.push_back(line + " (" + line_and_column(text, e.place) + ")");
  }
  if (omitted[0] > 0) warnings.push_back(std::to_string(omitted[0]) + " more warning annotations omitted");
  if (omitted[1] > 0) infos.push_back(std::to_string(omitted[1]) + " more info annotations omitted");
}

}  // namespace silverback::query
