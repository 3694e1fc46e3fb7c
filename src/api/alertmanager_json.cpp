#include "api/alertmanager_json.h"

#include "api/json.h"
#include "base/clock.h"
#include "base/number.h"

namespace silverback::api {
namespace {

using notify::AlertView;

void append_pairs(std::string& out, std::string_view name, const notify::TextPairs& pairs) {
  append_json_key(out, name);
  append_json_pairs(out, pairs);
}

void append_list(std::string& out, std::string_view name, const std::vector<std::string>& values) {
  append_json_key(out, name);
  append_json_strings(out, values);
}

void append_time(std::string& out, std::string_view name, std::int64_t time_ns) {
  append_json_key(out, name);
  append_json_time(out, time_ns);
}

void append_receiver(std::string& out, std::string_view name) {
  append_json_key(out += '{', "name");
  append_json_string(out, name);
  out += '}';
}

std::string_view to_string(AlertView::State state) {
  switch (state) {
    case AlertView::State::Unprocessed: return "unprocessed";
    case AlertView::State::Active: return "active";
    case AlertView::State::Suppressed: return "suppressed";
  }
  return "";
}

void append_matcher(std::string& out, const Matcher& matcher) {
  const bool equal = matcher.op() == MatchOp::Equal || matcher.op() == MatchOp::Regex;
  const bool regex = matcher.op() == MatchOp::Regex || matcher.op() == MatchOp::NotRegex;
  out += equal ? R"({"isEqual":true,"isRegex":)" : R"({"isEqual":false,"isRegex":)";
  out += regex ? "true," : "false,";
  append_json_key(out, "name");
  append_json_string(out, matcher.name());
  append_json_key(out += ',', "value");
  append_json_string(out, matcher.value());
  out += '}';
}

}  // namespace

void append_json_time(std::string& out, std::int64_t time_ns) {
  const std::int64_t ms = floor_div(time_ns, kNsPerMs);
  const std::int64_t seconds = floor_div(ms, 1000);
  const auto part = static_cast<int>(ms - seconds * 1000);
  std::string text = format_rfc3339(seconds * kNsPerSecond);
  text.pop_back();  // Z
  out += '"';
  out += text;
  const char decimals[] = {'.', static_cast<char>('0' + part / 100), static_cast<char>('0' + part / 10 % 10),
                           static_cast<char>('0' + part % 10)};
  out.append(decimals, sizeof decimals);
  out += "Z\"";
}

void append_alert_json(std::string& out, const AlertView& view) {
  const notify::NotifiedAlert& alert = view.alert;
  append_pairs(out += '{', "annotations", alert.annotations);
  append_time(out += ',', "endsAt", alert.ends_ns);
  out += R"(,"fingerprint":")" + notify::fingerprint_text(alert.labels) + '"';
  append_json_key(out += ',', "receivers");
  char separator = '[';
  for (const std::string& receiver : view.receivers) {
    append_receiver(out += separator, receiver);
    separator = ',';
  }
  out += separator == '[' ? "[]" : "]";
  append_time(out += ',', "startsAt", alert.starts_ns);
  append_list(out += R"(,"status":{)", "inhibitedBy", view.inhibited_by);
  append_list(out += ',', "mutedBy", view.muted_by);
  append_list(out += ',', "silencedBy", view.silenced_by);
  out += R"(,"state":")";
  out += to_string(view.state);
  append_time(out += "\"},", "updatedAt", alert.updated_ns);
  if (!alert.generator_url.empty()) {
    append_json_key(out += ',', "generatorURL");
    append_json_string(out, alert.generator_url);
  }
  append_json_key(out += ',', "labels");
  append_json_labels(out, alert.labels);
  out += '}';
}

void append_group_json(std::string& out, const notify::GroupView& group) {
  append_json_key(out += '{', "alerts");
  char separator = '[';
  for (const AlertView& alert : group.alerts) {
    append_alert_json(out += separator, alert);
    separator = ',';
  }
  out += separator == '[' ? "[]" : "]";
  append_json_key(out += ',', "labels");
  append_json_labels(out, group.labels);
  append_json_key(out += ',', "receiver");
  append_receiver(out, group.receiver);
  out += R"(,"routeLabels":{}})";
}

void append_silence_json(std::string& out, const notify::Silence& silence, std::int64_t now_ns) {
  append_json_key(out += '{', "id");
  append_json_string(out, silence.id);
  out += R"(,"status":{"state":")";
  out += notify::to_string(silence.state_at(now_ns));
  append_time(out += "\"},", "updatedAt", silence.updated_ns);
  append_pairs(out += ',', "annotations", silence.annotations);
  append_json_key(out += ',', "comment");
  append_json_string(out, silence.comment);
  append_json_key(out += ',', "createdBy");
  append_json_string(out, silence.created_by);
  append_time(out += ',', "endsAt", silence.ends_ns);
  append_json_key(out += ',', "matchers");
  char separator = '[';
  for (const Matcher& matcher : silence.matchers) {
    append_matcher(out += separator, matcher);
    separator = ',';
  }
  out += separator == '[' ? "[]" : "]";
  append_time(out += ',', "startsAt", silence.starts_ns);
  out += '}';
}

}  // namespace silverback::api
