// /api/v1/rules, alerts, alertmanagers: as Prometheus answers them and Grafana's alerting pages read them.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "alerting/alerting.h"
#include "api/handlers.h"
#include "api/http_error.h"
#include "api/json.h"
#include "api/params.h"
#include "base/hash.h"
#include "base/number.h"
#include "query/engine.h"

namespace silverback::api::handlers {
namespace {

using alerting::Alert;
using alerting::RuleGroup;
using alerting::RuleView;

// Go's zero time: never.
constexpr std::string_view kNever = "0001-01-01T00:00:00Z";

std::string time_text(std::int64_t ms) {
  return ms == 0 ? std::string(kNever) : format_rfc3339(ms * kNsPerMs);
}

void append_text(std::string& out, std::string_view name, std::string_view value) {
  append_json_key(out, name);
  append_json_string(out, value);
}
void append_number(std::string& out, std::string_view name, double value) {
  append_json_key(out, name);
  append_float_exponent(out, value);
}
void append_pairs(std::string& out, std::string_view name, alerting::TextPairs pairs) {
  std::ranges::sort(pairs);
  append_json_key(out, name);
  append_json_pairs(out, pairs);
}

// "1e+00": Go's strconv.FormatFloat(v, 'e', -1, 64).
std::string scientific(double v) {
  if (!std::isfinite(v)) return format_float(v);
  char buffer[32];
  return {buffer, std::to_chars(buffer, buffer + sizeof buffer, v, std::chars_format::scientific).ptr};
}

void append_alert(std::string& out, const Alert& alert) {
  append_json_key(out += '{', "labels");
  append_json_labels(out, alert.labels);
  append_pairs(out += ',', "annotations", alert.annotations);
  append_text(out += ',', "state", to_string(alert.state));
  append_text(out += ',', "activeAt", time_text(alert.active_ms));
  if (alert.keep_firing_ms != 0) append_text(out += ',', "keepFiringSince", time_text(alert.keep_firing_ms));
  append_text(out += ',', "value", scientific(alert.value));
  out += '}';
}

// What an answer to /rules is restricted to.
struct Wanted {
  std::set<std::string, std::less<>> files;
  std::set<std::string, std::less<>> groups;
  std::set<std::string, std::less<>> names;
  std::vector<std::vector<Matcher>> matchers;
  bool alerting = true;
  bool recording = true;
  bool with_alerts = true;
  std::size_t group_limit = 0;
  std::string next_token;

  static Result<Wanted> from(const HttpRequest& request);
  bool wants(const RuleView& rule) const;
};

Result<Wanted> Wanted::from(const HttpRequest& request) {
  const auto params = Params::of(request);
  if (!params) return params.status();
  Wanted wanted;
  const auto take = [&](std::string_view name, std::set<std::string, std::less<>>& into) {
    for (std::string& value : params->all(name)) into.insert(std::move(value));
    for (std::string& value : params->all(std::string(name) + "[]")) into.insert(std::move(value));
  };
  take("file", wanted.files);
  take("rule_group", wanted.groups);
  take("rule_name", wanted.names);
  const std::string_view type = params->get("type");
  if (!type.empty() && type != "alert" && type != "record") {
    return Status(Code::InvalidArgument, "not supported value \"" + std::string(type) + "\"");
  }
  wanted.alerting = type != "record";
  wanted.recording = type != "alert";
  const std::string_view exclude = params->get("exclude_alerts");
  if (!exclude.empty() && exclude != "true" && exclude != "false" && exclude != "1" && exclude != "0") {
    return invalid_param("exclude_alerts", {Code::InvalidArgument,
                                            "\"" + std::string(exclude) + "\" is neither true nor false"});
  }
  wanted.with_alerts = exclude != "true" && exclude != "1";
  auto matchers = query::parse_selectors(params->all("match[]"));
  if (!matchers) return invalid_param("match[]", matchers.status());
  wanted.matchers = std::move(*matchers);
  if (const std::string_view limit = params->get("group_limit"); !limit.empty()) {
    const auto number = parse_float(limit);
    if (!number || *number < 1 || *number > 1e9 ||
        *number != static_cast<double>(static_cast<std::int64_t>(*number))) {
      return invalid_param("group_limit",
                           {Code::InvalidArgument, "group_limit needs to be a valid number greater than 0"});
    }
    wanted.group_limit = static_cast<std::size_t>(*number);
  }
  wanted.next_token = params->get("group_next_token");
  if (!wanted.next_token.empty() && wanted.group_limit == 0) {
    return invalid_param(
        "group_limit",
        {Code::InvalidArgument, "group_limit needs to be present in order to paginate over the groups"});
  }
  return wanted;
}

bool Wanted::wants(const RuleView& rule) const {
  if (rule.spec->alerting ? !alerting : !recording) return false;
  if (!names.empty() && !names.contains(rule.spec->name)) return false;
  if (matchers.empty()) return true;
  return std::ranges::any_of(matchers, [&](const std::vector<Matcher>& set) {
    return std::ranges::all_of(set, [&](const Matcher& matcher) {
      const auto& labels = rule.spec->labels;
      const auto it = std::ranges::find(labels, matcher.name(), &alerting::TextPairs::value_type::first);
      return matcher.matches(it == labels.end() ? std::string_view() : std::string_view(it->second));
    });
  });
}

void append_rule(std::string& out, const RuleView& rule, bool with_alerts) {
  const alerting::RuleSpec& spec = *rule.spec;
  out += '{';
  if (spec.alerting) append_text(out, "state", to_string(rule.state)), out += ',';
  append_text(out, "name", spec.name);
  append_text(out += ',', "query", spec.expr);
  if (spec.alerting) {
    append_number(out += ',', "duration", static_cast<double>(spec.for_ms) / 1000);
    append_number(out += ',', "keepFiringFor", static_cast<double>(spec.keep_firing_for_ms) / 1000);
  }
  if (spec.alerting || !spec.labels.empty()) append_pairs(out += ',', "labels", spec.labels);
  if (spec.alerting) {
    append_pairs(out += ',', "annotations", spec.annotations);
    append_json_key(out += ',', "alerts");
    char separator = '[';
    for (const Alert& alert : rule.alerts) {
      if (!with_alerts) break;
      append_alert(out += separator, alert);
      separator = ',';
    }
    out += separator == '[' ? "[]" : "]";
  }
  if (!spec.kafka_topic.empty()) append_text(out += ',', "kafkaTopic", spec.kafka_topic);
  append_text(out += ',', "health", to_string(rule.health));
  const bool ran = !rule.history.empty();
  if (ran && !rule.history.front().error.empty())
    append_text(out += ',', "lastError", rule.history.front().error);
  if (!rule.warning.empty()) append_text(out += ',', "lastWarning", rule.warning);
  append_number(out += ',', "evaluationTime", ran ? rule.history.front().duration_s : 0);
  append_text(out += ',', "lastEvaluation", time_text(ran ? rule.history.front().time_ms : 0));
  append_text(out += ',', "type", spec.alerting ? "alerting" : "recording");
  append_json_key(out += ',', "history");
  char separator = '[';
  for (const alerting::RuleEvaluation& evaluation : rule.history) {
    out += separator;
    append_text(out += '{', "time", time_text(evaluation.time_ms));
    append_number(out += ',', "duration", evaluation.duration_s);
    append_number(out += ',', "samples", static_cast<double>(evaluation.samples));
    if (!evaluation.error.empty()) append_text(out += ',', "error", evaluation.error);
    out += '}';
    separator = ',';
  }
  out += separator == '[' ? "[]}" : "]}";
}

void append_group(std::string& out, const RuleGroup& group, const std::vector<RuleView>& rules,
                  const Wanted& wanted) {
  append_text(out += '{', "name", group.spec().name);
  append_text(out += ',', "file", group.file());
  append_json_key(out += ',', "rules");
  char separator = '[';
  for (const RuleView& rule : rules) {
    append_rule(out += separator, rule, wanted.with_alerts);
    separator = ',';
  }
  out += separator == '[' ? "[]" : "]";
  const RuleGroup::LastRun run = group.last_run();
  append_number(out += ',', "interval", static_cast<double>(group.interval_ms()) / 1000);
  append_number(out += ',', "limit", static_cast<double>(group.spec().limit));
  append_number(out += ',', "evaluationTime", run.duration_s);
  append_text(out += ',', "lastEvaluation", time_text(run.time_ms));
  out += '}';
}

// Names a group so that a page of the list can begin with it.
std::string token_of(const RuleGroup& group) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx",
                static_cast<unsigned long long>(hash64(group.file() + '\n' + group.spec().name)));
  return text;
}

alerting::RuleManager::Groups groups_of(Service& service) {
  const alerting::Alerting* alerting = service.context.alerting ? service.context.alerting() : nullptr;
  return alerting == nullptr ? alerting::RuleManager::Groups() : alerting->groups();
}

}  // namespace

void rules(Service& service, const HttpRequest& request, HttpResponse& response) {
  const auto wanted = Wanted::from(request);
  if (!wanted) return answer_error(response, wanted.status());
  std::string& out = response.body;
  begin_success(out);
  append_json_key(out += '{', "groups");
  char separator = '[';
  std::size_t shown = 0;
  bool skipping = !wanted->next_token.empty();
  std::string next_token;
  for (const auto& group : groups_of(service)) {
    if (!wanted->files.empty() && !wanted->files.contains(group->file())) continue;
    if (!wanted->groups.empty() && !wanted->groups.contains(group->spec().name)) continue;
    if (skipping && token_of(*group) != wanted->next_token) continue;
    skipping = false;
    std::vector<RuleView> rules = group->view(wanted->with_alerts);
    std::erase_if(rules, [&](const RuleView& rule) { return !wanted->wants(rule); });
    if (rules.empty()) continue;
    if (wanted->group_limit != 0 && shown == wanted->group_limit) {
      next_token = token_of(*group);
      break;
    }
    append_group(out += separator, *group, rules, *wanted);
    separator = ',';
    ++shown;
  }
  out += separator == '[' ? "[]" : "]";
  if (!next_token.empty()) append_text(out += ',', "groupNextToken", next_token);
  out += '}';
  end_success(out);
}

void alerts(Service& service, const HttpRequest&, HttpResponse& response) {
  std::string& out = response.body;
  begin_success(out);
  append_json_key(out += '{', "alerts");
  char separator = '[';
  for (const auto& group : groups_of(service)) {
    for (const RuleView& rule : group->view(true)) {
      for (const Alert& alert : rule.alerts) {
        append_alert(out += separator, alert);
        separator = ',';
      }
    }
  }
  out += separator == '[' ? "[]}" : "]}";
  end_success(out);
}

void alertmanagers(Service& service, const HttpRequest&, HttpResponse& response) {
  std::string& out = response.body;
  begin_success(out);
  append_json_key(out += '{', "activeAlertmanagers");
  char separator = '[';
  const alerting::Alerting* alerting = service.context.alerting ? service.context.alerting() : nullptr;
  for (const std::string& url :
       alerting == nullptr ? std::vector<std::string>() : alerting->alertmanagers()) {
    out += separator;
    append_text(out += '{', "url", url);
    out += '}';
    separator = ',';
  }
  out += separator == '[' ? "[]" : "]";
  out += R"(,"droppedAlertmanagers":[]})";
  end_success(out);
}

}  // namespace silverback::api::handlers
