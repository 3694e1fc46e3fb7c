#include "alerting/notify/config_parts.h"

namespace silverback::notify {
namespace {

// Of integrations that are not here: read, so that an Alertmanager file needs no change.
constexpr std::string_view kUnused[] = {"pagerduty_url",          "opsgenie_api_url",
                                        "opsgenie_api_key",       "opsgenie_api_key_file",
                                        "wechat_api_url",         "wechat_api_secret",
                                        "wechat_api_secret_file", "wechat_api_corp_id",
                                        "victorops_api_url",      "victorops_api_key",
                                        "victorops_api_key_file", "telegram_api_url",
                                        "telegram_bot_token",     "telegram_bot_token_file",
                                        "webex_api_url",          "rocketchat_api_url",
                                        "rocketchat_token",       "rocketchat_token_file",
                                        "rocketchat_token_id",    "rocketchat_token_id_file",
                                        "mattermost_webhook_url", "mattermost_webhook_url_file",
                                        "jira_api_url",           "msteams_api_url"};

}  // namespace

std::vector<const yaml::Node*> text_items(yaml::Fields& fields, std::string_view name,
                                          const Reading& reading) {
  std::vector<const yaml::Node*> out;
  const yaml::Node* list = fields.list(name);
  if (list == nullptr) return out;
  for (const yaml::Node& item : list->items) {
    if (item.kind == yaml::Node::Kind::Scalar) {
      out.push_back(&item);
    } else {
      reading.problems.add(item, std::string(name) + ": expected a list of texts");
    }
  }
  return out;
}

void refuse(yaml::Fields& fields, std::string_view name, std::string_view remedy, const Reading& reading) {
  const yaml::Node* node = fields.any(name);
  if (node == nullptr || node->kind == yaml::Node::Kind::Null || node->text == "false") return;
  if (node->kind == yaml::Node::Kind::List && node->items.empty()) return;
  std::string text = std::string(name) + " is not supported here";
  if (!remedy.empty()) text += ": " + std::string(remedy);
  reading.problems.add(*node, text);
}

void at_most_one(yaml::Fields& fields, std::string_view a, std::string_view b) {
  const auto given = [&](std::string_view name) {
    const yaml::Node* node = fields.any(name);
    return node != nullptr && !node->text.empty();
  };
  if (given(a) && given(b)) {
    fields.problem("at most one of " + std::string(a) + " & " + std::string(b) + " must be configured");
  }
}

Globals read_globals(const yaml::Node& node, const Reading& reading) {
  Globals out;
  out.email.hello = "localhost";
  if (node.kind == yaml::Node::Kind::Null) return out;
  yaml::Fields fields(node, "global", reading.problems);
  fields.duration_ms("resolve_timeout", out.resolve_timeout_ms);
  alerting::read_http_config(fields, reading.folder, reading.problems, out.http);
  read_slack_access(fields, "slack_", reading, out.slack);
  read_mail_server(fields, "smtp_", reading, out.email);
  for (const std::string_view name : kUnused) fields.any(name);
  fields.done();
  return out;
}

}  // namespace silverback::notify
