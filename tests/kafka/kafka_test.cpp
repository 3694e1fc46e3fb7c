// Consumers from topic to store, against librdkafka's mock cluster and the real store.
#include "kafka/kafka.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <thread>

#include "tests/kafka/mock_cluster.h"
#include "tests/kafka/store_for_tests.h"

namespace silverback::kafka {
namespace {

/// Takes nothing while it is told so.
class Door final : public Appender {
 public:
  explicit Door(Appender& inside) : inside_(inside) {}
  Result<AppendOutcome> append_with(Tenant tenant, const Batch& batch, SeriesResolver& resolver,
                                    const AppendExtras& extras) override {
    if (closed) return Status(Code::Unavailable, "the disk is full");
    if (const auto* const act = meanwhile.load()) (*act)();
    return inside_.append_with(tenant, batch, resolver, extras);
  }
  std::atomic<bool> closed{false};
  std::atomic<const std::function<void()>*> meanwhile{nullptr};  // what happens while it stores

 private:
  Appender& inside_;
};

class KafkaTest : public testing::Test {
 protected:
  KafkaTest() { start(); }
  void start() {
    door = std::make_unique<Door>(*store.tsdb);
    kafka = std::make_unique<Kafka>(
        KafkaTargets{{{*door, *store.tsdb, *store.tsdb, store.clock}}, *store.tsdb, *store.states});
    ASSERT_TRUE(kafka->open().ok());
  }
  void restart() {
    kafka.reset();
    store.open();
    start();
  }
  ConsumerConfig consumer(std::string name = "c") const {
    ConsumerConfig config;
    config.name = std::move(name);
    config.brokers = {cluster.brokers()};
    config.topics = {"metrics"};
    config.group = "g-" + config.name;
    config.database = "db";
    config.settings = {{"session.timeout.ms", "6000"}};
    return config;
  }
  void configure(const KafkaConfig& config) {
    const Status done = kafka->configure(config);
    ASSERT_TRUE(done.ok()) << done.message();
  }
  static bool wait(const std::function<bool()>& done) {
    for (int i = 0; i < 600 && !done(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(50));
    return done();
  }
  bool wait_for_samples(std::size_t count) {
    return wait([&] { return store.count() >= count; });
  }
  /// Of the first partition of the first consumer.
  std::int64_t committed() const {
    const auto partitions = kafka->status().consumers.at(0).partitions;
    return partitions.empty() ? -1 : partitions[0].committed;
  }
  std::vector<DeadLetter> letters() const { return *kafka->dead_letters().list("", "", 100); }

  MockCluster cluster{2};
  TestStore store;
  std::unique_ptr<Door> door;
  std::unique_ptr<Kafka> kafka;
};

TEST_F(KafkaTest, MessagesAreStoredOnceWhateverHappensToTheServer) {
  cluster.send(0, "cpu usage=1");
  cluster.send(1, "mem used=2");
  configure({.consumers = {consumer()}});
  ASSERT_TRUE(wait_for_samples(2));
  ASSERT_TRUE(wait([&] { return store.position("kafka/c/metrics/1") == 1; }));
  restart();
  cluster.send(0, "cpu usage=3");
  configure({.consumers = {consumer()}});
  ASSERT_TRUE(wait_for_samples(3));
  const KafkaStatus status = kafka->status();
  ASSERT_EQ(status.consumers.size(), 1u);
  const ConsumerStatus& one = status.consumers[0];
  EXPECT_EQ(one.messages, 1u) << "only what is new is read after a restart";
  EXPECT_EQ(one.samples, 1u);
  ASSERT_EQ(one.partitions.size(), 2u);
  ASSERT_TRUE(wait([&] {
    const auto partitions = kafka->status().consumers[0].partitions;
    return partitions[0].lag == 0 && partitions[0].committed == 2;
  }));
}

TEST_F(KafkaTest, BadMessagesGoToTheirTopic) {
  cluster.create_topic("dead", 1);
  ConsumerConfig config = consumer();
  config.dead_letter_topic = "dead";
  cluster.send(0, "cpu usage=1");
  cluster.send(0, "cpu usage=");
  cluster.send(0, "cpu usage=2");
  configure({.consumers = {config}});
  ASSERT_TRUE(wait([&] { return store.position("kafka/c/metrics/0") == 3; }));
  EXPECT_EQ(store.count(), 2u);
  const auto read = cluster.read("dead", 1);
  ASSERT_EQ(read.size(), 1u);
  EXPECT_EQ(read[0].value, "cpu usage=");
  const std::map<std::string, std::string> headers(read[0].headers.begin(), read[0].headers.end());
  EXPECT_EQ(headers.at("kind"), "test");
  EXPECT_EQ(headers.at("error-code"), "malformed");
  EXPECT_NE(headers.at("error-message").find("missing field value"), std::string::npos);
  EXPECT_EQ(headers.at("source-topic"), "metrics");
  EXPECT_EQ(headers.at("source-partition"), "0");
  EXPECT_EQ(headers.at("source-offset"), "1");
  EXPECT_EQ(headers.at("consumer"), "c");
  EXPECT_TRUE(headers.contains("failed-at"));
  const ConsumerStatus status = kafka->status().consumers[0];
  EXPECT_EQ(status.dead_letters_sent, 1u);
  EXPECT_EQ(status.rejected, (std::vector<std::pair<std::string, std::uint64_t>>{{"malformed", 1}}));
  EXPECT_TRUE(letters().empty());
}

TEST_F(KafkaTest, LettersThatNoTopicTakesAreKeptAndCanBeTriedAgain) {
  ConsumerConfig config = consumer();
  config.format = Format::Json;
  config.json.value = "v";
  cluster.send(0, R"({"name":"up","value":1})");
  cluster.send(0, "no json");
  configure({.consumers = {config}});
  ASSERT_TRUE(wait([&] { return letters().size() == 2; }));
  EXPECT_EQ(letters()[0].id(), "c/metrics/0/0");

  config.json.value = "value";
  configure({.consumers = {config}});
  const std::vector<std::string> ids = {letters()[0].id(), letters()[1].id()};
  const auto first = kafka->retry(ids[0]);
  ASSERT_TRUE(first) << first.status().message();
  EXPECT_TRUE(*first);
  const auto second = kafka->retry(ids[1]);
  ASSERT_TRUE(second) << second.status().message();
  EXPECT_FALSE(*second);
  EXPECT_EQ(store.count(), 1u);
  ASSERT_EQ(letters().size(), 1u);
  EXPECT_EQ(letters()[0].id(), "c/metrics/0/1");
  EXPECT_EQ(kafka->retry("c/metrics/0/7").status().code(), Code::NotFound);
  configure({});
  EXPECT_EQ(kafka->retry("c/metrics/0/1").status().code(), Code::NotFound);
}

TEST_F(KafkaTest, ALetterThatIsDroppedWhileItIsTriedAgainStaysAway) {
  cluster.send(0, "cpu usage=1 1700000000000000000\ncpu usage=");
  configure({.consumers = {consumer()}});
  ASSERT_TRUE(wait([&] { return letters().size() == 1 && store.position("kafka/c/metrics/0") == 1; }));
  const std::string id = letters()[0].id();
  const std::function<void()> drop = [&] { EXPECT_TRUE(kafka->dead_letters().remove(std::span(&id, 1))); };
  door->meanwhile = &drop;

  const auto tried = kafka->retry(id);

  door->meanwhile = nullptr;
  EXPECT_EQ(tried.status().code(), Code::NotFound) << tried.status().message();
  EXPECT_TRUE(letters().empty());
  EXPECT_EQ(kafka->status().dead_letters, 0u);
}

TEST_F(KafkaTest, WhatTheStoreDoesNotTakeWaits) {
  door->closed = true;
  cluster.send(0, "cpu usage=1");
  cluster.send(1, "mem used=2");
  configure({.consumers = {consumer()}});
  ASSERT_TRUE(wait([&] {
    const auto troubles = kafka->status().consumers[0].troubles;
    return !troubles.empty() && troubles[0].code == "store";
  }));
  EXPECT_NE(kafka->status().consumers[0].troubles[0].text.find("the disk is full"), std::string::npos);
  cluster.send(0, "cpu usage=3");
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  EXPECT_EQ(store.count(), 0u);
  door->closed = false;
  ASSERT_TRUE(wait_for_samples(3));
  EXPECT_TRUE(wait([&] { return kafka->status().consumers[0].troubles.empty(); }));
}

TEST_F(KafkaTest, AReloadTouchesOnlyWhatChanged) {
  cluster.send(0, "cpu usage=1");
  ConsumerConfig stays = consumer("stays");
  ConsumerConfig goes = consumer("goes");
  goes.labels = {{"through", "goes"}};
  configure({.consumers = {stays, goes}});
  ASSERT_TRUE(wait_for_samples(2));
  const std::uint64_t rebalances = kafka->status().consumers[1].rebalances;
  ConsumerConfig changed = goes;
  changed.labels = {{"through", "changed"}};
  configure({.consumers = {stays, changed}});
  cluster.send(0, "cpu usage=2");
  ASSERT_TRUE(wait_for_samples(4));
  EXPECT_EQ(store.all().size(), 3u);
  configure({.consumers = {stays}});
  const KafkaStatus status = kafka->status();
  ASSERT_EQ(status.consumers.size(), 1u);
  EXPECT_EQ(status.consumers[0].name, "stays");
  EXPECT_EQ(status.consumers[0].rebalances, rebalances);
}

TEST_F(KafkaTest, OutsideOfTheLogThePolicyDecides) {
  Intake intake(consumer(), {{*door, *store.tsdb, *store.tsdb, store.clock}});
  ASSERT_TRUE(intake.keep({"kafka/c/metrics/0", 50}).ok());
  cluster.send(0, "cpu usage=1");
  ConsumerConfig config = consumer();
  config.out_of_range = OutOfRange::Stop;
  configure({.consumers = {config}});
  ASSERT_TRUE(wait([&] {
    const auto troubles = kafka->status().consumers[0].troubles;
    return !troubles.empty() && troubles[0].code == "out_of_range";
  }));
  EXPECT_EQ(store.count(), 0u);
  config.out_of_range = OutOfRange::Earliest;
  configure({.consumers = {config}});
  ASSERT_TRUE(wait_for_samples(1));
  EXPECT_TRUE(wait([&] { return store.position("kafka/c/metrics/0") == 1; }));
}

TEST_F(KafkaTest, WhoBeginsAtTheEndStaysThereAfterAKill) {
  cluster.send(0, "cpu usage=1");
  ConsumerConfig config = consumer();
  config.from_earliest = false;
  configure({.consumers = {config}});
  ASSERT_TRUE(wait([&] { return store.position("kafka/c/metrics/0") == 1; }));
  restart();
  cluster.send(0, "cpu usage=2");  // while nobody reads
  configure({.consumers = {config}});
  ASSERT_TRUE(wait_for_samples(1));
  EXPECT_EQ(store.all().begin()->second[0].second, 2);
}

// A power cut takes the end of the log, and the broker has been told of more.
TEST_F(KafkaTest, WhoLostTheEndOfItsLogReadsItAgain) {
  for (int i = 0; i < 3; ++i) cluster.send(0, "cpu usage=" + std::to_string(i));
  configure({.consumers = {consumer()}});
  ASSERT_TRUE(wait([&] { return committed() == 3; }));
  kafka.reset();
  start();
  Intake intake(consumer(), {{*door, *store.tsdb, *store.tsdb, store.clock}});
  ASSERT_TRUE(intake.keep({"kafka/c/metrics/0", 1}).ok());
  configure({.consumers = {consumer()}});
  ASSERT_TRUE(wait([&] { return store.position("kafka/c/metrics/0") == 3; }));
  EXPECT_TRUE(wait([&] { return kafka->status().consumers[0].messages > 0; }));
  EXPECT_EQ(kafka->status().consumers[0].messages, 2u);
  EXPECT_EQ(store.count(), 3u);
}

// All of it, or an older copy is used: what the broker was told by us says nothing of what we have.
TEST_F(KafkaTest, WhoLostItsPositionBeginsAnew) {
  for (int i = 0; i < 3; ++i) cluster.send(0, "cpu usage=" + std::to_string(i));
  configure({.consumers = {consumer()}});
  ASSERT_TRUE(wait([&] { return committed() == 3; }));
  kafka.reset();
  TestStore older;
  StateBatch mark;
  ASSERT_TRUE(store.states
                  ->scan("kafka/mark",
                         [&](std::string_view key, std::string_view value) {
                           mark.put(std::string(key), std::string(value));
                           return true;
                         })
                  .ok());
  ASSERT_TRUE(older.states->apply(mark).ok());
  kafka = std::make_unique<Kafka>(KafkaTargets{{older.targets()}, *older.tsdb, *older.states});
  ASSERT_TRUE(kafka->open().ok());
  configure({.consumers = {consumer()}});
  EXPECT_TRUE(wait([&] { return older.position("kafka/c/metrics/0") == 3; }));
  EXPECT_TRUE(wait([&] { return kafka->status().consumers.at(0).messages == 3; }));
  kafka.reset();  // before its store
}

// What another consumer has told is in the store.
TEST_F(KafkaTest, AnotherConsumerOfTheGroupGoesOnWhereItIs) {
  for (int i = 0; i < 3; ++i) cluster.send(0, "cpu usage=" + std::to_string(i));
  ConsumerConfig config = consumer("before");
  configure({.consumers = {config}});
  ASSERT_TRUE(wait([&] { return committed() == 3; }));
  config.name = "after";
  configure({.consumers = {config}});
  cluster.send(0, "cpu usage=4");
  ASSERT_TRUE(wait([&] { return store.position("kafka/after/metrics/0") == 4; }));
  EXPECT_TRUE(wait([&] { return kafka->status().consumers.at(0).messages == 1; }));
}

TEST_F(KafkaTest, BrokersThatGoAwayDoNotHoldUpTheEnd) {
  cluster.send(0, "cpu usage=1");
  configure({.consumers = {consumer()}});
  ASSERT_TRUE(wait_for_samples(1));
  cluster.down();
  const auto began = std::chrono::steady_clock::now();
  kafka.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(25));
}

TEST_F(KafkaTest, BrokersThatAreGoneAreTroubleAndDoNotHoldUpTheEnd) {
  ConsumerConfig config = consumer();
  config.brokers = {"127.0.0.1:1"};
  config.dead_letter_topic = "dead";
  configure({.consumers = {config}});
  const auto in_trouble = [&](bool of_dead_letters) {
    return std::ranges::any_of(kafka->status().consumers[0].troubles, [&](const Trouble& trouble) {
      return trouble.text.starts_with("dead letters: ") == of_dead_letters;
    });
  };
  ASSERT_TRUE(wait([&] { return in_trouble(false) && in_trouble(true); }));
  const auto began = std::chrono::steady_clock::now();
  kafka.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(30));
}

TEST_F(KafkaTest, WhatLibrdkafkaDoesNotTakeIsRefusedAndNothingChanges) {
  configure({.consumers = {consumer()}});
  ConsumerConfig bad = consumer("bad");
  bad.settings = {{"no.such.setting", "1"}};
  const Status refused = kafka->configure({.consumers = {bad}});
  EXPECT_EQ(refused.code(), Code::InvalidArgument);
  EXPECT_NE(refused.message().find("consumer bad: settings: no.such.setting"), std::string_view::npos)
      << refused.message();
  EXPECT_EQ(kafka->status().consumers.at(0).name, "c");
  ConsumerConfig no_file = consumer("bad");
  no_file.security.protocol = "ssl";
  no_file.security.ca_file = "/nowhere/ca.pem";
  EXPECT_EQ(kafka->configure({.consumers = {no_file}}).code(), Code::InvalidArgument);
  EXPECT_EQ(kafka->status().consumers.at(0).name, "c");

  // Only with what this server sets itself are these wrong, and all of it is told at once.
  KafkaConfig slack{.consumers = {consumer("bad")}};
  slack.consumers[0].dead_letter_topic = "dead";
  slack.consumers[0].settings = {{"acks", "1"}};
  slack.producer.brokers = {cluster.brokers()};
  slack.producer.timeout_ms = 500;
  slack.producer.settings = {{"linger.ms", "1000"}};
  const std::string both = std::string(kafka->configure(slack).message());
  EXPECT_NE(both.find("kafka: consumer bad: dead letters: `acks` must be set to `all`"), both.npos) << both;
  EXPECT_NE(both.find("\nkafka: producer: "), both.npos) << both;
  EXPECT_EQ(kafka->status().consumers.at(0).name, "c");
}

// Rules that send may be there before consumers, and be refused.
TEST_F(KafkaTest, AProducerIsOpenedOnceAndReplacedOnlyByAConfigurationInForce) {
  const auto brokers = [&] { return kafka->status().producer.brokers; };
  const auto send = [&] { return kafka->sink().send({.topic = "out", .value = "v"}, [](const Status&) {}); };
  ProducerConfig first;
  first.brokers = {cluster.brokers()};
  ProducerConfig other = first;
  other.brokers.emplace_back("127.0.0.1:1");
  EXPECT_EQ(send().code(), Code::Unavailable);

  ASSERT_TRUE(kafka->open_producer(first).ok());
  EXPECT_TRUE(send().ok());
  ASSERT_TRUE(kafka->open_producer(other).ok());
  EXPECT_EQ(brokers(), first.brokers);
  configure({.producer = other});
  EXPECT_EQ(brokers(), other.brokers);
  configure({});
  EXPECT_EQ(send().code(), Code::Unavailable);
}

TEST_F(KafkaTest, SettingsMayWidenWhatTheServerSets) {
  ConsumerConfig wide = consumer();
  wide.settings.emplace_back("message.max.bytes", "10485760");
  configure({.consumers = {wide}});
  cluster.send(0, "cpu usage=1");
  ASSERT_TRUE(wait_for_samples(1));
}

}  // namespace
}  // namespace silverback::kafka
