#include "kafka/claims.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "kafka/member.h"
#include "tests/kafka/mock_cluster.h"
#include "tests/kafka/store_for_tests.h"

namespace silverback::kafka {
namespace {

TEST(Claims, TheLastOneHasIt) {
  Claims claims;
  const std::uint64_t first = claims.take("p");
  Claims::Turn before(claims, "p", first);
  EXPECT_TRUE(before.enter());
  before.leave();
  const std::uint64_t second = claims.take("p");
  EXPECT_NE(first, second);
  EXPECT_FALSE(before.enter());
  claims.give_up("p", first);  // not its any more
  EXPECT_EQ(claims.take_if_free("p"), 0U);
  EXPECT_TRUE(Claims::Turn(claims, "p", second).enter());
  claims.give_up("p", second);
  EXPECT_FALSE(Claims::Turn(claims, "p", second).enter());
  EXPECT_NE(claims.take_if_free("p"), 0U);
  EXPECT_NE(claims.take("q"), 0U);
}

TEST(Claims, ATurnIsWaitedFor) {
  Claims claims;
  Claims::Turn turn(claims, "p", claims.take("p"));
  ASSERT_TRUE(turn.enter());
  std::atomic<bool> ended{false};
  std::thread other([&] {
    const std::uint64_t claim = claims.take("p");
    EXPECT_TRUE(ended.load());
    EXPECT_TRUE(Claims::Turn(claims, "p", claim).enter());
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  ended.store(true);
  turn.leave();
  other.join();
  EXPECT_FALSE(turn.enter());
}

/// One member, and this test in the place of another one.
class MemberTest : public testing::Test {
 protected:
  MemberTest() {
    ConsumerConfig config;
    config.name = "c";
    config.brokers = {cluster.brokers()};
    config.topics = {"metrics"};
    config.group = "g";
    config.database = "db";
    config.settings = {{"session.timeout.ms", "6000"}};
    shared = std::make_unique<Shared>(config, IntakeTargets{store.targets()}, *store.tsdb, letters, "mark",
                                      nullptr);
    member = std::make_unique<Member>(*shared);
  }
  bool wait_for_samples(std::size_t count) const {
    for (int i = 0; i < 600 && store.count() < count; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    return store.count() == count;
  }

  MockCluster cluster{1};
  TestStore store;
  DeadLetters letters{*store.states, 1 << 20};
  std::unique_ptr<Shared> shared;
  std::unique_ptr<Member> member;
  const std::string source = "kafka/c/metrics/0";
};

TEST_F(MemberTest, WhatAnotherMemberWasGivenIsItsAlone) {
  cluster.send(0, "cpu usage=1 1000000");
  ASSERT_TRUE(wait_for_samples(1));
  const std::uint64_t claim = shared->claims.take(source);
  cluster.send(0, "cpu usage=2 2000000");
  cluster.send(0, "cpu usage=oops 3000000");
  cluster.send(0, "cpu usage=4 4000000");
  std::this_thread::sleep_for(std::chrono::seconds(1));
  EXPECT_EQ(store.count(), 1U);
  EXPECT_EQ(letters.size().letters, 0U);
  EXPECT_EQ(store.position(source), 1);

  // The other one has taken in one of them and is gone; this one was the group's all the time.
  Intake other(shared->config, shared->intake);
  Message message;
  message.topic = "metrics";
  message.offset = 1;
  message.value = "cpu usage=2 2000000";
  ASSERT_TRUE(other.take(std::span(&message, 1), source));
  shared->claims.give_up(source, claim);
  cluster.send(0, "cpu usage=5 5000000");
  ASSERT_TRUE(wait_for_samples(4));
  for (int i = 0; i < 100 && store.position(source) != 5; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(store.position(source), 5);
  EXPECT_EQ(letters.size().letters, 1U);
  EXPECT_EQ(shared->figures.messages.value(), 4U);  // not the one that the other took in
}

}  // namespace
}  // namespace silverback::kafka
