// What is posted to Alertmanager's API, read; and alerts and silences, written.
#include "api/posted.h"

#include <gtest/gtest.h>

#include "api/alertmanager_json.h"
#include "base/clock.h"

namespace silverback::api {
namespace {

constexpr std::int64_t kNowNs = 1'700'000'000'000 * kNsPerMs;  // 2023-11-14T22:13:20Z

TEST(PostedAlerts, AreReadWithAllTheyHave) {
  const auto posted = read_alerts(R"([{"labels":{"alertname":"Disk","empty":"","host":"a\u00e9"},
    "annotations":{"summary":"full","empty":""},"startsAt":"2023-11-14T23:13:20.5+01:00",
    "endsAt":"2023-11-14T22:13:21Z","generatorURL":"http://p/graph","unknown":[{"x":null}]}])");

  ASSERT_TRUE(posted) << posted.status().message();
  ASSERT_EQ(posted->good.size(), 1u);
  const notify::NotifiedAlert& alert = posted->good[0];
  EXPECT_EQ(alert.labels, (Labels{{"alertname", "Disk"}, {"host", "a\u00e9"}}));
  EXPECT_EQ(alert.annotations, (notify::TextPairs{{"empty", ""}, {"summary", "full"}}));
  EXPECT_EQ(alert.starts_ns, kNowNs + 500 * kNsPerMs);
  EXPECT_EQ(alert.ends_ns, kNowNs + 1000 * kNsPerMs);
  EXPECT_EQ(alert.generator_url, "http://p/graph");
  EXPECT_EQ(alert.updated_ns, 0);
}

TEST(PostedAlerts, HaveTimesThatAreNone) {
  const auto posted = read_alerts(R"([{"labels":{"a":"1"}},{"labels":{"a":"2"},"startsAt":null,"endsAt":""},
    {"labels":{"a":"3"},"startsAt":"0001-01-01T00:00:00.000Z","endsAt":"0001-01-01T00:00:00Z"},
    {"labels":{"a":"4"},"startsAt":"1906-01-01T00:00:00Z","endsAt":"9999-12-31T23:59:59Z"}])");

  ASSERT_TRUE(posted) << posted.status().message();
  ASSERT_EQ(posted->good.size(), 4u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(posted->good[i].starts_ns, 0) << i;
    EXPECT_EQ(posted->good[i].ends_ns, 0) << i;
  }
  EXPECT_EQ(posted->good[3].starts_ns, 1);
  EXPECT_EQ(posted->good[3].ends_ns, 7'258'118'400 * kNsPerSecond);
}

TEST(PostedAlerts, LeaveOutThoseThatAreWrongAndSayWhich) {
  const auto posted = read_alerts(R"([{},{"labels":{"good":"1"}},{"labels":{"a":""}},{"labels":{"":"x"}},
    {"labels":{"a":"b"},"annotations":{"":"x"}},{"labels":{"http.status":"ok"}},
    {"labels":{"a":"b"},"startsAt":"2023-01-02T00:00:00Z","endsAt":"2023-01-01T00:00:00Z"},
    {"labels":{"a":"b"},"generatorURL":"not a url"}])");

  ASSERT_TRUE(posted);
  EXPECT_EQ(posted->good.size(), 2u);
  EXPECT_EQ(posted->bad, 6u);
  EXPECT_EQ(posted->problems,
            "alert 0: at least one label is needed, with a value; "
            "alert 2: at least one label is needed, with a value; alert 3: a label has an empty name; "
            "alert 4: an annotation has an empty name; "
            "alert 6: it ends (endsAt) before it starts (startsAt); "
            "alert 7: generatorURL \"not a url\" is not a URL");
  std::string many = "[{}";
  for (int i = 0; i < 99; ++i) many += ",{}";
  const auto bad = read_alerts(many + "]");
  EXPECT_EQ(bad->bad, 100u);
  EXPECT_TRUE(bad->problems.ends_with("; and 90 more")) << bad->problems;
}

TEST(PostedAlerts, AreRefusedTogetherWhenTheyAreNoList) {
  struct Case {
    std::string_view body, why;
  };
  const Case kCases[] = {
      {"x", "not JSON"},
      {"{}", "an array is needed here, not an object"},
      {"[null]", "[0]: an object is needed here, not null"},
      {R"([{"labels":{"a":1}}])", "[0]: labels: a: a string is needed here, not a number"},
      {R"([{"labels":{"a":"b"},"startsAt":"x"}])", "[0]: startsAt: \"x\" is not a time"},
      {R"([{"labels":{"a":"b"},"endsAt":"9999-13-01T00:00:00Z"}])", "is not a time"},
      {R"([{"labels":{"a":"b"}}] trailing)", "not JSON"},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.body);
    const auto posted = read_alerts(c.body);
    ASSERT_FALSE(posted);
    EXPECT_NE(posted.status().message().find(c.why), std::string::npos) << posted.status().message();
  }
  EXPECT_TRUE(read_alerts("null"));
  EXPECT_TRUE(read_alerts("[]"));
}

TEST(PostedSilence, IsReadAndShownAgain) {
  notify::Silence silence;
  Refused refused;
  const bool read = read_silence(R"({"id":"11111111-2222-4333-8444-555555555555","matchers":[
    {"name":"a","value":"b","isRegex":false},{"name":"c","value":"d.*","isRegex":true,"isEqual":true},
    {"name":"e","value":"","isRegex":false,"isEqual":false},{"name":"f","value":"g","isRegex":true,"isEqual":false}],
    "startsAt":"2023-11-14T22:13:20Z","endsAt":"2023-11-14T23:13:20.25Z","createdBy":"me","comment":"why",
    "annotations":{"ticket":"7"}})",
                                 silence, refused);

  ASSERT_TRUE(read) << refused.message;
  silence.updated_ns = kNowNs - 1;
  std::string shown;
  append_silence_json(shown, silence, kNowNs);
  EXPECT_EQ(
      shown,
      R"({"id":"11111111-2222-4333-8444-555555555555","status":{"state":"active"},)"
      R"("updatedAt":"2023-11-14T22:13:19.999Z","annotations":{"ticket":"7"},"comment":"why","createdBy":"me",)"
      R"("endsAt":"2023-11-14T23:13:20.250Z","matchers":[)"
      R"({"isEqual":true,"isRegex":false,"name":"a","value":"b"},)"
      R"({"isEqual":true,"isRegex":true,"name":"c","value":"d.*"},)"
      R"({"isEqual":false,"isRegex":false,"name":"e","value":""},)"
      R"({"isEqual":false,"isRegex":true,"name":"f","value":"g"}],"startsAt":"2023-11-14T22:13:20.000Z"})");
}

TEST(PostedSilence, IsRefusedInAlertmanagersWords) {
  struct Case {
    std::string_view body;
    int status, code;
    std::string_view why;
  };
  const Case kCases[] = {
      {"[]", 400, 400, "an object is needed here, not an array"},
      {"{}", 422, 602, "comment in body is required"},
      {R"({"comment":""})", 422, 602, "createdBy in body is required"},
      {R"({"comment":"","createdBy":null})", 422, 602, "createdBy in body is required"},
      {R"({"comment":"","createdBy":""})", 422, 602, "endsAt in body is required"},
      {R"({"comment":"","createdBy":"","endsAt":"2023-11-14T22:13:20Z"})", 422, 602,
       "matchers in body is required"},
      {R"({"comment":"","createdBy":"","endsAt":"2023-11-14T22:13:20Z","matchers":[]})", 422, 612,
       "matchers in body should have at least 1 items"},
      {R"({"comment":"","createdBy":"","endsAt":"2023-11-14T22:13:20Z","matchers":[{"name":"a","value":"b"}]})",
       422, 602, "matchers.0.isRegex in body is required"},
      {R"({"comment":"","createdBy":"","endsAt":"2023-11-14T22:13:20Z","matchers":[null]})", 422, 602,
       "matchers.0.isRegex in body is required"},
      {R"({"comment":"","createdBy":"","endsAt":"2023-11-14T22:13:20Z",
          "matchers":[{"name":"a","value":"b","isRegex":false}]})",
       422, 602, "startsAt in body is required"},
      {R"({"comment":"","createdBy":"","endsAt":"2023-11-14T22:13:20Z","startsAt":"2023-11-14T22:13:20Z",
          "matchers":[{"name":"a","value":"(","isRegex":true}]})",
       400, 0, "invalid silence: matcher 0: "},
      {R"({"comment":"","createdBy":"","endsAt":"2023-11-14T22:13:20Z","startsAt":"2023-11-14T22:13:20Z",
          "matchers":[{"name":"","value":"x","isRegex":false}]})",
       400, 0, "invalid silence: matcher 0: its name is empty"},
      {R"({"comment":5})", 400, 400, "comment: a string is needed here, not a number"},
      {R"({"matchers":[{"isRegex":"no"}]})", 400, 400,
       "matchers: [0]: isRegex: true or false is needed here"},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.body);
    notify::Silence silence;
    Refused refused;
    ASSERT_FALSE(read_silence(c.body, silence, refused));
    EXPECT_EQ(refused.status, c.status);
    EXPECT_EQ(refused.code, c.code);
    EXPECT_NE(refused.message.find(c.why), std::string::npos) << refused.message;
  }
}

TEST(AlertJson, HasAlertmanagersShape) {
  notify::AlertView view{.alert = {.labels = {{"alertname", "Disk"}, {"host", "a"}},
                                   .annotations = {{"summary", "\"full\""}},
                                   .starts_ns = kNowNs,
                                   .ends_ns = kNowNs + 999'999,
                                   .updated_ns = kNowNs + 1'999'999},
                         .receivers = {"ops", "night"},
                         .state = notify::AlertView::State::Suppressed,
                         .silenced_by = {"id"},
                         .inhibited_by = {"0123456789abcdef"},
                         .muted_by = {"weekends"}};
  std::string alert;
  append_alert_json(alert, view);

  EXPECT_EQ(alert,
            R"({"annotations":{"summary":"\"full\""},"endsAt":"2023-11-14T22:13:20.000Z","fingerprint":")" +
                notify::fingerprint_text(view.alert.labels) +
                R"(","receivers":[{"name":"ops"},{"name":"night"}],"startsAt":"2023-11-14T22:13:20.000Z",)"
                R"("status":{"inhibitedBy":["0123456789abcdef"],"mutedBy":["weekends"],"silencedBy":["id"],)"
                R"("state":"suppressed"},"updatedAt":"2023-11-14T22:13:20.001Z",)"
                R"("labels":{"alertname":"Disk","host":"a"}})");
  std::string group;
  append_group_json(group, {.labels = {{"alertname", "Disk"}}, .receiver = "ops", .alerts = {view}});
  EXPECT_EQ(group, R"({"alerts":[)" + alert +
                       R"(],"labels":{"alertname":"Disk"},"receiver":{"name":"ops"},"routeLabels":{}})");
}

}  // namespace
}  // namespace silverback::api
