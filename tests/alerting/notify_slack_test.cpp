// Slack: bodies recorded from Alertmanager 0.25, and how Slack says no.
#include <gtest/gtest.h>

#include "alerting/notify/integrations.h"
#include "alerting/notify/templates.h"
#include "tests/alerting/notifications.h"
#include "tests/alerting/socket_receiver.h"

namespace silverback::notify {
namespace {

using Kind = Outcome::Kind;

// What a receiver without fields of its own has.
SlackSpec default_slack() {
  SlackSpec spec;
  spec.channel = "#c";
  spec.username = R"({{ template "slack.default.username" . }})";
  spec.color = R"({{ template "slack.default.color" . }})";
  spec.title = R"({{ template "slack.default.title" . }})";
  spec.title_link = R"({{ template "slack.default.titlelink" . }})";
  spec.pretext = R"({{ template "slack.default.pretext" . }})";
  spec.text = R"({{ template "slack.default.text" . }})";
  spec.footer = R"({{ template "slack.default.footer" . }})";
  spec.fallback = R"({{ template "slack.default.fallback" . }})";
  spec.callback_id = R"({{ template "slack.default.callbackid" . }})";
  spec.icon_emoji = R"({{ template "slack.default.iconemoji" . }})";
  spec.icon_url = R"({{ template "slack.default.iconurl" . }})";
  return spec;
}

std::string payload(const SlackSpec& spec, const Notification& notification = two_firing()) {
  const auto made = slack_payload(spec, *surroundings().templates, notification, kExternalUrl);
  return made ? *made : "error: " + std::string(made.status().message());
}

TEST(Slack, SaysWhatAlertmanagerSaysByDefault) {
  EXPECT_EQ(
      payload(default_slack()),
      R"json({"channel":"#c","username":"Alertmanager","attachments":[{"title":"[FIRING:2] Disk \u003cfull\u003e (node page)","title_link":"http://am.example.org/am/#/alerts?receiver=ops%5C.team","text":"","fallback":"[FIRING:2] Disk \u003cfull\u003e (node page) | http://am.example.org/am/#/alerts?receiver=ops%5C.team","callback_id":"","footer":"","color":"danger","mrkdwn_in":["fallback","pretext","text"]}]}
)json");
  EXPECT_EQ(
      payload(default_slack(), two_resolved()),
      R"json({"channel":"#c","username":"Alertmanager","attachments":[{"title":"[RESOLVED] Disk \u003cfull\u003e (node page)","title_link":"http://am.example.org/am/#/alerts?receiver=ops%5C.team","text":"","fallback":"[RESOLVED] Disk \u003cfull\u003e (node page) | http://am.example.org/am/#/alerts?receiver=ops%5C.team","callback_id":"","footer":"","color":"good","mrkdwn_in":["fallback","pretext","text"]}]}
)json");
}

TEST(Slack, SaysWhatAlertmanagerSaysWithEveryField) {
  SlackSpec spec = default_slack();
  spec.channel = "#ops";
  spec.text = R"({{ template "__text_alert_list" .Alerts }})";
  spec.footer = "foot";
  spec.short_fields = true;
  spec.fields = {{"A", "{{ .Status }}", {}}, {"B", "b", false}};
  spec.actions = {{"button", "Go", "http://x/", "primary", "", ""}, {"button", "N", "", "", "nn", "vv"}};
  spec.icon_emoji = ":x:";
  spec.icon_url = "http://i";
  spec.image_url = "http://im";
  spec.thumb_url = "http://th";
  spec.link_names = true;
  spec.callback_id = "cb";

  EXPECT_EQ(
      payload(spec),
      R"json({"channel":"#ops","username":"Alertmanager","icon_emoji":":x:","icon_url":"http://i","link_names":true,"attachments":[{"title":"[FIRING:2] Disk \u003cfull\u003e (node page)","title_link":"http://am.example.org/am/#/alerts?receiver=ops%5C.team","text":"Labels:\n - alertname = Disk \u003cfull\u003e\n - instance = a:1\n - job = node\n - severity = page\nAnnotations:\n - a = x\nSource: \nLabels:\n - alertname = Disk \u003cfull\u003e\n - instance = b:1\n - job = node\n - severity = page\nAnnotations:\n - a = x\n - summary = S \u0026 \"q\" é +\nSource: http://p/graph?g0.expr=a%3E1\u0026g0.tab=1\n","fallback":"[FIRING:2] Disk \u003cfull\u003e (node page) | http://am.example.org/am/#/alerts?receiver=ops%5C.team","callback_id":"cb","fields":[{"title":"A","value":"firing","short":true},{"title":"B","value":"b","short":false}],"actions":[{"type":"button","text":"Go","url":"http://x/","style":"primary"},{"type":"button","text":"N","name":"nn","value":"vv"}],"image_url":"http://im","thumb_url":"http://th","footer":"foot","color":"danger","mrkdwn_in":["fallback","pretext","text"]}]}
)json");
}

TEST(Slack, CutsALongTitleBetweenCharacters) {
  SlackSpec spec;
  for (int i = 0; i < 1025; ++i) spec.title += "é";
  std::string expected;
  for (int i = 0; i < 1023; ++i) expected += "é";

  EXPECT_NE(payload(spec).find("\"title\":\"" + expected + "…\""), std::string::npos);
  spec.title.resize(2048);
  EXPECT_NE(payload(spec).find("\"title\":\"" + spec.title + "\""), std::string::npos);
}

TEST(Slack, NamesTheFieldWhoseTemplateFails) {
  SlackSpec spec = default_slack();
  spec.fields = {{"A", "{{ .Nope }}", {}}};

  EXPECT_EQ(
      payload(spec),
      "error: fields: value: template: :1:3: executing \"\" at <.Nope>: can't evaluate field Nope in type "
      "*template.Data");
}

TEST(Slack, AnAnswerOtherThanOkIsARefusal) {
  struct Case {
    std::string_view status, type, body;
    Kind kind;
    std::string_view error;
  };
  constexpr Case kCases[] = {
      {"200 OK", "text/html", "ok", Kind::Delivered, ""},
      {"200 OK", "text/plain", "ok\n", Kind::Delivered, ""},
      {"200 OK", "text/plain", "", Kind::Delivered, ""},
      {"200 OK", "text/plain", "no_service", Kind::Refused, "Slack did not take the message: no_service"},
      {"200 OK", "application/json; charset=utf-8", R"({"ok":true})", Kind::Delivered, ""},
      {"200 OK", "application/json", R"({"success":true})", Kind::Delivered, ""},
      {"200 OK", "application/json", R"({"ok":false,"error":"channel_not_found"})", Kind::Refused,
       "Slack did not take the message: channel_not_found"},
      {"200 OK", "application/json", R"({"ok":)", Kind::Refused, "Slack did not take the message: {\"ok\":"},
      {"404 Not Found", "text/plain", "no_team", Kind::Refused, "the receiver answered 404: no_team"},
      {"429 Slow", "text/plain", "", Kind::Retry, "the receiver answered 429"},
      {"500 Oops", "text/plain", "ok", Kind::Retry, "the receiver answered 500: ok"},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(std::string(c.type) + " " + std::string(c.body));
    HttpReceiver receiver([&](const HttpRequest&) {
      return HttpReceiver::reply(c.status, c.body, "Content-Type: " + std::string(c.type) + "\r\n");
    });
    SlackSpec spec = default_slack();
    spec.api_url = receiver.url("/services/T/B/x");

    const Outcome outcome = make_slack(spec, surroundings())->send(two_firing());

    EXPECT_EQ(outcome.kind, c.kind);
    EXPECT_EQ(outcome.error, c.error);
    EXPECT_EQ(receiver.requests().at(0).path(), "POST /services/T/B/x HTTP/1.1");
    EXPECT_EQ(receiver.requests().at(0).header("Content-Type"), "application/json");
  }
}

}  // namespace
}  // namespace silverback::notify
