// How a replay's report is written.
#include <algorithm>

#include "alerting/replay.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/number.h"

namespace silverback::alerting {
namespace {

std::string time_text(std::int64_t ms) { return format_rfc3339(ms * kNsPerMs); }

void append_text(std::string& out, std::string_view name, std::string_view value) {
  append_json_key(out, name);
  append_json_string(out, value);
}
// Null where there is no such time.
void append_time(std::string& out, std::string_view name, std::int64_t ms) {
  append_json_key(out, name);
  if (ms == 0) {
    out += "null";
  } else {
    append_json_string(out, time_text(ms));
  }
}

void append_alert(std::string& out, const ReplayedAlert& alert) {
  append_text(out += '{', "group", alert.group);
  append_json_key(out += ',', "labels");
  append_json_pairs(out, alert.labels);
  append_json_key(out += ',', "annotations");
  append_json_pairs(out, alert.annotations);
  append_text(out += ',', "value", format_float(alert.value));
  append_time(out += ',', "activeAt", alert.active_ms);
  append_time(out += ',', "firedAt", alert.fired_ms);
  append_time(out += ',', "resolvedAt", alert.resolved_ms);
  out += '}';
}

void append_count(std::string& out, std::string_view name, std::uint64_t count) {
  append_json_key(out, name);
  out += std::to_string(count);
}

std::string counted(std::uint64_t n, const std::string& what) {
  return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
}

}  // namespace

std::string to_json(const ReplayReport& report) {
  std::string out = "{";
  append_text(out, "from", time_text(report.from_ms));
  append_text(out += ',', "to", time_text(report.to_ms));
  append_count(out += ',', "evaluations", report.evaluations);
  append_count(out += ',', "samples", report.samples);
  append_count(out += ',', "written", report.written);
  append_json_key(out += ',', "alerts");
  char separator = '[';
  for (const ReplayedAlert& alert : report.alerts) {
    append_alert(out += separator, alert);
    separator = ',';
  }
  if (separator == '[') out += '[';
  append_json_key(out += "],", "problems");
  separator = '[';
  for (const ReplayProblem& problem : report.problems) {
    append_text((out += separator) += '{', "group", problem.group);
    append_text(out += ',', "rule", problem.rule);
    append_text(out += ',', "error", problem.error);
    append_time(out += ',', "firstAt", problem.first_ms);
    append_count(out += ',', "count", problem.count);
    out += '}';
    separator = ',';
  }
  if (separator == '[') out += '[';
  return out + "]}";
}

std::string to_text(const ReplayReport& report) {
  std::string out;
  for (const ReplayedAlert& alert : report.alerts) {
    out += alert.labels.to_string() + "\n";
    out += "    active " + time_text(alert.active_ms);
    if (alert.fired_ms == 0) {
      out += ", still pending";
    } else {
      out += ", fired " + time_text(alert.fired_ms);
      out += alert.resolved_ms == 0 ? ", still firing" : ", resolved " + time_text(alert.resolved_ms);
    }
    out += "\n";
  }
  for (const ReplayProblem& problem : report.problems) {
    out += "FAILED " + problem.group + ", " + problem.rule + ": " + counted(problem.count, "time") +
           ", first at " + time_text(problem.first_ms) + ": " + problem.error + "\n";
  }
  const auto fired = static_cast<std::uint64_t>(
      std::ranges::count_if(report.alerts, [](const ReplayedAlert& alert) { return alert.fired_ms != 0; }));
  out += time_text(report.from_ms) + " to " + time_text(report.to_ms) + ": " +
         counted(report.evaluations, "evaluation") + ", " + counted(report.samples, "sample") + ", " +
         std::to_string(report.written) + " written, " + counted(fired, "alert") + " fired\n";
  return out;
}

}  // namespace silverback::alerting
