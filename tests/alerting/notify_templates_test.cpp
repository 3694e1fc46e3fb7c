// Templates against what Alertmanager makes of them: notify_templates.golden, recorded by
// record_notify_templates.py.
#include "alerting/notify/templates.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "alerting/notify/template_data.h"
#include "base/yaml.h"
#include "tests/alerting/notifications.h"

namespace silverback::notify {
namespace {

const Templates& defaults() {
  static const auto templates = Templates::load({});
  EXPECT_TRUE(templates) << templates.status().message();
  return **templates;
}

std::string text(const std::string& source, const Notification& notification = two_firing()) {
  const auto made =
      defaults().text("x", source, template_data(notification, kExternalUrl), notification.time_ns);
  return made ? *made : "error: " + std::string(made.status().message());
}
std::string html(const std::string& source, const Notification& notification = two_firing()) {
  const auto made =
      defaults().html("x", source, template_data(notification, kExternalUrl), notification.time_ns);
  return made ? *made : "error: " + std::string(made.status().message());
}

std::string unquoted(const std::string& json) { return yaml::parse(json, "golden")->text; }

TEST(NotifyTemplates, GiveWhatAlertmanagerGives) {
  std::ifstream file(SILVERBACK_SOURCE_DIR "/tests/alerting/notify_templates.golden");
  int rows = 0;
  for (std::string line; std::getline(file, line); ++rows) {
    const std::size_t first = line.find('\t');
    const std::size_t second = line.find('\t', first + 1);
    const std::string source = unquoted(line.substr(first + 1, second - first - 1));
    const std::string expected = unquoted(line.substr(second + 1));
    SCOPED_TRACE(source);

    EXPECT_EQ(line.starts_with("html") ? html(source) : text(source), expected);
  }
  EXPECT_GT(rows, 40);
}

TEST(NotifyTemplates, ResolvedAlertsAreOfTheirOwn) {
  EXPECT_EQ(text("{{ template \"__subject\" . }} {{ len .Alerts.Firing }} {{ len .Alerts.Resolved }}",
                 two_resolved()),
            "[RESOLVED] Disk <full> (node page) 0 2");
  EXPECT_EQ(text("{{ (index .Alerts 0).EndsAt }}", two_resolved()),
            "2024-01-02 03:14:05.000000001 +0000 UTC");
}

TEST(NotifyTemplates, HaveTheFunctionsOfLaterAlertmanagers) {
  EXPECT_EQ(text("{{ .CommonLabels }}|{{ .GroupLabels.SortedPairs }}"),
            "alertname=Disk <full>, job=node, severity=page|alertname=Disk <full>");
  EXPECT_EQ(text("{{ (index .Alerts 0).StartsAt | since | humanizeDuration }}"), "2h 55m 55s");
  EXPECT_EQ(text("{{ (index .Alerts 0).StartsAt | tz \"Europe/Berlin\" | date \"15:04 MST -07:00\" }}"),
            "02:04 CET +01:00");
  EXPECT_EQ(text("{{ (index .Alerts 0).StartsAt | tz \"Asia/Kolkata\" }}"), "2024-01-02 06:34:05 +0530 IST");
  EXPECT_EQ(text("{{ trimSpace \" \\t a b\\u00a0\\n\" }}"), "a b");
  EXPECT_EQ(text("{{ \"a%20b+c\" | urlUnescape }}"), "a b c");
  EXPECT_EQ(
      text("{{ .GroupLabels | toJson }} {{ .GroupLabels.SortedPairs | toJson }} {{ stringSlice \"a\" | "
           "toJson }}"),
      R"({"alertname":"Disk \u003cfull\u003e"} [{"Name":"alertname","Value":"Disk \u003cfull\u003e"}] ["a"])");
  EXPECT_EQ(text("{{ template \"__text_alert_list_markdown\" .Alerts.Resolved }}"), "\n");
  EXPECT_EQ(html("<a href=\"{{ safeUrl \"tel:1\" }}\">"), "<a href=\"tel:1\">");
}

TEST(NotifyTemplates, FailInGosWords) {
  EXPECT_EQ(text("{{ .Nope }}"),
            "error: x: template: :1:3: executing \"\" at <.Nope>: can't evaluate field Nope in type "
            "*template.Data");
  EXPECT_EQ(
      text("{{ template \"nope\" }}"),
      "error: x: template: :1:12: executing \"\" at <{{template \"nope\"}}>: template \"nope\" not defined");
  EXPECT_EQ(text("{{ if }}"), "error: x: template: :1: missing value for if");
  EXPECT_NE(text("{{ tz \"../../etc/passwd\" (index .Alerts 0).StartsAt }}").find("unknown time zone"),
            std::string::npos);
  EXPECT_NE(text("{{ \"%zz\" | urlUnescape }}").find("invalid URL escape \"%zz\""), std::string::npos);
}

TEST(NotifyTemplates, AMailShowsEveryAlertEscaped) {
  const std::string mail = html("{{ template \"email.default.html\" . }}");

  EXPECT_TRUE(mail.starts_with("<!DOCTYPE html>")) << mail;
  EXPECT_NE(mail.find("<title>[FIRING:2] Disk &lt;full&gt; (node page)</title>"), mail.npos);
  EXPECT_NE(mail.find("2 alerts for alertname=Disk &lt;full&gt;"), mail.npos);
  EXPECT_NE(mail.find("<i>summary</i>: S &amp; &#34;q&#34; é &#43;<br>"), mail.npos);
  EXPECT_NE(mail.find("href=\"http://p/graph?g0.expr=a%3E1&amp;g0.tab=1\""), mail.npos);
  EXPECT_NE(mail.find("http://am.example.org/am/#/alerts?receiver=ops%5C.team"), mail.npos);
  EXPECT_EQ(mail.find("<full>"), mail.npos);
}

class TemplateFiles : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  void write(const std::string& name, const std::string& content) {
    std::ofstream(folder_ + name) << content;
  }
  std::string folder_ = testing::TempDir() + "notify_templates/";
};

TEST_F(TemplateFiles, StandOverTheDefaults) {
  write("a.tmpl", "{{ define \"mine\" }}<{{ .Status }}>{{ end }}{{ define \"__alertmanager\" }}A{{ end }}");
  write("b.tmpl", "{{ define \"__alertmanager\" }}B{{ end }}");

  const auto templates = Templates::load({folder_ + "*.tmpl", folder_ + "none*.tmpl"});

  ASSERT_TRUE(templates) << templates.status().message();
  const auto made = (*templates)
                        ->text("x", "{{ template \"mine\" . }} {{ template \"slack.default.username\" . }}",
                               template_data(two_firing(), ""), 0);
  EXPECT_EQ(*made, "<firing> B");
}

TEST_F(TemplateFiles, AreNamedWhenTheyAreWrongOrMissing) {
  write("bad.tmpl", "{{ define \"x\" }}\n{{ nope }}{{ end }}");

  const auto bad = Templates::load({folder_ + "bad.tmpl"});
  const auto missing = Templates::load({folder_ + "gone.tmpl"});

  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.status().message(), "template: bad.tmpl:2: function \"nope\" not defined");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.status().code(), Code::NotFound);
}

}  // namespace
}  // namespace silverback::notify
