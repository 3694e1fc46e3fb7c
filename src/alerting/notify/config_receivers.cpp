#include <algorithm>
#include <utility>

#include "alerting/notify/config_parts.h"
#include "query/promql/text.h"

namespace silverback::notify {
namespace {

// Alertmanager's that are not here.
constexpr std::string_view kUnsupported[] = {"discord_configs",    "incidentio_configs", "jira_configs",
                                             "mattermost_configs", "msteams_configs",    "msteamsv2_configs",
                                             "opsgenie_configs",   "pagerduty_configs",  "pushover_configs",
                                             "rocketchat_configs", "sns_configs",        "telegram_configs",
                                             "victorops_configs",  "webex_configs",      "wechat_configs"};

void read_signature(const yaml::Node& node, const Reading& reading, WebhookSpec& out) {
  yaml::Fields fields(node, "signature", reading.problems);
  fields.text("secret", out.signature_secret);
  fields.text("secret_file", out.signature_secret_file);
  fields.text("header", out.signature_header);
  at_most_one(fields, "secret", "secret_file");
  fields.done();
  out.signature_secret_file = alerting::from_folder(reading.folder, out.signature_secret_file);
  if (out.signature_secret.empty() && out.signature_secret_file.empty()) {
    fields.problem("one of secret and secret_file must be configured");
  }
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  if (out.signature_header.empty() || !std::ranges::all_of(out.signature_header, fits)) {
    fields.problem("header: " + query::promql::quote(out.signature_header) + " is not the name of a header");
  }
}

IntegrationSpec read_webhook(const yaml::Node& node, const Globals& globals, const Reading& reading) {
  IntegrationSpec integration;
  WebhookSpec out;
  out.http = globals.http;
  yaml::Fields fields(node, "webhook_configs", reading.problems);
  fields.boolean("send_resolved", integration.send_resolved);
  fields.text("url", out.url);
  fields.text("url_file", out.url_file);
  out.url_file = alerting::from_folder(reading.folder, out.url_file);
  at_most_one(fields, "url", "url_file");
  std::int64_t most = 0;
  if (fields.whole("max_alerts", most, 0, 1'000'000'000)) out.max_alerts = static_cast<std::uint64_t>(most);
  fields.duration_ms("timeout", out.timeout_ms);
  alerting::read_http_config(fields, reading.folder, reading.problems, out.http);
  if (const yaml::Node* signature = fields.map("signature")) read_signature(*signature, reading, out);
  refuse(fields, "payload", "the body is Alertmanager's", reading);
  fields.done();
  if (out.url.empty() && out.url_file.empty()) fields.problem("one of url or url_file must be configured");
  if (!out.url.empty() && out.url.find("{{") == out.url.npos) {
    if (const std::string why = alerting::wrong_url(out.url); !why.empty()) fields.problem("url: " + why);
  }
  integration.what = std::move(out);
  return integration;
}

}  // namespace

std::string_view IntegrationSpec::kind() const {
  constexpr std::string_view kKinds[] = {"webhook", "slack", "email", "kafka"};
  return kKinds[what.index()];
}

ReceiverSpec read_receiver(const yaml::Node& node, const Globals& globals, Names& named,
                           const Reading& reading) {
  ReceiverSpec out;
  yaml::Fields fields(node, "receivers", reading.problems);
  fields.text("name", out.name);
  if (out.name.empty()) {
    fields.problem("missing name in receiver");
  } else if (!named.insert(out.name).second) {
    fields.problem("notification config name " + query::promql::quote(out.name) + " is not unique");
  }
  const auto each = [&](std::string_view name, auto read) {
    const yaml::Node* list = fields.list(name);
    if (list == nullptr) return;
    std::uint32_t index = 0;
    for (const yaml::Node& item : list->items) {
      out.integrations.push_back(read(item, globals, reading));
      out.integrations.back().index = index++;
    }
  };
  // The order in which Alertmanager has them.
  each("webhook_configs", read_webhook);
  each("email_configs", read_email);
  each("slack_configs", read_slack);
  each("kafka_configs", read_kafka);
  for (const std::string_view name : kUnsupported) refuse(fields, name, "use webhook_configs", reading);
  fields.any("labels");  // for filters of Alertmanager's API
  fields.done();
  return out;
}

}  // namespace silverback::notify
