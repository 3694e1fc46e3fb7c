// Alertmanager's API v2 over HTTP, with a real notifier.
#include <algorithm>

#include "alerting/alerting.h"
#include "alerting/notify/notifier.h"
#include "tests/api/memory_states.h"
#include "tests/api/server_fixture.h"

namespace silverback::api {
namespace {

constexpr char kJson[] = "Content-Type: application/json\r\n";
constexpr char kSilence[] =
    R"({"matchers":[{"name":"host","value":"a","isRegex":false}],"startsAt":"2023-11-14T22:00:00Z",)"
    R"("endsAt":"2023-11-15T22:00:00Z","createdBy":"me","comment":"why"})";

class AlertmanagerApi : public ServerTest {
 protected:
  void start_with_receivers() {
    alerting::AlertingConfig config;
    notify::NotifyConfig notifications;
    notifications.route.receiver = "ops";
    notifications.route.group_by = {"alertname"};
    notify::RouteSpec pager = notifications.route;
    pager.receiver = "pager";
    pager.matchers = {Matcher::equal("severity", "page")};
    notifications.route.routes = {pager};
    notifications.receivers = {{"ops", {}}, {"pager", {}}};
    notifications.shown = "route: {receiver: ops}\n";
    config.notifications = notifications;
    start();
    alerting_ = std::make_unique<alerting::Alerting>(engine(), store, states_, clock);
    const Status configured = alerting_->configure(config);
    ASSERT_TRUE(configured.ok()) << configured.message();
    alerting = alerting_.get();
  }
  void TearDown() override {
    ServerTest::TearDown();
    alerting_.reset();
  }

  Answer send(const std::string& target, const std::string& body) { return post(target, body, kJson); }
  Answer erase(const std::string& target) {
    Client client(port());
    client.send("DELETE " + target + " HTTP/1.1\r\nHost: t\r\n\r\n");
    return client.read();
  }
  std::string add_silence(const std::string& body = kSilence) {
    const Answer answer = send("/api/v2/silences", body);
    EXPECT_EQ(answer.status, 200) << answer.body;
    return answer.body.size() < 50 ? "" : answer.body.substr(14, 36);
  }
  void add_alerts() {
    EXPECT_EQ(send("/api/v2/alerts", R"([{"labels":{"alertname":"Disk","host":"a","severity":"page"}},
                                         {"labels":{"alertname":"Disk","host":"b"},"annotations":{"x":"y"}},
                                         {"labels":{"alertname":"Load","host":"c"}}])")
                  .status,
              200);
  }
  /// The hosts of the alerts that an answer holds, in its order: "b a".
  std::string hosts(const std::string& target) {
    const Answer answer = get(target);
    EXPECT_EQ(answer.status, 200) << target << ": " << answer.body;
    std::string found;
    constexpr std::string_view kHost = R"("host":")";
    for (auto at = answer.body.find(kHost); at != std::string::npos; at = answer.body.find(kHost, at + 1)) {
      if (!found.empty()) found += ' ';
      found += answer.body[at + kHost.size()];
    }
    return found;
  }
  std::string sorted_hosts(const std::string& target) {
    std::string found = hosts(target);
    std::erase(found, ' ');
    std::ranges::sort(found);
    return found;
  }

  MemoryStates states_;

 private:
  std::unique_ptr<alerting::Alerting> alerting_;
};

TEST_F(AlertmanagerApi, SaysThatNotificationsAreNotConfigured) {
  start();

  for (const char* path : {"/api/v2/status", "/api/v2/alerts", "/api/v2/alerts/groups", "/api/v2/receivers",
                           "/api/v2/silences", "/alertmanager/api/v2/status"}) {
    const Answer answer = get(path);
    EXPECT_EQ(answer.status, 404) << path;
    EXPECT_NE(answer.body.find(R"(add the section \"notifications\")"), std::string::npos) << answer.body;
  }
  EXPECT_EQ(send("/api/v2/alerts", "[]").status, 404);
  EXPECT_EQ(get("/alertmanager/-/ready").status, 503);
  EXPECT_EQ(get("/alertmanager/-/healthy").status, 200);
  EXPECT_EQ(post("/api/v2/write?bucket=x", "m v=1 1700000000000000000").status, 204);
}

TEST_F(AlertmanagerApi, TellsItsStatusAndReceivers) {
  start_with_receivers();

  const Answer status = get("/api/v2/status");

  EXPECT_EQ(status.status, 200);
  EXPECT_EQ(status.header("cache-control"), "no-store");
  EXPECT_EQ(status.body,
            R"({"cluster":{"peers":[],"status":"disabled"},"config":{"original":"route: {receiver: ops}\n"},)"
            R"("uptime":"2023-11-14T22:13:20.000Z","versionInfo":{"branch":"main",)"
            R"("buildDate":"2026-01-01T00:00:00Z","buildUser":"","goVersion":"","revision":"abc",)"
            R"("version":"0.34.0"}})"
            "\n");
  EXPECT_EQ(get("/alertmanager/api/v2/status").body, status.body);
  EXPECT_EQ(get("/alertmanager/-/ready").status, 200);
  EXPECT_EQ(get("/api/v2/receivers").body, "[{\"name\":\"ops\"},{\"name\":\"pager\"}]\n");
  EXPECT_EQ(get("/api/v2/receivers?receiver_matchers=team%3D%22x%22").body, "[]\n");
  EXPECT_EQ(get("/api/v2/receivers?receiver_matchers=x").status, 400);
}

TEST_F(AlertmanagerApi, TakesAlertsAndShowsThem) {
  start_with_receivers();
  EXPECT_EQ(get("/api/v2/alerts").body, "[]\n");
  EXPECT_EQ(get("/api/v2/alerts/groups").body, "[]\n");

  add_alerts();

  const Answer answer = get("/api/v2/alerts?filter=host%3D%22b%22");
  EXPECT_EQ(answer.body,
            R"([{"annotations":{"x":"y"},"endsAt":"2023-11-14T22:18:20.000Z","fingerprint":")" +
                notify::fingerprint_text(Labels{{"alertname", "Disk"}, {"host", "b"}}) +
                R"(","receivers":[{"name":"ops"}],"startsAt":"2023-11-14T22:13:20.000Z",)"
                R"("status":{"inhibitedBy":[],"mutedBy":[],"silencedBy":[],"state":"active"},)"
                R"("updatedAt":"2023-11-14T22:13:20.000Z","labels":{"alertname":"Disk","host":"b"}}])"
                "\n");
  EXPECT_EQ(sorted_hosts("/api/v2/alerts"), "abc");
  EXPECT_EQ(sorted_hosts("/alertmanager/api/v2/alerts"), "abc");
  EXPECT_EQ(hosts("/api/v2/alerts?receiver=p.*r"), "a");
  EXPECT_EQ(sorted_hosts("/api/v2/alerts?receiver=op"), "");
  EXPECT_EQ(sorted_hosts("/api/v2/alerts?filter=host%3D~%22a%7Cb%22&filter=severity%21%3Dpage"), "b");
  EXPECT_EQ(sorted_hosts("/api/v2/alerts?active=false"), "");
  EXPECT_EQ(sorted_hosts("/api/v2/alerts?active=&silenced=0&inhibited=F&unprocessed=no&receiver="), "abc");
  std::vector<std::string> fingerprints;
  const std::string all = get("/api/v2/alerts").body;
  for (auto at = all.find("\"fingerprint\":\""); at != std::string::npos;
       at = all.find("\"fingerprint\":\"", at + 1))
    fingerprints.push_back(all.substr(at + 15, 16));
  EXPECT_TRUE(fingerprints.size() == 3 && std::ranges::is_sorted(fingerprints)) << all;
}

TEST_F(AlertmanagerApi, ShowsGroupsAndLeavesOutEmptyOnes) {
  start_with_receivers();
  add_alerts();

  const std::string groups = get("/api/v2/alerts/groups").body;

  EXPECT_EQ(hosts("/api/v2/alerts/groups"), "b a c");
  EXPECT_NE(groups.find(R"("labels":{"alertname":"Disk"},"receiver":{"name":"pager"},"routeLabels":{}})"),
            std::string::npos)
      << groups;
  EXPECT_EQ(hosts("/api/v2/alerts/groups?receiver=ops"), "b c");
  EXPECT_EQ(hosts("/api/v2/alerts/groups?filter=alertname%3DLoad"), "c");
  EXPECT_EQ(get("/api/v2/alerts/groups?filter=alertname%3DNone").body, "[]\n");
  EXPECT_EQ(hosts("/api/v2/alerts/groups?muted=false"), "b a c");
}

TEST_F(AlertmanagerApi, TakesTheGoodAlertsAndSaysWhichWereBad) {
  start_with_receivers();

  const Answer answer = send("/api/v2/alerts", R"([{"labels":{}},{"labels":{"host":"g"}}])");

  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.body, "\"alert 0: at least one label is needed, with a value\"\n");
  EXPECT_EQ(hosts("/api/v2/alerts"), "g");
  send("/api/v2/alerts", R"([{"labels":{"host":"h"},"endsAt":"2023-11-14T22:00:00Z"}])");
  const std::string exposed = get("/metrics").body;
  EXPECT_NE(exposed.find(R"(alertmanager_alerts_received_total{status="firing",version="v2"} 1)"),
            std::string::npos);
  EXPECT_NE(exposed.find(R"(alertmanager_alerts_received_total{status="resolved",version="v2"} 1)"),
            std::string::npos);
  EXPECT_NE(exposed.find(R"(alertmanager_alerts_invalid_total{version="v2"} 1)"), std::string::npos);
}

TEST_F(AlertmanagerApi, RefusesWhatItCannotRead) {
  start_with_receivers();
  struct Case {
    std::string target;
    int status;
    std::string body;
  };
  const Case kGets[] = {
      {"/api/v2/alerts?filter=x", 400, "\"bad matcher format: x"},
      {"/api/v2/alerts?filter=", 400, "\"bad matcher format: "},
      {"/api/v2/alerts/groups?filter=x", 400, "\"bad matcher format: x"},
      {"/api/v2/silences?filter=x", 400, "\"bad matcher format: x"},
      {"/api/v2/alerts?receiver=(", 400, "\"failed to parse receiver param: "},
      {"/api/v2/alerts?active=perhaps", 422,
       R"({"code":601,"message":"active in query must be of type boolean: \"perhaps\""})"},
      {"/api/v2/alerts?filter=%zz", 400, "\""},
      {"/api/v2/silence/x", 422, R"({"code":601,"message":"silenceID in path must be of type uuid: \"x\""})"},
      {"/api/v2/silence/11111111-1111-1111-1111-111111111111", 404, "\"silence 11111111"},
      {"/api/v2/nothing", 404, "404 page not found"},
      {"/alertmanager/api/v2/write", 404, "404 page not found"},
  };
  for (const Case& c : kGets) {
    const Answer answer = get(c.target);
    EXPECT_EQ(answer.status, c.status) << c.target;
    EXPECT_NE(answer.body.find(c.body), std::string::npos) << c.target << ": " << answer.body;
  }
  EXPECT_EQ(post("/api/v2/alerts", "[]").status, 415);
  EXPECT_EQ(form("/api/v2/silences", kSilence).status, 415);
  EXPECT_EQ(post("/api/v2/alerts", "[]", "Content-Type: application/json; charset=utf-8\r\n").status, 200);
  const Answer no_json = send("/api/v2/alerts", "[");
  EXPECT_EQ(no_json.status, 400);
  EXPECT_NE(no_json.body.find(R"({"code":400,"message":"not JSON)"), std::string::npos) << no_json.body;
  EXPECT_EQ(send("/api/v2/alerts", std::string((8 << 20) + 1, ' ')).status, 413);
  EXPECT_EQ(send("/api/v2/silences", std::string((256 << 10) + 1, ' ')).status, 413);
  EXPECT_EQ(erase("/api/v2/silences").status, 405);
  EXPECT_EQ(post("/api/v2/status", "").header("allow"), "GET, HEAD");
}

TEST_F(AlertmanagerApi, SilencesSuppressAndExpire) {
  start_with_receivers();
  add_alerts();

  const std::string id = add_silence();

  EXPECT_NE(get("/api/v2/alerts").body.find(R"("silencedBy":[")" + id + R"("],"state":"suppressed")"),
            std::string::npos);
  EXPECT_EQ(sorted_hosts("/api/v2/alerts?silenced=false"), "bc");
  EXPECT_EQ(hosts("/api/v2/alerts?active=false"), "a");
  EXPECT_EQ(hosts("/api/v2/alerts/groups?silenced=false"), "b c");
  const std::string shown = get("/api/v2/silence/" + id).body;
  EXPECT_NE(shown.find(R"("comment":"why","createdBy":"me","endsAt":"2023-11-15T22:00:00.000Z")"),
            std::string::npos)
      << shown;
  EXPECT_EQ("[" + shown.substr(0, shown.size() - 1) + "]\n", get("/api/v2/silences").body);

  EXPECT_EQ(erase("/api/v2/silence/" + id).status, 200);
  EXPECT_EQ(erase("/alertmanager/api/v2/silence/" + id).status, 200);  // over is over
  EXPECT_NE(get("/api/v2/silence/" + id).body.find(R"("state":"expired")"), std::string::npos);
  EXPECT_EQ(erase("/api/v2/silence/11111111-1111-1111-1111-111111111111").status, 404);
  EXPECT_EQ(sorted_hosts("/api/v2/alerts?silenced=false"), "abc");
}

TEST_F(AlertmanagerApi, SilencesAreChangedByTheirId) {
  start_with_receivers();
  const std::string id = add_silence();
  std::string longer = std::string(R"({"id":")") + id + "\"," + std::string(kSilence).substr(1);
  longer.replace(longer.find("2023-11-14T22:00:00Z"), 20, "2023-11-14T22:13:20Z");
  longer.replace(longer.find("2023-11-15"), 10, "2023-12-24");

  EXPECT_EQ(add_silence(longer), id);
  EXPECT_NE(get("/api/v2/silence/" + id).body.find(R"("endsAt":"2023-12-24T22:00:00.000Z")"),
            std::string::npos);
  longer.replace(longer.find(id), 36, "11111111-1111-1111-1111-111111111111");
  EXPECT_EQ(send("/api/v2/silences", longer).status, 404);
  std::string backwards = kSilence;
  backwards.replace(backwards.find("2023-11-15T22:00"), 16, "2023-11-14T22:00");
  EXPECT_EQ(send("/api/v2/silences", backwards).body,
            "\"failed to create silence: start time must be before end time\"\n");
  std::string past = kSilence;
  past.replace(past.find("2023-11-15T22:00"), 16, "2023-11-14T22:10");
  EXPECT_EQ(send("/api/v2/silences", past).body,
            "\"failed to create silence: end time can't be in the past\"\n");
  EXPECT_EQ(send("/api/v2/silences", "{}").status, 422);
}

TEST_F(AlertmanagerApi, SilencesAreSortedAndFiltered) {
  start_with_receivers();
  const auto named = [](const std::string& comment, const std::string& starts, const std::string& ends) {
    return R"({"matchers":[{"name":"n","value":")" + comment + R"(","isRegex":true}],"startsAt":")" + starts +
           R"(","endsAt":")" + ends + R"(","createdBy":"","comment":")" + comment + "\"}";
  };
  add_silence(named("p2", "2023-12-03T00:00:00Z", "2023-12-04T00:00:00Z"));
  add_silence(named("a2", "2023-11-01T00:00:00Z", "2023-12-02T00:00:00Z"));
  const std::string over = add_silence(named("e1", "2023-11-01T00:00:00Z", "2023-12-02T00:00:00Z"));
  add_silence(named("p1", "2023-12-01T00:00:00Z", "2023-12-09T00:00:00Z"));
  add_silence(named("a1", "2023-11-01T00:00:00Z", "2023-12-01T00:00:00Z"));
  erase("/api/v2/silence/" + over);

  const auto comments = [&](const std::string& query) {
    const std::string body = get("/api/v2/silences" + query).body;
    std::string found;
    for (auto at = body.find("\"comment\":\""); at != std::string::npos;
         at = body.find("\"comment\":\"", at + 1))
      found += body.substr(at + 11, 2) + " ";
    return found;
  };

  EXPECT_EQ(comments(""), "a1 a2 p1 p2 e1 ");
  EXPECT_EQ(comments("?active=false"), "p1 p2 e1 ");
  EXPECT_EQ(comments("?pending=false&expired=false"), "a1 a2 ");
  EXPECT_EQ(comments("?filter=n%3D~p1"), "p1 ");
  EXPECT_EQ(comments("?filter=n%3Dp1"), "");
}

TEST_F(AlertmanagerApi, SaysWhenTheDiskTakesNothing) {
  start_with_receivers();
  states_.fail(Status(Code::Unavailable, "the disk is full"));

  const Answer alerts = send("/api/v2/alerts", R"([{"labels":{"host":"a"}}])");
  const Answer silence = send("/api/v2/silences", kSilence);

  EXPECT_EQ(alerts.status, 503);
  EXPECT_EQ(alerts.header("retry-after"), "1");
  EXPECT_NE(alerts.body.find("the disk is full"), std::string::npos) << alerts.body;
  EXPECT_EQ(silence.status, 503);
  states_.fail({});
}

TEST_F(AlertmanagerApi, LetsAPageOfAnAllowedOriginDelete) {
  options.cors_origin = "https://grafana.example";
  start_with_receivers();
  Client client(port());

  client.send(
      "OPTIONS /api/v2/silence/11111111-1111-1111-1111-111111111111 HTTP/1.1\r\nHost: t\r\n"
      "Origin: https://grafana.example\r\nAccess-Control-Request-Method: DELETE\r\n\r\n");
  const Answer asked = client.read();

  EXPECT_EQ(asked.status, 204);
  EXPECT_EQ(asked.header("allow"), "GET, HEAD, DELETE, OPTIONS");
  EXPECT_EQ(asked.header("access-control-allow-methods"), "GET, POST, DELETE, OPTIONS");
  EXPECT_EQ(asked.header("access-control-allow-origin"), "https://grafana.example");
}

}  // namespace
}  // namespace silverback::api
