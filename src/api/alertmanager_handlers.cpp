// /api/v2/status, receivers, alerts, alerts/groups: Alertmanager's API v2, for amtool, Grafana's Alertmanager
// data source and those who post alerts. The same below /alertmanager/.
#include <algorithm>
#include <utility>

#include "api/alertmanager_answer.h"
#include "api/alertmanager_json.h"
#include "api/alertmanager_query.h"
#include "api/handlers.h"
#include "api/json.h"
#include "api/posted.h"

namespace silverback::api::handlers {
namespace {

using notify::AlertView;
using notify::GroupView;
using notify::Notifier;

// The Alertmanager whose API is answered here, for clients that choose by version.
constexpr std::string_view kAlertmanagerVersion = "0.34.0";

void append_text(std::string& out, std::string_view name, std::string_view value) {
  append_json_key(out, name);
  append_json_string(out, value);
}

void get_alerts(const HttpRequest& request, HttpResponse& response, const Notifier& notifier) {
  const auto wanted = AlertQuery::from(request);
  if (!wanted) return answer_query_failure(response, wanted.status());
  std::vector<std::pair<std::uint64_t, AlertView>> alerts;
  for (AlertView& alert : notifier.alerts()) {
    if (wanted->wants(alert)) alerts.emplace_back(notify::fingerprint(alert.alert.labels), std::move(alert));
  }
  std::ranges::sort(alerts, {}, [](const auto& alert) { return alert.first; });
  answer_list(response, std::move(alerts),
              [](std::string& out, const auto& alert) { append_alert_json(out, alert.second); });
}

void post_alerts(Service& service, const HttpRequest& request, HttpResponse& response, Notifier& notifier) {
  if (!is_json(request, response)) return;
  auto posted = read_alerts(request.body);
  if (!posted) return answer_refused(response, 400, 400, posted.status().message());
  const std::int64_t now_ns = service.context.clock.now_ns();
  const auto resolved = static_cast<std::uint64_t>(
      std::ranges::count_if(posted->good, [&](const auto& alert) { return alert.resolved_at(now_ns); }));
  service.alerts.resolved.add(resolved);
  service.alerts.firing.add(posted->good.size() - resolved);
  service.alerts.invalid.add(posted->bad);
  if (!posted->good.empty()) {
    if (Status taken = notifier.post(std::move(posted->good)); !taken.ok())
      return answer_failure(response, taken);
  }
  if (posted->bad != 0) answer_failure(response, 400, posted->problems);
}

}  // namespace

void alertmanager_status(Service& service, const HttpRequest&, HttpResponse& response) {
  const auto notifier = find_notifier(service, response);
  if (notifier == nullptr) return;
  const BuildInfo& build = service.context.build;
  std::string& out = response.body;
  out += R"({"cluster":{"peers":[],"status":"disabled"},"config":{)";
  append_text(out, "original", notifier->config_text());
  append_json_key(out += "},", "uptime");
  append_json_time(out, notifier->started_ns());
  append_text(out += R"(,"versionInfo":{)", "branch", build.branch);
  append_text(out += ',', "buildDate", build.build_date);
  append_text(out += ',', "buildUser", "");
  append_text(out += ',', "goVersion", "");
  append_text(out += ',', "revision", build.revision);
  append_text(out += ',', "version", kAlertmanagerVersion);
  out += "}}\n";
}

void alertmanager_receivers(Service& service, const HttpRequest& request, HttpResponse& response) {
  const auto notifier = find_notifier(service, response);
  if (notifier == nullptr) return;
  const auto wanted = ReceiverQuery::from(request);
  if (!wanted) return answer_query_failure(response, wanted.status());
  answer_list(response, wanted->any ? notifier->receivers() : std::vector<std::string>(),
              [](std::string& out, const std::string& name) {
                append_text(out += '{', "name", name);
                out += '}';
              });
}

void alertmanager_alerts(Service& service, const HttpRequest& request, HttpResponse& response) {
  const auto notifier = find_notifier(service, response);
  if (notifier == nullptr) return;
  if (request.method == Method::Post) return post_alerts(service, request, response, *notifier);
  get_alerts(request, response, *notifier);
}

void alertmanager_groups(Service& service, const HttpRequest& request, HttpResponse& response) {
  const auto notifier = find_notifier(service, response);
  if (notifier == nullptr) return;
  const auto wanted = AlertQuery::from(request);
  if (!wanted) return answer_query_failure(response, wanted.status());
  std::vector<GroupView> groups = notifier->groups();
  std::erase_if(groups, [&](GroupView& group) { return !wanted->trim(group); });
  answer_list(response, std::move(groups), append_group_json);
}

void alertmanager_ready(Service& service, const HttpRequest& request, HttpResponse& response) {
  if (find_notifier(service, response) != nullptr) return ready(service, request, response);
  response.status = 503;
}

}  // namespace silverback::api::handlers
