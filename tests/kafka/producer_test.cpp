// The producer against librdkafka's mock cluster.
#include "kafka/producer.h"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <thread>

#include "base/metrics.h"
#include "tests/kafka/mock_cluster.h"

namespace silverback::kafka {
namespace {

constexpr std::int16_t kProduce = 0;
constexpr std::int16_t kInitProducerId = 22;
constexpr const char* kNobody = "127.0.0.1:21999";

ProducerConfig config_for(const std::string& brokers) {
  ProducerConfig config;
  config.brokers = {brokers};
  config.close_timeout_ms = 1'000;
  return config;
}

std::unique_ptr<Producer> open(const ProducerConfig& config) {
  auto producer = Producer::open(config);
  EXPECT_TRUE(producer) << producer.status().message();
  return producer ? std::move(*producer) : nullptr;
}

// What becomes of one message.
std::future<Status> send(MessageSink& sink, OutMessage message) {
  const auto promise = std::make_shared<std::promise<Status>>();
  auto result = promise->get_future();
  const Status sent =
      sink.send(std::move(message), [promise](const Status& status) { promise->set_value(status); });
  if (!sent.ok()) promise->set_value(sent);
  return result;
}

template <typename Condition>
bool comes_true(Condition condition) {
  for (int i = 0; i < 1'000 && !condition(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  return condition();
}

TEST(Producer, SendsKeyValueHeadersAndTime) {
  MockCluster cluster(1);
  const auto producer = open(config_for(cluster.brokers()));

  const Status sent = send(*producer, {.topic = "metrics",
                                       .key = "k",
                                       .value = std::string("a\0b", 3),
                                       .headers = {{"content-type", "text"}, {"empty", ""}},
                                       .time_ms = 1'700'000'000'123})
                          .get();

  ASSERT_TRUE(sent.ok()) << sent.message();
  const auto read = cluster.read("metrics", 1);
  ASSERT_EQ(read.size(), 1u);
  EXPECT_EQ(read[0].key, "k");
  EXPECT_EQ(read[0].value, std::string("a\0b", 3));
  EXPECT_EQ(read[0].headers,
            (std::vector<std::pair<std::string, std::string>>{{"content-type", "text"}, {"empty", ""}}));
  EXPECT_EQ(read[0].time_ms, 1'700'000'000'123);
  EXPECT_EQ(producer->status().sent, 1u);
  EXPECT_EQ(producer->status().queued, 0u);
  EXPECT_TRUE(producer->status().troubles.empty());
}

TEST(Producer, KeepsTheOrderAndRepeatsNothingThroughErrorsOfBrokers) {
  MockCluster cluster(1);
  const auto producer = open(config_for(cluster.brokers()));
  cluster.fail(kProduce, {RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
                          RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, RD_KAFKA_RESP_ERR__TRANSPORT});
  std::vector<OutMessage> messages;
  for (int i = 0; i < 500; ++i)
    messages.push_back({.topic = "metrics", .key = "one", .value = std::to_string(i)});

  for (const Status& status : send_and_wait(*producer, messages))
    EXPECT_TRUE(status.ok()) << status.message();

  const auto read = cluster.read("metrics", 501);
  ASSERT_EQ(read.size(), 500u);
  for (std::size_t i = 0; i < read.size(); ++i) EXPECT_EQ(read[i].value, std::to_string(i));
}

TEST(Producer, SaysWhatIsTooLargeOrHasNoGoodTopic) {
  MockCluster cluster(1);
  auto config = config_for(cluster.brokers());
  config.settings = {{"message.max.bytes", "2000"}};
  const auto producer = open(config);

  const Status large = send(*producer, {.topic = "metrics", .value = std::string(3'000, 'x')}).get();
  const Status framed = send(*producer, {.topic = "metrics", .value = std::string(1'999, 'x')}).get();
  const Status named = send(*producer, {.topic = "a topic", .value = "v"}).get();

  EXPECT_EQ(large.code(), Code::InvalidArgument);
  EXPECT_NE(large.message().find("3000 bytes"), std::string_view::npos) << large.message();
  EXPECT_NE(large.message().find("2000"), std::string_view::npos) << large.message();
  EXPECT_EQ(framed.code(), Code::InvalidArgument) << framed.message();
  EXPECT_EQ(named.code(), Code::InvalidArgument);
  EXPECT_NE(named.message().find("\"a topic\""), std::string_view::npos) << named.message();
  EXPECT_EQ(producer->status().queued, 0u);
}

// A topic's limit is one of batches: what is small failed for those beside it.
TEST(Producer, ABatchThatIsTooLargeIsNoReasonToGiveUpASmallMessage) {
  MockCluster cluster(1);
  auto config = config_for(cluster.brokers());
  config.settings = {{"batch.size", "10000"}, {"linger.ms", "200"}};
  const auto producer = open(config);
  cluster.fail(kProduce, {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE});

  const OutMessage message{.topic = "metrics", .key = "k", .value = std::string(99, 'x')};
  auto first = send(*producer, message);
  auto second = send(*producer, message);

  for (const Status& small : {first.get(), second.get()}) {
    EXPECT_EQ(small.code(), Code::Unavailable) << small.message();
    EXPECT_NE(small.message().find("100 bytes in a batch of up to 10000"), std::string_view::npos)
        << small.message();
    EXPECT_NE(small.message().find("settings: batch.size"), std::string_view::npos) << small.message();
  }
  ASSERT_EQ(producer->status().troubles.size(), 1u);
  EXPECT_EQ(producer->status().troubles[0].code, "MSG_SIZE_TOO_LARGE");
  EXPECT_TRUE(send(*producer, message).get().ok());

  cluster.fail(kProduce, {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE});
  const Status alone = send(*producer, message).get();
  EXPECT_EQ(alone.code(), Code::InvalidArgument) << "nothing was beside it: " << alone.message();
}

TEST(Producer, AMessageThatFillsABatchIsTooLargeItself) {
  MockCluster cluster(1);
  auto config = config_for(cluster.brokers());
  config.settings = {{"batch.size", "10000"}};
  const auto producer = open(config);
  cluster.fail(kProduce, {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE});
  const Status large = send(*producer, {.topic = "metrics", .value = std::string(9'000, 'x')}).get();
  EXPECT_EQ(large.code(), Code::InvalidArgument) << large.message();
  EXPECT_NE(large.message().find("9000 bytes"), std::string_view::npos) << large.message();
}

TEST(Producer, AMessageThatIsLargerThanTheQueueIsNotTriedForever) {
  auto config = config_for(kNobody);
  config.queue_bytes = 2'048;
  const auto producer = open(config);
  EXPECT_EQ(send(*producer, {.topic = "t", .value = std::string(3'000, 'x')}).get().code(),
            Code::InvalidArgument);
}

TEST(Producer, WithoutABrokerTheQueueIsBoundedAndMessagesFailInTime) {
  auto config = config_for(kNobody);
  config.queue_messages = 10;
  config.timeout_ms = 1'000;
  const auto producer = open(config);

  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::future<Status>> sent;
  for (int i = 0; i < 15; ++i) sent.push_back(send(*producer, {.topic = "t", .value = "secret"}));
  EXPECT_EQ(producer->status().queued, 10u);
  for (std::size_t i = 0; i < sent.size(); ++i) {
    SCOPED_TRACE(i);
    const Status status = sent[i].get();
    EXPECT_EQ(status.code(), i < 10 ? Code::Unavailable : Code::ResourceExhausted) << status.message();
    const bool full = status.message().find("queue_messages: 10") != std::string_view::npos;
    EXPECT_EQ(full, i >= 10) << status.message();
    EXPECT_EQ(status.message().find("secret"), std::string_view::npos) << status.message();
  }

  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  const ProducerStatus status = producer->status();
  EXPECT_EQ(status.queued, 0u);
  EXPECT_EQ(status.max_queued, 10u);
  EXPECT_EQ(status.failed, 10u);
  EXPECT_FALSE(status.troubles.empty());
}

TEST(Producer, ATroubleEndsWithADelivery) {
  MockCluster cluster(1);
  auto config = config_for(cluster.brokers());
  config.settings = {{"reconnect.backoff.max.ms", "100"}};
  const auto producer = open(config);
  ASSERT_TRUE(send(*producer, {.topic = "metrics", .value = "0"}).get().ok());
  cluster.down();
  auto waiting = send(*producer, {.topic = "metrics", .value = "1"});
  ASSERT_TRUE(comes_true([&] { return !producer->status().troubles.empty(); }));
  EXPECT_GT(producer->status().troubles[0].since_ms, 1'700'000'000'000);

  cluster.up();

  EXPECT_TRUE(waiting.get().ok());
  EXPECT_TRUE(producer->status().troubles.empty());
}

TEST(Producer, ATroubleThatIsNotHeardOfIsOverThoughNothingIsSent) {
  MockCluster cluster(1);
  auto config = config_for(cluster.brokers());
  config.settings = {{"reconnect.backoff.max.ms", "100"}};
  ManualClock clock(1'700'000'000 * kNsPerSecond);
  auto producer = std::move(*Producer::open(config, "kafka producer", &clock));
  ASSERT_TRUE(send(*producer, {.topic = "metrics", .value = "0"}).get().ok());
  cluster.down();
  ASSERT_TRUE(comes_true([&] { return !producer->status().troubles.empty(); }));

  EXPECT_TRUE(comes_true([&] {
    clock.advance(std::chrono::seconds(1));  // every 10 ms
    return producer->status().troubles.empty();
  }));
}

TEST(Producer, ATopicsTroubleIsOverWhenNothingWasSentToItForLong) {
  MockCluster cluster(1);
  cluster.create_topic("bad", 1);
  cluster.fail_topic("bad", RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION);
  ManualClock clock(1'700'000'000 * kNsPerSecond);
  auto producer = std::move(*Producer::open(config_for(cluster.brokers()), "kafka producer", &clock));
  ASSERT_FALSE(send(*producer, {.topic = "bad", .value = "v"}).get().ok());
  ASSERT_EQ(producer->status().troubles.size(), 1u);
  clock.advance(std::chrono::minutes(11));
  EXPECT_TRUE(comes_true([&] { return producer->status().troubles.empty(); }));

  ASSERT_FALSE(send(*producer, {.topic = "bad", .value = "v"}).get().ok());

  EXPECT_EQ(producer->status().troubles.size(), 1u) << "also when librdkafka refuses it at once";
}

TEST(Producer, TheLogSaysWhoseItIs) {
  testing::internal::CaptureStderr();
  auto opened = Producer::open(config_for(kNobody), "kafka consumer c: dead letters");
  const bool in_trouble = opened && comes_true([&] { return !(*opened)->status().troubles.empty(); });
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_TRUE(in_trouble);
  EXPECT_NE(said.find("kafka consumer c: dead letters: trouble"), std::string::npos) << said;
  EXPECT_EQ(said.find("kafka producer"), std::string::npos) << said;
}

TEST(Producer, ATopicsTroubleIsNotOverWhenAnotherTopicWorks) {
  MockCluster cluster(1);
  cluster.create_topic("bad", 1);
  cluster.fail_topic("bad", RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION);
  const auto producer = open(config_for(cluster.brokers()));

  const Status bad = send(*producer, {.topic = "bad", .value = "v"}).get();
  ASSERT_TRUE(send(*producer, {.topic = "metrics", .value = "v"}).get().ok());

  EXPECT_EQ(bad.code(), Code::InvalidArgument) << bad.message();
  ASSERT_EQ(producer->status().troubles.size(), 1u);
  EXPECT_EQ(producer->status().troubles[0].code, "TOPIC_EXCEPTION");
}

TEST(Producer, BeginsAnewAfterAFatalError) {
  MockCluster cluster(1);
  cluster.fail(kInitProducerId, {RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED});
  const auto producer = open(config_for(cluster.brokers()));

  EXPECT_EQ(send(*producer, {.topic = "metrics", .value = "0"}).get().code(), Code::Unavailable);
  ASSERT_TRUE(comes_true([&] {
    const auto troubles = producer->status().troubles;
    return troubles.size() == 1 && troubles[0].code == "CLUSTER_AUTHORIZATION_FAILED";
  }));

  EXPECT_TRUE(comes_true([&] { return send(*producer, {.topic = "metrics", .value = "1"}).get().ok(); }));
  EXPECT_TRUE(producer->status().troubles.empty());
}

TEST(Producer, AFatalErrorThatStaysIsNotALoop) {
  MockCluster cluster(1);
  cluster.fail(kInitProducerId,
               std::vector<rd_kafka_resp_err_t>(8, RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED));
  auto producer = open(config_for(cluster.brokers()));
  EXPECT_FALSE(send(*producer, {.topic = "metrics", .value = "0"}).get().ok());
  std::this_thread::sleep_for(std::chrono::milliseconds(1'200));
  // Three clients have come and gone; a loop would have used up all errors.
  EXPECT_EQ(producer->status().queued, 0u);
  EXPECT_FALSE(send(*producer, {.topic = "metrics", .value = "1"}).get().ok());

  const auto begin = std::chrono::steady_clock::now();
  producer.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(2)) << "waited for the next one";
}

TEST(Producer, ClosingWaitsForWhatIsQueued) {
  MockCluster cluster(1);
  auto config = config_for(cluster.brokers());
  config.settings = {{"linger.ms", "50000"}};
  config.timeout_ms = 60'000;
  config.close_timeout_ms = 30'000;
  auto producer = open(config);
  auto sent = send(*producer, {.topic = "metrics", .value = "v"});
  producer.reset();
  EXPECT_TRUE(sent.get().ok());
}

TEST(Producer, ClosingTellsWhoeverStillWaits) {
  auto config = config_for(kNobody);
  config.close_timeout_ms = 100;
  auto producer = open(config);
  auto sent = send(*producer, {.topic = "t", .value = "v"});
  const auto begin = std::chrono::steady_clock::now();
  producer.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  const Status status = sent.get();
  EXPECT_EQ(status.code(), Code::Unavailable);
  EXPECT_NE(status.message().find("ended before"), std::string_view::npos) << status.message();
}

TEST(Producer, SendAndWaitTakesMoreThanTheQueueHolds) {
  MockCluster cluster(1);
  auto config = config_for(cluster.brokers());
  config.queue_messages = 7;
  const auto producer = open(config);
  std::vector<OutMessage> messages;
  for (int i = 0; i < 50; ++i)
    messages.push_back({.topic = "metrics", .key = "k", .value = std::to_string(i)});
  messages.push_back({.topic = "no good", .value = "v"});

  const auto statuses = send_and_wait(*producer, messages);

  ASSERT_EQ(statuses.size(), 51u);
  for (std::size_t i = 0; i < 50; ++i) EXPECT_TRUE(statuses[i].ok()) << statuses[i].message();
  EXPECT_EQ(statuses[50].code(), Code::InvalidArgument);
  EXPECT_EQ(cluster.read("metrics", 51).size(), 50u);
}

TEST(Producer, WhoIsToldOfADeliveryFindsRoom) {
  MockCluster cluster(1);
  auto config = config_for(cluster.brokers());
  config.queue_messages = 1;
  config.settings = {{"linger.ms", "0"}};
  const auto producer = open(config);
  const std::vector<OutMessage> messages(300, {.topic = "metrics", .value = "v"});
  for (const Status& status : send_and_wait(*producer, messages))
    ASSERT_TRUE(status.ok()) << status.message();
}

TEST(Producer, ABoundOfBytesCountsKeysAndHeadersToo) {
  auto config = config_for(kNobody);
  config.queue_bytes = 4'096;
  config.close_timeout_ms = 0;
  const auto producer = open(config);
  const OutMessage message{
      .topic = "t", .key = std::string(500, 'k'), .value = "v", .headers = {{"h", std::string(500, 'x')}}};
  int taken = 0;
  for (int i = 0; i < 10; ++i) taken += producer->send(message, [](const Status&) {}).ok() ? 1 : 0;
  EXPECT_EQ(taken, 4);
}

TEST(Producer, ManyThreadsMaySend) {
  MockCluster cluster(1);
  const auto producer = open(config_for(cluster.brokers()));
  std::atomic<int> good = 0;
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      std::vector<OutMessage> messages(200, {.topic = "metrics", .value = "v"});
      for (const Status& status : send_and_wait(*producer, std::move(messages))) good += status.ok() ? 1 : 0;
    });
  }
  threads.clear();
  EXPECT_EQ(good, 800);
}

TEST(Producer, TakesTheSettingsOfAConsumer) {
  MockCluster cluster(1);
  auto config = config_for(cluster.brokers());
  config.settings = {{"fetch.min.bytes", "1"},
                     {"session.timeout.ms", "6000"},
                     {"max.poll.interval.ms", "9000"},
                     {"isolation.level", "read_committed"},
                     {"fetch.message.max.bytes", "1000"},
                     {"queued.min.messages", "10"}};
  const auto producer = open(config);
  EXPECT_TRUE(send(*producer, {.topic = "metrics", .value = "v"}).get().ok());
}

TEST(Producer, SettingsThatAreWrongAreNamed) {
  auto config = config_for(kNobody);
  config.settings = {{"no.such.setting", "1"}};
  auto producer = Producer::open(config);
  ASSERT_FALSE(producer);
  EXPECT_NE(producer.status().message().find("no.such.setting"), std::string_view::npos);
  config.settings = {{"acks", "0"}};
  producer = Producer::open(config);
  ASSERT_FALSE(producer);
  EXPECT_EQ(producer.status().code(), Code::InvalidArgument);
  EXPECT_NE(producer.status().message().find("acks"), std::string_view::npos) << producer.status().message();
  config.brokers.clear();
  EXPECT_EQ(Producer::open(config).status().code(), Code::InvalidArgument);
}

TEST(Producer, CountsInMetrics) {
  MockCluster cluster(1);
  const auto producer = open(config_for(cluster.brokers()));
  Counter& sent = metrics().counter("silverback_kafka_producer_sent_total", "");
  const std::uint64_t before = sent.value();
  ASSERT_TRUE(send(*producer, {.topic = "metrics", .value = "v"}).get().ok());
  EXPECT_EQ(sent.value(), before + 1);
  EXPECT_EQ(metrics().gauge("silverback_kafka_producer_queue_messages", "").value(), 0);
}

}  // namespace
}  // namespace silverback::kafka
