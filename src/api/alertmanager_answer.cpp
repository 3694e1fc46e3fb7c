#include "api/alertmanager_answer.h"

#include "alerting/alerting.h"
#include "api/http_error.h"
#include "api/json.h"

namespace silverback::api {
namespace {

constexpr std::string_view kNotConfigured =
    "notifications are not configured: add the section \"notifications\" to the configuration file, with the "
    "route and receivers of an alertmanager.yml";

}  // namespace

void answer_failure(HttpResponse& response, int status, std::string_view message) {
  response.status = status;
  response.body.clear();
  append_json_string(response.body, message);
  response.body += '\n';
  add_retry_after(response, status);
}

void answer_failure(HttpResponse& response, const Status& failure) {
  answer_failure(response, write_status(failure.code()), failure.message());
}

void answer_refused(HttpResponse& response, int status, int code, std::string_view message) {
  response.status = status;
  response.body = R"({"code":)" + std::to_string(code) + ',';
  append_json_key(response.body, "message");
  append_json_string(response.body, message);
  response.body += "}\n";
}

void answer_query_failure(HttpResponse& response, const Status& failure) {
  if (failure.code() == Code::Unprocessable) return answer_refused(response, 422, 601, failure.message());
  answer_failure(response, 400, failure.message());
}

std::shared_ptr<notify::Notifier> find_notifier(Service& service, HttpResponse& response) {
  response.headers.emplace_back("Cache-Control", "no-store");
  const alerting::Alerting* alerting = service.context.alerting ? service.context.alerting() : nullptr;
  std::shared_ptr<notify::Notifier> notifier = alerting == nullptr ? nullptr : alerting->notifier();
  if (notifier == nullptr) answer_failure(response, 404, kNotConfigured);
  return notifier;
}

bool is_json(const HttpRequest& request, HttpResponse& response) {
  std::string_view type = request.header("Content-Type");
  type = type.substr(0, type.find(';'));
  while (type.ends_with(' ')) type.remove_suffix(1);
  if (equal_ignoring_case(type, "application/json")) return true;
  answer_refused(response, 415, 415,
                 "unsupported media type \"" + std::string(type) + "\", only [application/json] are allowed");
  return false;
}

}  // namespace silverback::api
