// Slack, and what takes the same messages: one attachment for a group of alerts, as Alertmanager sends it.
// Source: https://prometheus.io/docs/alerting/latest/configuration/#slack_config
#include <utility>

#include "alerting/notify/http_outcome.h"
#include "alerting/notify/integrations.h"
#include "alerting/notify/template_data.h"
#include "alerting/notify/templates.h"
#include "base/json.h"
#include "base/utf8.h"
#include "base/yaml.h"
#include "query/promql/text.h"

namespace silverback::notify {
namespace {

constexpr std::int64_t kTimeoutMs = 10'000;
constexpr std::size_t kMaxTitle = 1024;  // characters, as in Alertmanager

// Fills in templates, and keeps the first failure.
class Texts {
 public:
  Texts(const Templates& templates, const Notification& notification, std::string_view external_url)
      : templates_(templates),
        data_(template_data(notification, external_url)),
        now_ns_(notification.time_ns) {}

  std::string fill(std::string_view field, const std::string& source) {
    if (!status_.ok()) return {};
    auto text = templates_.text(field, source, data_, now_ns_);
    if (text) return std::move(*text);
    status_ = text.status();
    return {};
  }
  const Status& status() const { return status_; }

 private:
  const Templates& templates_;
  const gotemplate::Value data_;
  const std::int64_t now_ns_;
  Status status_;
};

// An object of JSON, field by field.
class Object {
 public:
  Object& text(std::string_view name, std::string_view value) {
    append_json_string(begin(name), value);
    return *this;
  }
  /// Left out when empty.
  Object& text_if(std::string_view name, std::string_view value) {
    return value.empty() ? *this : text(name, value);
  }
  Object& raw(std::string_view name, std::string_view json) {
    begin(name) += json;
    return *this;
  }
  std::string done() { return (out_.empty() ? "{" : out_) + "}"; }

 private:
  std::string& begin(std::string_view name) {
    out_ += out_.empty() ? '{' : ',';
    append_json_key(out_, name);
    return out_;
  }
  std::string out_;
};

template <typename Items, typename ToJson>
std::string json_list(const Items& items, ToJson to_json) {
  std::string out = "[";
  for (const auto& item : items) {
    if (out.size() > 1) out += ',';
    out += to_json(item);
  }
  return out + "]";
}

std::string shortened(const std::string& text) {
  std::size_t at = 0;
  std::size_t last = 0;  // where the last character that fits begins
  for (std::size_t count = 0; at < text.size(); ++count) {
    if (count == kMaxTitle) return text.substr(0, last) + "…";
    last = at;
    at += query::promql::decode_rune(std::string_view(text).substr(at)).width;
  }
  return text;
}

std::string fields_json(const SlackSpec& spec, Texts& texts) {
  return json_list(spec.fields, [&](const SlackField& field) {
    return Object()
        .text_if("title", texts.fill("fields: title", field.title))
        .text_if("value", texts.fill("fields: value", field.value))
        .raw("short", field.is_short.value_or(spec.short_fields) ? "true" : "false")
        .done();
  });
}

std::string actions_json(const SlackSpec& spec, Texts& texts) {
  return json_list(spec.actions, [&](const SlackAction& action) {
    return Object()
        .text_if("type", texts.fill("actions: type", action.type))
        .text_if("text", texts.fill("actions: text", action.text))
        .text_if("url", texts.fill("actions: url", action.url))
        .text_if("style", texts.fill("actions: style", action.style))
        .text_if("name", texts.fill("actions: name", action.name))
        .text_if("value", texts.fill("actions: value", action.value))
        .done();
  });
}

std::string attachment_json(const SlackSpec& spec, Texts& texts) {
  Object attachment;
  attachment.text_if("title", shortened(texts.fill("title", spec.title)))
      .text_if("title_link", texts.fill("title_link", spec.title_link))
      .text_if("pretext", texts.fill("pretext", spec.pretext))
      .text("text", texts.fill("text", spec.text))
      .text("fallback", texts.fill("fallback", spec.fallback))
      .text("callback_id", texts.fill("callback_id", spec.callback_id));
  if (!spec.fields.empty()) attachment.raw("fields", fields_json(spec, texts));
  if (!spec.actions.empty()) attachment.raw("actions", actions_json(spec, texts));
  attachment.text_if("image_url", texts.fill("image_url", spec.image_url))
      .text_if("thumb_url", texts.fill("thumb_url", spec.thumb_url))
      .text("footer", texts.fill("footer", spec.footer))
      .text_if("color", texts.fill("color", spec.color));
  static const std::vector<std::string> kMarkdownIn = {"fallback", "pretext", "text"};
  attachment.raw("mrkdwn_in", json_list(spec.mrkdwn_in.empty() ? kMarkdownIn : spec.mrkdwn_in,
                                        [](const std::string& name) {
                                          std::string quoted;
                                          append_json_string(quoted, name);
                                          return quoted;
                                        }));
  return attachment.done();
}

class Slack final : public Integration {
 public:
  Slack(SlackSpec spec, const Surroundings& surroundings)
      : spec_(std::move(spec)),
        templates_(surroundings.templates),
        external_url_(surroundings.external_url),
        client_(spec_.http, address_check(surroundings.egress)) {}

  Outcome send(const Notification& notification) override {
    const auto url = alerting::read_secret(spec_.api_url, spec_.api_url_file);
    if (!url) return outcome_of(url.status());
    const auto body = slack_payload(spec_, *templates_, notification, external_url_);
    if (!body) return outcome_of(body.status());
    const auto reply = client_.post(*url, *body,
                                    {{"Content-Type", "application/json"},
                                     {"User-Agent", std::string(user_agent())},
                                     {"Idempotency-Key", notification.idempotency_key}},
                                    kTimeoutMs);
    if (!reply) return outcome_of(reply.status());
    Outcome outcome = outcome_of(*reply);
    if (outcome.kind != Outcome::Kind::Delivered) return outcome;
    const std::string complaint = slack_complaint(*reply);
    if (complaint.empty()) return outcome;
    return {Outcome::Kind::Refused, "Slack did not take the message: " + complaint};
  }

  void stop() override { client_.stop(); }

 private:
  const SlackSpec spec_;
  const std::shared_ptr<const Templates> templates_;
  const std::string external_url_;
  alerting::HttpClient client_;
};

}  // namespace

Result<std::string> slack_payload(const SlackSpec& spec, const Templates& templates,
                                  const Notification& notification, std::string_view external_url) {
  Texts texts(templates, notification, external_url);
  Object message;
  message.text_if("channel", texts.fill("channel", spec.channel))
      .text_if("username", texts.fill("username", spec.username))
      .text_if("icon_emoji", texts.fill("icon_emoji", spec.icon_emoji))
      .text_if("icon_url", texts.fill("icon_url", spec.icon_url));
  if (spec.link_names) message.raw("link_names", "true");
  message.raw("attachments", "[" + attachment_json(spec, texts) + "]");
  if (!texts.status().ok()) return texts.status();
  return message.done() + "\n";
}

std::string slack_complaint(const alerting::HttpReply& reply) {
  const auto quoted = [&] { return to_valid_utf8(std::string_view(reply.body).substr(0, 200)); };
  if (!reply.content_type.starts_with("application/json")) {
    std::string_view body = reply.body;
    while (body.ends_with('\n') || body.ends_with('\r')) body.remove_suffix(1);
    return body == "ok" || body.empty() ? "" : quoted();
  }
  const auto document = yaml::parse(reply.body, "answer");  // JSON is YAML
  if (!document) return quoted();
  const yaml::Node* ok = document->find("ok");
  if (ok == nullptr || ok->text != "false") return {};
  const yaml::Node* error = document->find("error");
  return error == nullptr ? quoted() : error->text.substr(0, 200);
}

std::unique_ptr<Integration> make_slack(const SlackSpec& spec, const Surroundings& surroundings) {
  return std::make_unique<Slack>(spec, surroundings);
}

}  // namespace silverback::notify
