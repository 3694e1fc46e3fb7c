// Members of a group against librdkafka's mock cluster.
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <thread>

#include "kafka/broker_consumer.h"
#include "tests/kafka/mock_cluster.h"

namespace silverback::kafka {
namespace {

/// Remembers what it was told, and where partitions have come to.
struct Recorder final : BrokerConsumer::Owner {
  std::vector<std::int64_t> assigned(std::span<const BrokerConsumer::Committed> given) override {
    std::vector<std::int64_t> begins;
    for (const BrokerConsumer::Committed& position : given) {
      committed_before[position.partition] = position.offset;
      ours[position.partition] = position.ours;
      const auto own = positions.find(position.partition);
      begins.push_back(own == positions.end() ? position.offset : std::max(own->second, position.offset));
    }
    return begins;
  }
  std::vector<Position> revoked(std::span<const Partition> partitions) override {
    std::vector<Position> stored;
    for (const Partition& partition : partitions) {
      ++given_up;
      if (const auto it = positions.find(partition); it != positions.end())
        stored.push_back({partition, it->second});
    }
    return stored;
  }
  void lost(std::span<const Partition>) override {}
  std::optional<std::int64_t> place_of(const Partition& partition,
                                       const BrokerConsumer::Bounds& bounds) override {
    asked_bounds = bounds;
    return places.at(partition);
  }
  void committed(const Status& status, std::span<const Position> all, double seconds) override {
    EXPECT_TRUE(status.ok()) << status.message();
    EXPECT_GE(seconds, 0);
    for (const Position& one : all) told.push_back(one.offset);
  }
  void trouble(std::string_view code, std::string_view) override { troubles.emplace_back(code); }

  std::map<Partition, std::int64_t> positions;
  std::map<Partition, std::int64_t> committed_before;
  std::map<Partition, bool> ours;
  std::map<Partition, std::int64_t> places;
  BrokerConsumer::Bounds asked_bounds;
  std::vector<std::int64_t> told;
  std::vector<std::string> troubles;
  int given_up = 0;
};

ConsumerConfig config_for(const MockCluster& cluster) {
  ConsumerConfig config;
  config.name = "c";
  config.brokers = {cluster.brokers()};
  config.topics = {"metr.*"};
  config.settings = {{"session.timeout.ms", "6000"}, {"topic.metadata.refresh.interval.ms", "200"}};
  return config;
}

std::size_t size_of(const Messages& messages) {
  std::size_t size = 0;
  for (const Messages::Batch& batch : messages.batches()) size += batch.messages.size();
  return size;
}

// How many messages so many polls give.
std::size_t poll(BrokerConsumer& consumer, int polls = 1) {
  Messages messages(0);
  std::size_t count = 0;
  for (int i = 0; i < polls; ++i) {
    consumer.poll(messages, 10, 1 << 20, 100);
    count += size_of(messages);
  }
  return count;
}

// Values until there are `count`, or thirty seconds have passed.
std::vector<std::string> values(BrokerConsumer& consumer, Recorder& owner, std::size_t count) {
  std::vector<std::string> all;
  Messages messages(100);
  for (int i = 0; i < 300 && all.size() < count; ++i) {
    consumer.poll(messages, 100, 1 << 20, 100);
    for (const Messages::Batch& batch : messages.batches()) {
      for (const Message& message : batch.messages) {
        EXPECT_EQ(find_header(message, "kind"), "test");
        EXPECT_FALSE(find_header(message, "other"));
        EXPECT_GT(message.time_ms, 0);
        EXPECT_EQ(message.topic, batch.partition.topic);
        EXPECT_EQ(message.partition, batch.partition.number);
        all.emplace_back(message.value);
      }
      owner.positions[batch.partition] = batch.messages.back().offset + 1;
    }
  }
  return all;
}

TEST(BrokerConsumer, TheOwnerSaysWhereAPartitionBegins) {
  MockCluster cluster(1);
  for (const char* value : {"0", "1", "2", "3"}) cluster.send(0, value);
  Recorder owner;
  owner.positions[{"metrics", 0}] = 2;
  auto consumer = BrokerConsumer::open(config_for(cluster), owner);
  ASSERT_TRUE(consumer) << consumer.status().message();
  EXPECT_EQ(values(**consumer, owner, 2), (std::vector<std::string>{"2", "3"}));
  EXPECT_EQ((*consumer)->bounds({"metrics", 0}).next, 4);
}

TEST(BrokerConsumer, WhoLeavesCommitsAndTheNextGoesOn) {
  MockCluster cluster(2);
  cluster.send(0, "a");
  cluster.send(1, "b");
  {
    Recorder owner;
    auto consumer = BrokerConsumer::open(config_for(cluster), owner, "mark");
    ASSERT_TRUE(consumer);
    EXPECT_EQ(values(**consumer, owner, 2).size(), 2u);
    consumer->reset();
    EXPECT_EQ(owner.given_up, 2);
  }
  cluster.send(0, "c");
  Recorder next;
  auto consumer = BrokerConsumer::open(config_for(cluster), next);
  ASSERT_TRUE(consumer);
  EXPECT_EQ(values(**consumer, next, 1), std::vector<std::string>{"c"});
  EXPECT_EQ((next.committed_before[{"metrics", 0}]), 1);
  EXPECT_FALSE((next.ours[{"metrics", 0}])) << "committed with another mark";
  consumer->reset();
  Recorder again;
  const auto last = BrokerConsumer::open(config_for(cluster), again, "mark");
  ASSERT_TRUE(last);
  for (int i = 0; i < 100 && again.committed_before.size() < 2; ++i) poll(**last);
  EXPECT_EQ((again.committed_before[{"metrics", 1}]), 1);
  EXPECT_TRUE((again.ours[{"metrics", 1}]));
}

TEST(BrokerConsumer, APausedOneGivesNothingAndGoesBackWhenTold) {
  MockCluster cluster(1);
  cluster.send(0, "0");
  Recorder owner;
  auto consumer = BrokerConsumer::open(config_for(cluster), owner);
  ASSERT_TRUE(consumer);
  ASSERT_EQ(values(**consumer, owner, 1).size(), 1u);
  (*consumer)->pause();
  cluster.send(0, "1");
  EXPECT_EQ(poll(**consumer, 5), 0U);
  owner.places[{"metrics", 0}] = 0;
  (*consumer)->place_anew({"metrics", 0});
  EXPECT_EQ(poll(**consumer, 5), 0U);
  (*consumer)->resume();
  EXPECT_EQ(values(**consumer, owner, 2), (std::vector<std::string>{"0", "1"}));
}

TEST(BrokerConsumer, OutsideOfTheLogTheOwnerIsAsked) {
  MockCluster cluster(1);
  for (const char* value : {"0", "1", "2"}) cluster.send(0, value);
  Recorder owner;
  owner.positions[{"metrics", 0}] = 100;
  owner.places[{"metrics", 0}] = 1;
  auto consumer = BrokerConsumer::open(config_for(cluster), owner);
  ASSERT_TRUE(consumer);
  EXPECT_EQ(values(**consumer, owner, 2), (std::vector<std::string>{"1", "2"}));
  EXPECT_EQ(owner.asked_bounds.first, 0);
  EXPECT_EQ(owner.asked_bounds.next, 3);
}

TEST(BrokerConsumer, ACommitIsAnswered) {
  MockCluster cluster(1);
  for (const char* value : {"0", "1", "2"}) cluster.send(0, value);
  Recorder owner;
  auto consumer = BrokerConsumer::open(config_for(cluster), owner);
  ASSERT_TRUE(consumer);
  ASSERT_EQ(values(**consumer, owner, 3).size(), 3u);
  const Position position{{"metrics", 0}, 3};
  (*consumer)->commit(std::span(&position, 1));
  for (int i = 0; i < 50 && owner.told.empty(); ++i) EXPECT_EQ(poll(**consumer), 0U);
  EXPECT_EQ(owner.told, (std::vector<std::int64_t>{3}));
}

TEST(BrokerConsumer, WakingEndsAPoll) {
  MockCluster cluster(1);
  Recorder owner;
  auto consumer = BrokerConsumer::open(config_for(cluster), owner);
  ASSERT_TRUE(consumer);
  const auto began = std::chrono::steady_clock::now();
  std::thread waker([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    (*consumer)->wake();
  });
  Messages messages(0);
  (*consumer)->poll(messages, 10, 1 << 20, 60'000);
  waker.join();
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(50));
}

TEST(BrokerConsumer, APollIsBoundedInBytes) {
  MockCluster cluster(1);
  for (int i = 0; i < 5; ++i) cluster.send(0, std::string(600, 'x'));
  Recorder owner;
  auto consumer = BrokerConsumer::open(config_for(cluster), owner);
  ASSERT_TRUE(consumer);
  Messages messages(0);
  bool full = false;
  for (int i = 0; i < 100 && messages.empty(); ++i) full = (*consumer)->poll(messages, 100, 1000, 1000);
  EXPECT_EQ(size_of(messages), 2u);
  EXPECT_TRUE(full);
  EXPECT_FALSE((*consumer)->poll(messages, 100, 1 << 20, 1000));
  EXPECT_EQ(size_of(messages), 3u);
}

TEST(BrokerConsumer, SettingsThatAreWrongAreNamed) {
  Recorder owner;
  ConsumerConfig config;
  config.name = "c";
  config.brokers = {"127.0.0.1:1"};
  config.topics = {"t"};
  config.settings = {{"no.such.setting", "1"}};
  const auto consumer = BrokerConsumer::open(config, owner);
  ASSERT_FALSE(consumer);
  EXPECT_NE(consumer.status().message().find("no.such.setting"), std::string_view::npos);
  config.settings = {};
  config.security.protocol = "sasl_plaintext";
  config.security.mechanism = "PLAIN";
  config.security.username = "u";
  config.security.password_environment = "SILVERBACK_NO_SUCH_VARIABLE";
  EXPECT_EQ(BrokerConsumer::open(config, owner).status().code(), Code::NotFound);
}

}  // namespace
}  // namespace silverback::kafka
