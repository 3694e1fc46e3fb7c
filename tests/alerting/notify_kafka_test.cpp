// Notifications to topics of Kafka: what is read, sent, and made of the sink's answers.
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <future>

#include "alerting/notify/integrations.h"
#include "alerting/notify/notifier.h"
#include "storage/state_db.h"
#include "tests/alerting/kept_messages.h"
#include "tests/alerting/notifications.h"

namespace silverback::notify {
namespace {

using Kind = Outcome::Kind;
using Headers = std::vector<std::pair<std::string, std::string>>;

Surroundings surroundings_with(MessageSink& sink) {
  Surroundings made = surroundings();
  made.messages = &sink;
  return made;
}
KafkaSpec to_topic(std::string topic) {
  KafkaSpec spec;
  spec.topic = std::move(topic);
  return spec;
}

TEST(KafkaReceiver, SendsTheWebhooksBodyUnderTheKeyOfTheGroup) {
  KeptMessages sink;

  const Outcome outcome = make_kafka(to_topic("metrics.alert"), surroundings_with(sink))->send(two_firing());

  EXPECT_EQ(outcome.kind, Kind::Delivered) << outcome.error;
  ASSERT_EQ(sink.messages().size(), 1U);
  const OutMessage message = sink.messages()[0];
  EXPECT_EQ(message.topic, "metrics.alert");
  EXPECT_EQ(message.key, two_firing().group_key);
  EXPECT_EQ(message.value, webhook_payload(two_firing(), 0, kExternalUrl));
  EXPECT_EQ(message.headers, (Headers{{"content-type", "application/json"},
                                      {"idempotency-key", two_firing().idempotency_key}}));
}

TEST(KafkaReceiver, FillsInTopicKeyAndHeaders) {
  KeptMessages sink;
  KafkaSpec spec = to_topic("alerts.{{ .CommonLabels.severity }}");
  spec.key = "{{ .GroupLabels.alertname }}";
  spec.headers = {{"team", "{{ .CommonLabels.job }}"}, {"fixed", "x"}};
  spec.max_alerts = 1;

  ASSERT_EQ(make_kafka(spec, surroundings_with(sink))->send(two_resolved()).kind, Kind::Delivered);

  const OutMessage message = sink.messages().at(0);
  EXPECT_EQ(message.topic, "alerts.page");
  EXPECT_EQ(message.key, "Disk <full>");
  EXPECT_EQ(message.headers.at(2), (Headers::value_type{"team", "node"}));
  EXPECT_EQ(message.headers.at(3), (Headers::value_type{"fixed", "x"}));
  EXPECT_EQ(message.value, webhook_payload(two_resolved(), 1, kExternalUrl));
}

TEST(KafkaReceiver, ATemplateThatFailsOrGivesNoTopicIsRefused) {
  KeptMessages sink;
  KafkaSpec bad_header = to_topic("t");
  bad_header.headers = {{"h", "{{ template \"none\" }}"}};

  const Outcome no_topic =
      make_kafka(to_topic("{{ .GroupLabels.alertname }}"), surroundings_with(sink))->send(two_firing());
  const Outcome empty =
      make_kafka(to_topic("{{ .GroupLabels.team }}"), surroundings_with(sink))->send(two_firing());
  const Outcome failed = make_kafka(bad_header, surroundings_with(sink))->send(two_firing());

  EXPECT_EQ(no_topic.kind, Kind::Refused);
  EXPECT_EQ(no_topic.error,
            "topic: \"Disk <full>\" is no name of a topic: letters, digits, '.', '_' and '-' are");
  EXPECT_EQ(empty.kind, Kind::Refused);
  EXPECT_EQ(failed.kind, Kind::Refused);
  EXPECT_NE(failed.error.find("headers: h"), failed.error.npos) << failed.error;
  EXPECT_TRUE(sink.messages().empty());
}

TEST(KafkaReceiver, TheSinksAnswerDecides) {
  struct Case {
    Code code;
    Kind kind;
  };
  constexpr Case kCases[] = {{Code::ResourceExhausted, Kind::Retry},
                             {Code::Unavailable, Kind::Retry},
                             {Code::InvalidArgument, Kind::Refused}};
  for (const Case& one : kCases) {
    SCOPED_TRACE(static_cast<int>(one.code));
    const Status status(one.code, "because");
    KeptMessages refusing;
    refusing.refuse(status);
    KeptMessages failing;
    failing.answer(status);

    const Outcome refused = make_kafka(to_topic("t"), surroundings_with(refusing))->send(two_firing());
    const Outcome undelivered = make_kafka(to_topic("t"), surroundings_with(failing))->send(two_firing());

    EXPECT_EQ(refused.kind, one.kind);
    EXPECT_EQ(undelivered.kind, one.kind);
    EXPECT_EQ(undelivered.error, "because");
  }
}

TEST(KafkaReceiver, StopEndsTheWaitAndALateAnswerHurtsNobody) {
  KeptMessages sink;
  sink.answer(std::nullopt);
  auto kafka = make_kafka(to_topic("t"), surroundings_with(sink));
  auto outcome = std::async(std::launch::async, [&] { return kafka->send(two_firing()); });
  ASSERT_EQ(outcome.wait_for(std::chrono::milliseconds(100)), std::future_status::timeout);

  kafka->stop();

  ASSERT_EQ(outcome.wait_for(std::chrono::seconds(1)), std::future_status::ready);
  EXPECT_EQ(outcome.get().kind, Kind::Retry);
  EXPECT_EQ(kafka->send(two_firing()).kind, Kind::Retry) << "it was stopped";
  kafka.reset();
  sink.deliver({});
}

// ---- configuration

NotifyConfig read(std::string_view receiver, yaml::Problems& problems) {
  const auto node = yaml::parse(
      "route: {receiver: ops}\nreceivers:\n  - name: ops\n    kafka_configs:\n" + std::string(receiver),
      "n.yml");
  EXPECT_TRUE(node) << node.status().message();
  return read_notifications(*node, "/etc", problems);
}

TEST(KafkaReceiver, IsReadAndShownAsAComment) {
  yaml::Problems problems("n.yml");
  const NotifyConfig config = read(R"(
      - topic: 'alerts.{{ .CommonLabels.severity }}'
        key: '{{ .GroupLabels.job }}'
        headers: {team: ops, kind: '{{ .Status }}'}
        max_alerts: 7
        send_resolved: false
      - topic: all
)",
                                   problems);

  ASSERT_TRUE(problems.empty()) << problems.status().message();
  const auto& integrations = config.receivers.at(0).integrations;
  ASSERT_EQ(integrations.size(), 2U);
  EXPECT_EQ(integrations[0].kind(), "kafka");
  EXPECT_FALSE(integrations[0].send_resolved);
  const auto& spec = std::get<KafkaSpec>(integrations[0].what);
  EXPECT_EQ(spec.topic, "alerts.{{ .CommonLabels.severity }}");
  EXPECT_EQ(spec.key, "{{ .GroupLabels.job }}");
  EXPECT_EQ(spec.headers, (TextPairs{{"team", "ops"}, {"kind", "{{ .Status }}"}}));
  EXPECT_EQ(spec.max_alerts, 7U);
  EXPECT_EQ(integrations[1].index, 1U);
  EXPECT_TRUE(integrations[1].send_resolved);
  EXPECT_NE(config.shown.find("#     kafka_configs:\n"
                              "#       - send_resolved: false\n"
                              "#         topic: 'alerts.{{ .CommonLabels.severity }}'\n"),
            config.shown.npos)
      << config.shown;
  // Whoever does not know the field, as amtool, reads the rest.
  const auto shown = yaml::parse(config.shown, "s.yml");
  ASSERT_TRUE(shown) << shown.status().message();
  yaml::Problems none("s.yml");
  EXPECT_EQ(read_notifications(*shown, "/etc", none).route, config.route);
  EXPECT_TRUE(none.empty()) << none.status().message();
}

TEST(KafkaReceiver, SaysWhatIsWrong) {
  struct Case {
    std::string_view fields, problem;
  };
  constexpr Case kCases[] = {
      {"{}", "topic must be configured"},
      {"{topic: a b}", "topic: \"a b\" is no name of a topic"},
      {"{topic: '{{ .X'}", "topic: template: topic:1: unclosed action"},
      {"{topic: t, key: '{{ nope }}'}", "key: template: key:1: function \"nope\" not defined"},
      {"{topic: t, headers: {Content-Type: x}}", "headers: \"Content-Type\" is set by the server"},
      {"{topic: t, headers: {idempotency-key: x}}", "headers: \"idempotency-key\" is set by the server"},
      {"{topic: t, headers: {h: '{{'}}", "headers: h: template"},
      {"{topic: t, max_alerts: -1}", "max_alerts"},
      {"{topic: t, brokers: ['a:1']}", "they are those of `kafka: producer: brokers`"},
      {"{topic: t, url: x}", "unknown field"},
  };
  for (const auto& [fields, problem] : kCases) {
    SCOPED_TRACE(fields);
    yaml::Problems problems("n.yml");
    (void)read("      - " + std::string(fields), problems);
    EXPECT_NE(problems.status().message().find(problem), std::string_view::npos)
        << problems.status().message();
  }
}

// ---- through routes and groups

class KafkaNotifier : public testing::Test {
 protected:
  KafkaNotifier() : folder_(std::filesystem::temp_directory_path() / ("kafka_" + std::to_string(getpid()))) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    states_ = std::move(*storage::StateDb::open(folder_));
    config_.route.receiver = "ops";
    config_.route.group_by = {"alertname"};
    config_.route.group_wait_ms = 20;
    config_.route.group_interval_ms = 100;
    config_.receivers = {{"ops", {{0, true, to_topic("alerts")}}}};
  }
  ~KafkaNotifier() override {
    states_.reset();
    std::filesystem::remove_all(folder_);
  }
  NotifiedAlert alert() const {
    NotifiedAlert made;
    made.labels = {{"alertname", "Down"}, {"name", "a"}};
    made.starts_ns = made.updated_ns = clock_.now_ns();
    return made;
  }

  const std::filesystem::path folder_;
  const SystemClock clock_;
  std::unique_ptr<storage::StateDb> states_;
  NotifyConfig config_;
};

TEST_F(KafkaNotifier, TriesAgainUntilBrokersHaveItUnderTheSameKeys) {
  KeptMessages sink;
  sink.answer(Status(Code::Unavailable, "no broker"));
  Notifier notifier(*states_, clock_);
  ASSERT_TRUE(notifier.configure(config_, "http://here", &sink).ok());
  ASSERT_TRUE(notifier.sync({}).ok());
  ASSERT_TRUE(notifier.post({alert()}).ok());

  for (int i = 0; i < 1'000 && sink.messages().empty(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  sink.answer(Status());
  for (int i = 0; i < 1'000 && notifier.waiting() > 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));

  EXPECT_EQ(notifier.waiting(), 0U);
  const auto messages = sink.messages();
  ASSERT_GE(messages.size(), 2U);
  EXPECT_EQ(messages[0].key, R"({}:{alertname="Down"})");
  EXPECT_EQ(messages[1].key, messages[0].key);
  EXPECT_EQ(messages[1].headers, messages[0].headers);
  EXPECT_EQ(messages[1].value, messages[0].value);
}

TEST_F(KafkaNotifier, WithoutAProducerTheConfigurationIsRefused) {
  Notifier notifier(*states_, clock_);

  const Status refused = notifier.configure(config_, "http://here");

  EXPECT_EQ(refused.code(), Code::InvalidArgument);
  EXPECT_EQ(refused.message(),
            "notifications: receiver \"ops\": kafka_configs need a producer: set `kafka: producer: brokers`");
}

}  // namespace
}  // namespace silverback::notify
