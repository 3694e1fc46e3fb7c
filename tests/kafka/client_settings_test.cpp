// What librdkafka is told, where the server and the configuration both have a say.
#include "kafka/client_settings.h"

#include <gtest/gtest.h>

namespace silverback::kafka {
namespace {

ConsumerConfig with(TextPairs settings) {
  ConsumerConfig config;
  config.name = "c";
  config.brokers = {"a:1", "b:2"};
  config.topics = {"metrics"};
  config.dead_letter_topic = "x.dead";
  config.settings = std::move(settings);
  return config;
}

// librdkafka takes the last of one name.
std::string last_of(const Result<TextPairs>& settings, std::string_view name) {
  std::string last = "none";
  for (const auto& [key, value] : *settings) {
    if (key == name) last = value;
  }
  return last;
}

// What a consumer with these settings is told.
std::string told(std::string_view name, TextPairs settings) {
  return last_of(consumer_settings(with(std::move(settings))), name);
}

TEST(ClientSettings, OnesOwnDeadLettersAreNeverRead) {
  EXPECT_EQ(told("topic.blacklist", {}), "^x\\.dead$");
  EXPECT_EQ(told("topic.blacklist", {{"topic.blacklist", "^a$,^b$"}}), "^x\\.dead$,^a$,^b$");
  EXPECT_EQ(told("topic.blacklist", {{"topic.blacklist", ""}}), "^x\\.dead$");
}

TEST(ClientSettings, AFetchHoldsAMessage) {
  EXPECT_EQ(told("fetch.max.bytes", {}), "3145728");
  EXPECT_EQ(told("fetch.max.bytes", {{"message.max.bytes", "500000"}}), "3145728");
  EXPECT_EQ(told("fetch.max.bytes", {{"message.max.bytes", "10485760"}}), "10485760");
  EXPECT_EQ(told("fetch.max.bytes", {{"fetch.max.bytes", "5000000"}}), "5000000");
}

TEST(ClientSettings, DeadLettersGoOutThroughTheirConsumersBrokers) {
  const ConsumerConfig consumer = with({{"topic.blacklist", "^.*dead$"}, {"batch.size", "15000"}});
  const auto settings = producer_settings(letter_producer(consumer));
  EXPECT_EQ(last_of(settings, "bootstrap.servers"), "a:1,b:2");
  EXPECT_EQ(last_of(settings, "batch.size"), "15000");
  EXPECT_EQ(last_of(settings, "topic.blacklist"), "none") << "the producer would not find the topic";
  EXPECT_TRUE(check_client_settings(*settings, /*consumes=*/false).ok());
}

}  // namespace
}  // namespace silverback::kafka
