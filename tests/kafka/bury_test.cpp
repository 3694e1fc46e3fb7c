// Dead letters to their topic, and what it does not take into the real store.
#include <gtest/gtest.h>

#include <optional>

#include "kafka/dead_letter_record.h"
#include "kafka/shared.h"
#include "tests/kafka/store_for_tests.h"

namespace silverback::kafka {
namespace {

/// Takes what it is told to take, at once.
class Topic final : public MessageSink {
 public:
  Status send(OutMessage message, Delivered delivered) override {
    got.push_back(std::move(message));
    delivered(says);
    return {};
  }
  std::vector<OutMessage> got;
  Status says;
};

class BuryTest : public testing::Test {
 protected:
  void open(std::uint64_t max_bytes, std::unique_ptr<Topic> sink = nullptr) {
    config.name = "c";
    config.dead_letter_topic = sink == nullptr ? "" : "dead";
    topic = sink.get();
    kept.emplace(*store.states, max_bytes);
    ASSERT_TRUE(kept->open().ok());
    shared = std::make_unique<Shared>(config, IntakeTargets{store.targets()}, *store.tsdb, *kept, "mark",
                                      std::move(sink));
  }
  // Of messages with the offsets from 0 on.
  std::vector<DeadLetter> letters(int count, std::int64_t time_ms = 1'700'000'000'123) const {
    std::vector<DeadLetter> made;
    for (int i = 0; i < count; ++i) {
      Message message;
      message.topic = "metrics";
      message.offset = i;
      message.time_ms = time_ms;
      message.value = "cpu usage=";
      const BadMessage bad{0, "malformed", "missing field value"};
      made.push_back(make_letters(*shared, std::span(&message, 1), std::span(&bad, 1))[0]);
    }
    return made;
  }

  TestStore store;
  ConsumerConfig config;
  std::optional<DeadLetters> kept;
  std::unique_ptr<Shared> shared;
  Topic* topic = nullptr;
};

TEST_F(BuryTest, ABoundBelowTheLettersOfARunKeepsThemInPieces) {
  open(400);
  std::vector<DeadLetter> run = letters(10);
  const std::vector<DeadLetter> all = run;
  std::vector<DeadLetter> found;
  int rounds = 0;
  for (; rounds < 20 && !run.empty(); ++rounds) {
    const Status buried = bury(*shared, run);
    EXPECT_EQ(buried.ok(), run.empty()) << buried.message();
    std::vector<std::string> ids;
    const auto listed = kept->list("", "", 100);
    ASSERT_TRUE(listed);
    for (const DeadLetter& one : *listed) {
      ids.push_back(one.id());
      found.push_back(one);
    }
    EXPECT_FALSE(ids.empty()) << "nothing that could be dropped";
    EXPECT_TRUE(kept->remove(ids));  // as somebody does who made sense of them
  }
  EXPECT_EQ(found, all);
  EXPECT_GT(rounds, 2);
  EXPECT_EQ(shared->figures.letters_kept.value(), 10u);
}

TEST_F(BuryTest, ALetterThatNeverFitsHoldsUpThoseBehindItAndSaysSo) {
  open(400);
  std::vector<DeadLetter> run = letters(3);
  run[1].value = std::string(500, 'x');
  const Status buried = bury(*shared, run);
  EXPECT_EQ(buried.code(), Code::ResourceExhausted);
  EXPECT_NE(buried.message().find("c/metrics/0/1 alone takes"), std::string_view::npos) << buried.message();
  ASSERT_EQ(run.size(), 2u);
  kept->set_max_bytes(4'000);
  EXPECT_TRUE(bury(*shared, run).ok());
  EXPECT_TRUE(run.empty());
  EXPECT_EQ(kept->size().letters, 3u);
}

TEST_F(BuryTest, ALetterInATopicHasTheTimeOfItsMessageAsAHeader) {
  open(1'000'000, std::make_unique<Topic>());
  std::vector<DeadLetter> run = letters(1);
  run.push_back(letters(1, 0)[0]);  // the message had none
  ASSERT_TRUE(bury(*shared, run).ok());
  ASSERT_EQ(topic->got.size(), 2u);
  const auto headers = [&](std::size_t i) {
    return std::map<std::string, std::string>(topic->got[i].headers.begin(), topic->got[i].headers.end());
  };
  EXPECT_EQ(headers(0).at("source-timestamp"), "1700000000123");
  EXPECT_EQ(topic->got[0].time_ms, 0) << "the topic keeps it for as long as others from now";
  EXPECT_FALSE(headers(1).contains("source-timestamp"));
  EXPECT_EQ(headers(1).at("source-offset"), "0");
}

TEST_F(BuryTest, WhatTheTopicRefusesIsKeptHere) {
  open(1'000'000, std::make_unique<Topic>());
  topic->says = Status(Code::Unavailable, "kafka: topic dead: too large a batch");
  std::vector<DeadLetter> run = letters(3);
  ASSERT_TRUE(bury(*shared, run).ok());
  EXPECT_TRUE(run.empty());
  EXPECT_EQ(kept->size().letters, 3u);
  run = letters(2);
  ASSERT_TRUE(bury(*shared, run).ok());
  EXPECT_EQ(topic->got.size(), 3u) << "left alone for a while";
}

}  // namespace
}  // namespace silverback::kafka
