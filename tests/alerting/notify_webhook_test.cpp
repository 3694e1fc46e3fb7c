// Webhooks: bytes recorded from Alertmanager 0.25, and receivers that behave badly.
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>

#include "alerting/notify/integrations.h"
#include "alerting/notify/templates.h"
#include "base/number.h"
#include "tests/alerting/notifications.h"
#include "tests/alerting/socket_receiver.h"

namespace silverback::notify {
namespace {

constexpr std::string_view kFiring =
    R"({"receiver":"ops\\.team","status":"firing","alerts":[{"status":"firing","labels":{"alertname":"Disk \u003cfull\u003e","instance":"a:1","job":"node","severity":"page"},"annotations":{"a":"x"},"startsAt":"2024-01-02T01:04:05Z","endsAt":"0001-01-01T00:00:00Z","generatorURL":"","fingerprint":"d61d0024a2e8b540"},{"status":"firing","labels":{"alertname":"Disk \u003cfull\u003e","instance":"b:1","job":"node","severity":"page"},"annotations":{"a":"x","summary":"S \u0026 \"q\" é +"},"startsAt":"2024-01-02T03:04:05.12Z","endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://p/graph?g0.expr=a%3E1\u0026g0.tab=1","fingerprint":"21755e6a9ea5f64d"}],"groupLabels":{"alertname":"Disk \u003cfull\u003e"},"commonLabels":{"alertname":"Disk \u003cfull\u003e","job":"node","severity":"page"},"commonAnnotations":{"a":"x"},"externalURL":"http://am.example.org/am","version":"4","groupKey":"{}:{alertname=\"Disk \u003cfull\u003e\"}","truncatedAlerts":0}
)";

constexpr std::string_view kResolved =
    R"({"receiver":"ops\\.team","status":"resolved","alerts":[{"status":"resolved","labels":{"alertname":"Disk \u003cfull\u003e","instance":"a:1","job":"node","severity":"page"},"annotations":{"a":"x"},"startsAt":"2024-01-02T01:04:05Z","endsAt":"2024-01-02T03:14:05.000000001Z","generatorURL":"","fingerprint":"d61d0024a2e8b540"},{"status":"resolved","labels":{"alertname":"Disk \u003cfull\u003e","instance":"b:1","job":"node","severity":"page"},"annotations":{},"startsAt":"2024-01-02T03:04:05.12Z","endsAt":"2024-01-02T03:14:05.5Z","generatorURL":"http://p/graph?g0.expr=a%3E1\u0026g0.tab=1","fingerprint":"21755e6a9ea5f64d"}],"groupLabels":{"alertname":"Disk \u003cfull\u003e"},"commonLabels":{"alertname":"Disk \u003cfull\u003e","job":"node","severity":"page"},"commonAnnotations":{},"externalURL":"http://am.example.org/am","version":"4","groupKey":"{}:{alertname=\"Disk \u003cfull\u003e\"}","truncatedAlerts":0}
)";

using Kind = Outcome::Kind;

Outcome send(const WebhookSpec& spec, const Notification& notification = two_firing(),
             const Egress& egress = {}) {
  return make_webhook(spec, surroundings(egress))->send(notification);
}
WebhookSpec webhook_to(const std::string& url) {
  WebhookSpec spec;
  spec.url = url;
  spec.timeout_ms = 5'000;
  return spec;
}

TEST(Webhook, PayloadIsAlertmanagersToTheByte) {
  EXPECT_EQ(webhook_payload(two_firing(), 0, kExternalUrl), kFiring);
  EXPECT_EQ(webhook_payload(two_resolved(), 0, kExternalUrl), kResolved);
}

TEST(Webhook, TellsTheFirstAlertsAndHowManyAreLeftOut) {
  const std::string payload = webhook_payload(two_firing(), 1, kExternalUrl);

  EXPECT_NE(payload.find("\"truncatedAlerts\":1"), payload.npos);
  EXPECT_NE(payload.find("\"instance\":\"a:1\""), payload.npos);
  EXPECT_EQ(payload.find("\"instance\":\"b:1\",\"job\""), payload.npos);
  EXPECT_NE(webhook_payload(two_firing(), 2, kExternalUrl).find("\"truncatedAlerts\":0"), payload.npos);
}

TEST(Webhook, AReasonComesBehindAlertmanagersOlderFields) {
  Notification notification = two_firing();
  notification.reason = "repeat interval elapsed";

  const std::string payload = webhook_payload(notification, 0, kExternalUrl);

  EXPECT_TRUE(
      payload.ends_with(",\"truncatedAlerts\":0,\"notification_reason\":\"repeat interval elapsed\"}\n"));
}

// The digest is what Python's hmac makes of the same secret and text.
TEST(Webhook, SignsTimeAndBody) {
  EXPECT_EQ(signature("whsec", 1700000000, "{\"a\":1}"),
            "t=1700000000,v1=8ad37ba156048ae0e0a5533c75cdf26fee88b07f93cb57ee4c80adb053012032");
}

TEST(Webhook, SendsHeadersAndBody) {
  HttpReceiver receiver([](const HttpRequest&) { return HttpReceiver::ok(); });
  WebhookSpec spec = webhook_to(receiver.url("/hook/{{ .GroupLabels.alertname | urlquery }}"));
  spec.signature_secret = "whsec";
  spec.http.credentials = "tok";

  const Outcome outcome = send(spec);

  EXPECT_EQ(outcome.kind, Kind::Delivered) << outcome.error;
  ASSERT_EQ(receiver.requests().size(), 1U);
  const HttpRequest request = receiver.requests()[0];
  EXPECT_EQ(request.path(), "POST /hook/Disk+%3Cfull%3E HTTP/1.1");
  EXPECT_EQ(request.body, kFiring);
  EXPECT_EQ(request.header("Content-Type"), "application/json");
  EXPECT_EQ(request.header("Idempotency-Key"), "key-1");
  EXPECT_EQ(request.header("Authorization"), "Bearer tok");
  EXPECT_TRUE(request.header("User-Agent").starts_with("Silverback/"));
  const std::string signed_by = request.header("X-Silverback-Signature");
  ASSERT_TRUE(signed_by.starts_with("t=")) << signed_by;
  EXPECT_EQ(signed_by, signature("whsec", std::stoll(signed_by.substr(2)), request.body));
}

TEST(Webhook, ReadsItsUrlFromAFileAtEachNotification) {
  HttpReceiver receiver([](const HttpRequest&) { return HttpReceiver::ok(); });
  const std::string file = testing::TempDir() + "webhook_url";
  WebhookSpec spec;
  spec.url_file = file;
  const auto webhook = make_webhook(spec, surroundings());

  std::ofstream(file) << receiver.url("/one") << "\n";
  EXPECT_EQ(webhook->send(two_firing()).kind, Kind::Delivered);
  std::ofstream(file) << receiver.url("/two") << "\n";
  EXPECT_EQ(webhook->send(two_firing()).kind, Kind::Delivered);
  std::remove(file.c_str());
  const Outcome gone = webhook->send(two_firing());

  EXPECT_EQ(receiver.requests().at(1).path(), "POST /two HTTP/1.1");
  EXPECT_EQ(gone.kind, Kind::Retry);
  EXPECT_NE(gone.error.find(file), gone.error.npos);
}

TEST(Webhook, TheStatusDecides) {
  struct Case {
    std::string_view status, headers;
    Kind kind;
    std::int64_t retry_after_ms;
  };
  constexpr Case kCases[] = {
      {"200 OK", "", Kind::Delivered, 0},
      {"202 Accepted", "Retry-After: 9\r\n", Kind::Delivered, 0},
      {"500 Oops", "", Kind::Retry, 0},
      {"503 Busy", "Retry-After: 7\r\n", Kind::Retry, 7'000},
      {"503 Busy", "Retry-After: soon\r\n", Kind::Retry, 0},
      {"503 Busy", "Retry-After: -5\r\n", Kind::Retry, 0},
      {"503 Busy", "Retry-After: Wed, 21 Oct 2015 07:28:00 GMT\r\n", Kind::Retry, 0},
      {"503 Busy", "Retry-After: 9999999\r\n", Kind::Retry, 86'400'000},
      {"429 Too Many", "Retry-After: 120\r\n", Kind::Retry, 120'000},
      {"400 Bad", "Retry-After: 7\r\n", Kind::Refused, 0},
      {"404 Not Found", "", Kind::Refused, 0},
      {"304 Not Modified", "", Kind::Refused, 0},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(std::string(c.status) + " " + std::string(c.headers));
    HttpReceiver receiver(
        [&](const HttpRequest&) { return HttpReceiver::reply(c.status, std::string(300, 'w'), c.headers); });

    const Outcome outcome = send(webhook_to(receiver.url()));

    EXPECT_EQ(outcome.kind, c.kind);
    EXPECT_EQ(outcome.retry_after_ms, c.retry_after_ms);
    if (c.kind != Kind::Delivered && c.status != "304 Not Modified") {
      EXPECT_EQ(outcome.error,
                "the receiver answered " + std::string(c.status.substr(0, 3)) + ": " + std::string(200, 'w'));
    }
  }
}

TEST(Webhook, ARetryAfterThatIsADateIsTheTimeUntilThen) {
  const std::time_t then = std::time(nullptr) + 100;
  char date[64];
  std::strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", std::gmtime(&then));
  HttpReceiver receiver([&](const HttpRequest&) {
    return HttpReceiver::reply("503 Busy", "", "Retry-After: " + std::string(date) + "\r\n");
  });

  const Outcome outcome = send(webhook_to(receiver.url()));

  EXPECT_GT(outcome.retry_after_ms, 80'000);
  EXPECT_LE(outcome.retry_after_ms, 100'000);
}

TEST(Webhook, FollowsARedirectThatKeepsTheMethodToTheSameHost) {
  HttpReceiver receiver([](const HttpRequest& request) {
    return request.path().starts_with("POST /new")
               ? HttpReceiver::ok()
               : HttpReceiver::reply("308 Moved", "", "Location: /new\r\n");
  });

  const Outcome outcome = send(webhook_to(receiver.url("/old")));

  EXPECT_EQ(outcome.kind, Kind::Delivered) << outcome.error;
  ASSERT_EQ(receiver.requests().size(), 2U);
  EXPECT_EQ(receiver.requests()[1].path(), "POST /new HTTP/1.1");
  EXPECT_EQ(receiver.requests()[1].body, kFiring);
}

TEST(Webhook, NothingGoesToAnotherHost) {
  HttpReceiver other([](const HttpRequest&) { return HttpReceiver::ok(); });
  for (const char* status : {"301 Moved", "302 Found", "303 See", "307 Moved", "308 Moved"}) {
    SCOPED_TRACE(status);
    HttpReceiver receiver([&](const HttpRequest&) {
      return HttpReceiver::reply(status, "", "Location: " + other.url("/steal") + "\r\n");
    });

    const Outcome outcome = send(webhook_to(receiver.url()));

    EXPECT_EQ(outcome.kind, Kind::Refused);
    EXPECT_NE(outcome.error.find(other.url("/steal")), outcome.error.npos) << outcome.error;
    EXPECT_TRUE(other.requests().empty());
  }
}

TEST(Webhook, RedirectsEnd) {
  HttpReceiver receiver(
      [](const HttpRequest&) { return HttpReceiver::reply("307 Again", "", "Location: /\r\n"); });

  const Outcome outcome = send(webhook_to(receiver.url()));

  EXPECT_EQ(outcome.kind, Kind::Refused);
  EXPECT_EQ(receiver.requests().size(), 11U);
}

TEST(Webhook, FollowsNoRedirectWhenToldNotTo) {
  HttpReceiver receiver(
      [](const HttpRequest&) { return HttpReceiver::reply("308 Moved", "", "Location: /b\r\n"); });
  WebhookSpec spec = webhook_to(receiver.url("/a"));
  spec.http.follow_redirects = false;

  EXPECT_EQ(send(spec).kind, Kind::Refused);
  EXPECT_EQ(receiver.requests().size(), 1U);
}

TEST(Webhook, AReceiverThatSaysNothingIsTriedAgain) {
  SocketReceiver receiver([](Peer& peer) { peer.wait_for_end(); });
  WebhookSpec spec = webhook_to(receiver.url());
  spec.timeout_ms = 200;

  const Outcome outcome = send(spec);

  EXPECT_EQ(outcome.kind, Kind::Retry);
  EXPECT_TRUE(outcome.error.starts_with("http://127.0.0.1:")) << outcome.error;
}

TEST(Webhook, AReceiverThatTalksGarbageIsTriedAgain) {
  SocketReceiver receiver([](Peer& peer) {
    peer.read_until("\r\n\r\n");
    peer.write("\x16\x03\x01 what?\r\n\r\n");
  });

  EXPECT_EQ(send(webhook_to(receiver.url())).kind, Kind::Retry);
}

TEST(Webhook, AnAnswerWithoutEndCountsByItsStatus) {
  SocketReceiver fast([](Peer& peer) {
    peer.read_until("\r\n\r\n");
    peer.write("HTTP/1.1 200 OK\r\n\r\n");
    while (peer.write(std::string(65'536, 'x'))) {
    }
  });
  SocketReceiver slow([](Peer& peer) {
    peer.read_until("\r\n\r\n");
    peer.write("HTTP/1.1 400 Bad\r\nContent-Length: 1000\r\n\r\nhalf");
    peer.wait_for_end();
  });
  WebhookSpec to_slow = webhook_to(slow.url());
  to_slow.timeout_ms = 300;

  EXPECT_EQ(send(webhook_to(fast.url())).kind, Kind::Delivered);
  const Outcome outcome = send(to_slow);
  EXPECT_EQ(outcome.kind, Kind::Refused);
  EXPECT_EQ(outcome.error, "the receiver answered 400: half");
}

TEST(Webhook, NoOneListens) {
  const Outcome outcome = send(webhook_to("http://127.0.0.1:1/secret-path"));

  EXPECT_EQ(outcome.kind, Kind::Retry);
  EXPECT_EQ(outcome.error.find("secret-path"), outcome.error.npos) << outcome.error;
}

TEST(Webhook, GoesNowhereThatEgressDoesNotAllow) {
  HttpReceiver receiver([](const HttpRequest&) { return HttpReceiver::ok(); });

  const Outcome refused = send(webhook_to(receiver.url()), two_firing(), *Egress::make({"10.0.0.0/8"}));
  const Outcome allowed = send(webhook_to(receiver.url()), two_firing(), *Egress::make({"127.0.0.1"}));
  const Outcome link_local = send(webhook_to("http://169.254.169.254/latest"));

  EXPECT_EQ(refused.kind, Kind::Refused);
  EXPECT_NE(refused.error.find("egress"), refused.error.npos) << refused.error;
  EXPECT_EQ(allowed.kind, Kind::Delivered) << allowed.error;
  EXPECT_EQ(link_local.kind, Kind::Refused);
  EXPECT_EQ(receiver.requests().size(), 1U);
}

TEST(Webhook, ATemplateThatFailsAndAUrlThatIsNoneAreRefused) {
  const Outcome field = send(webhook_to("http://x/{{ .Nope }}"));
  const Outcome scheme = send(webhook_to("file:///etc/passwd"));

  EXPECT_EQ(field.kind, Kind::Refused);
  EXPECT_EQ(
      field.error,
      "url: template: :1:12: executing \"\" at <.Nope>: can't evaluate field Nope in type *template.Data");
  EXPECT_EQ(scheme.kind, Kind::Refused);
}

TEST(Webhook, StopEndsARequestUnderWay) {
  SocketReceiver receiver([](Peer& peer) { peer.wait_for_end(); });
  const auto webhook = make_webhook(webhook_to(receiver.url()), surroundings());
  std::thread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    webhook->stop();
  });
  const auto begin = std::chrono::steady_clock::now();

  const Outcome outcome = webhook->send(two_firing());

  stopper.join();
  EXPECT_EQ(outcome.kind, Kind::Retry);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(3));
}

}  // namespace
}  // namespace silverback::notify
