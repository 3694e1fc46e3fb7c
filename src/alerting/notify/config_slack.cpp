// slack_configs.
#include <utility>

#include "alerting/notify/config_parts.h"

namespace silverback::notify {
namespace {

constexpr std::string_view kAppUrl = "https://slack.com/api/chat.postMessage";

void check_url(yaml::Fields& fields, const std::string& name, const std::string& url) {
  if (url.empty()) return;
  if (const std::string why = alerting::wrong_url(url); !why.empty()) fields.problem(name + ": " + why);
}

SlackField read_field(const yaml::Node& node, const Reading& reading) {
  SlackField out;
  yaml::Fields fields(node, "fields", reading.problems);
  fields.text("title", out.title);
  fields.text("value", out.value);
  bool is_short = false;
  if (fields.boolean("short", is_short)) out.is_short = is_short;
  fields.done();
  if (out.title.empty()) fields.problem("missing title in Slack field configuration");
  if (out.value.empty()) fields.problem("missing value in Slack field configuration");
  return out;
}

SlackAction read_action(const yaml::Node& node, const Reading& reading) {
  SlackAction out;
  yaml::Fields fields(node, "actions", reading.problems);
  fields.text("type", out.type);
  fields.text("text", out.text);
  fields.text("url", out.url);
  fields.text("style", out.style);
  fields.text("name", out.name);
  fields.text("value", out.value);
  refuse(fields, "confirm", "Slack takes it from buttons with a name, whose clicks need a server of yours",
         reading);
  fields.done();
  if (out.type.empty()) fields.problem("missing type in Slack action configuration");
  if (out.text.empty()) fields.problem("missing text in Slack action configuration");
  if (out.url.empty() && out.name.empty()) {
    fields.problem("missing name or url in Slack action configuration");
  }
  if (!out.url.empty()) {  // a link, which has neither
    out.name.clear();
    out.value.clear();
  }
  return out;
}

void read_texts(yaml::Fields& fields, SlackSpec& out) {
  fields.text("channel", out.channel);
  fields.text("username", out.username);
  fields.text("color", out.color);
  fields.text("title", out.title);
  fields.text("title_link", out.title_link);
  fields.text("pretext", out.pretext);
  fields.text("text", out.text);
  fields.text("footer", out.footer);
  fields.text("fallback", out.fallback);
  fields.text("callback_id", out.callback_id);
  fields.text("icon_emoji", out.icon_emoji);
  fields.text("icon_url", out.icon_url);
  fields.text("image_url", out.image_url);
  fields.text("thumb_url", out.thumb_url);
  fields.boolean("short_fields", out.short_fields);
  fields.boolean("link_names", out.link_names);
  fields.texts("mrkdwn_in", out.mrkdwn_in);
}

// Its own way to Slack, or the global one. An app is its URL with the token as authorization.
void settle_access(yaml::Fields& fields, SlackAccess own, const Globals& globals, SlackSpec& out) {
  const SlackAccess& global = globals.slack;
  const bool authorized = !out.http.credentials.empty() || !out.http.credentials_file.empty();
  if (own.app_url.empty()) own.app_url = global.app_url.empty() ? std::string(kAppUrl) : global.app_url;
  const bool has_url = !own.api_url.empty() || !own.api_url_file.empty();
  if (!has_url && !authorized && own.app_token.empty() && own.app_token_file.empty()) {
    own.app_token = global.app_token;
    own.app_token_file = global.app_token_file;
  }
  if (!own.app_token.empty() || !own.app_token_file.empty()) {
    if (authorized) fields.problem("http authorization can't be set when using Slack App tokens");
    out.api_url = own.app_url;
    out.http.authorization_type = "Bearer";
    out.http.credentials = own.app_token;
    out.http.credentials_file = own.app_token_file;
    return;
  }
  out.api_url = has_url ? own.api_url : global.api_url;
  out.api_url_file = has_url ? own.api_url_file : global.api_url_file;
  if (out.api_url.empty() && out.api_url_file.empty()) {
    fields.problem("no Slack API URL nor App token set either inline or in a file");
  }
}

}  // namespace

SlackSpec default_slack() {
  SlackSpec out;
  out.color = R"({{ template "slack.default.color" . }})";
  out.username = R"({{ template "slack.default.username" . }})";
  out.title = R"({{ template "slack.default.title" . }})";
  out.title_link = R"({{ template "slack.default.titlelink" . }})";
  out.icon_emoji = R"({{ template "slack.default.iconemoji" . }})";
  out.icon_url = R"({{ template "slack.default.iconurl" . }})";
  out.pretext = R"({{ template "slack.default.pretext" . }})";
  out.text = R"({{ template "slack.default.text" . }})";
  out.fallback = R"({{ template "slack.default.fallback" . }})";
  out.callback_id = R"({{ template "slack.default.callbackid" . }})";
  out.footer = R"({{ template "slack.default.footer" . }})";
  return out;
}

void read_slack_access(yaml::Fields& fields, std::string_view prefix, const Reading& reading,
                       SlackAccess& out) {
  const std::string start(prefix);
  const auto read = [&](const std::string& name, std::string& value, std::string& file) {
    fields.text(start + name, value);
    fields.text(start + name + "_file", file);
    file = alerting::from_folder(reading.folder, file);
    at_most_one(fields, start + name, start + name + "_file");
  };
  read("api_url", out.api_url, out.api_url_file);
  read("app_token", out.app_token, out.app_token_file);
  fields.text(start + "app_url", out.app_url);
  check_url(fields, start + "api_url", out.api_url);
  check_url(fields, start + "app_url", out.app_url);
  const bool url = !out.api_url_file.empty() || (!out.api_url.empty() && out.api_url != out.app_url);
  if (url && (!out.app_token.empty() || !out.app_token_file.empty())) {
    fields.problem("at most one of " + start + "api_url/" + start + "api_url_file & " + start + "app_token/" +
                   start + "app_token_file must be configured");
  }
}

IntegrationSpec read_slack(const yaml::Node& node, const Globals& globals, const Reading& reading) {
  IntegrationSpec integration;
  integration.send_resolved = false;
  SlackSpec out = default_slack();
  out.http = globals.http;
  yaml::Fields fields(node, "slack_configs", reading.problems);
  fields.boolean("send_resolved", integration.send_resolved);
  alerting::read_http_config(fields, reading.folder, reading.problems, out.http);
  SlackAccess access;
  read_slack_access(fields, "", reading, access);
  read_texts(fields, out);
  if (const yaml::Node* list = fields.list("fields")) {
    for (const yaml::Node& item : list->items) out.fields.push_back(read_field(item, reading));
  }
  if (const yaml::Node* list = fields.list("actions")) {
    for (const yaml::Node& item : list->items) out.actions.push_back(read_action(item, reading));
  }
  refuse(fields, "message_text", "use text", reading);
  refuse(fields, "update_message", "each notification is a message of its own", reading);
  refuse(fields, "timeout", "a request has ten seconds", reading);
  fields.done();
  settle_access(fields, std::move(access), globals, out);
  integration.what = std::move(out);
  return integration;
}

}  // namespace silverback::notify
