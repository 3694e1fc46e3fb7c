// Messages to samples in the real store.
#include "kafka/intake.h"

#include <gtest/gtest.h>

#include "tests/kafka/store_for_tests.h"

namespace silverback::kafka {
namespace {

constexpr std::int64_t kTime_ms = 1'700'000'000'000;
constexpr std::int64_t kTime_ns = kTime_ms * kNsPerMs;
const std::string kSource = "kafka/c/metrics/0";

using Samples = TestStore::Samples;

struct World {
  explicit World(Format format) {
    config.name = "c";
    config.format = format;
    config.database = format == Format::Influx ? "db" : "";
    config.labels = {{"source", "kafka"}};
  }
  Message& add(std::string_view value, std::vector<Header> headers = {}) {
    Message& message = messages.emplace_back();
    message.topic = "metrics";
    message.offset = static_cast<std::int64_t>(messages.size()) + 99;
    message.time_ms = kTime_ms + static_cast<std::int64_t>(messages.size()) - 1;
    message.value = *kept_values.emplace_back(std::make_unique<std::string>(value));
    message.headers = *kept_headers.emplace_back(std::make_unique<std::vector<Header>>(std::move(headers)));
    return message;
  }
  // All of them, in as many calls as it takes.
  Taken take() {
    Intake intake(config, {store.targets()});
    Taken all;
    while (all.messages < messages.size()) {
      const auto taken = intake.take(std::span(messages).subspan(all.messages), kSource);
      EXPECT_TRUE(taken) << taken.status().message();
      if (!taken) break;
      ++calls;
      for (BadMessage bad : taken->bad) {
        bad.index += all.messages;
        all.bad.push_back(std::move(bad));
      }
      all.messages += taken->messages;
      all.samples += taken->samples;
    }
    return all;
  }

  TestStore store;
  ConsumerConfig config;
  std::vector<Message> messages;
  std::vector<std::unique_ptr<std::string>> kept_values;
  std::vector<std::unique_ptr<std::vector<Header>>> kept_headers;
  int calls = 0;
};

TEST(Intake, ARunIsOneCallAndKeepsItsPosition) {
  World world(Format::Influx);
  world.add("cpu,host=a usage=1");
  world.add("cpu,host=a usage=2\ncpu,host=b usage=3 " + std::to_string(kTime_ns));
  const Taken taken = world.take();
  EXPECT_EQ(taken.samples, 3u);
  EXPECT_TRUE(taken.bad.empty());
  EXPECT_EQ(world.calls, 1);
  EXPECT_EQ(world.store.position(kSource), 102);
  const std::map<std::string, Samples> expected = {
      {R"(cpu_usage{db="db", host="a", source="kafka"})", {{kTime_ns, 1}, {kTime_ns + kNsPerMs, 2}}},
      {R"(cpu_usage{db="db", host="b", source="kafka"})", {{kTime_ns, 3}}}};
  EXPECT_EQ(world.store.all(), expected);
}

TEST(Intake, WhatIsBadKeepsThePositionBackAndNothingElse) {
  World world(Format::Influx);
  world.add("cpu usage=1");
  world.add("cpu usage=\"never ends");
  world.add("cpu usage=3");
  world.add("cpu usage=4", {{"precision", "weeks"}});
  world.add("cpu usage=5i");
  const Taken taken = world.take();
  EXPECT_EQ(taken.samples, 2u);
  ASSERT_EQ(taken.bad.size(), 3u);
  EXPECT_EQ(taken.bad[0].index, 1u);
  EXPECT_EQ(taken.bad[0].code, "malformed");
  EXPECT_EQ(taken.bad[1].index, 3u);
  EXPECT_EQ(taken.bad[1].code, "bad_header");
  EXPECT_NE(taken.bad[1].text.find("weeks"), std::string::npos) << taken.bad[1].text;
  EXPECT_EQ(taken.bad[2].index, 4u);
  EXPECT_EQ(taken.bad[2].code, "type_conflict");
  EXPECT_EQ(world.store.position(kSource), -1);
  Intake intake(world.config, {world.store.targets()});
  EXPECT_TRUE(intake.keep({kSource, 105}).ok());
  EXPECT_EQ(world.store.position(kSource), 105);
}

TEST(Intake, HeadersGoOverTheConsumers) {
  World world(Format::Influx);
  world.add("cpu usage=1 1700000000", {{"precision", "s"}, {"database", "other"}});
  world.add(R"({"name":"up","value":1,"timestamp":1700000000000})", {{"format", "json"}});
  world.add("down 1 1700000000000", {{"format", "prometheus-text"}});
  world.add("late 1 1700000000.5",
            {{"format", "prometheus-text"}, {"content-type", "application/openmetrics-text"}});
  EXPECT_TRUE(world.take().bad.empty());
  EXPECT_EQ(world.calls, 4);
  const std::map<std::string, Samples> expected = {
      {R"(cpu_usage{db="other", source="kafka"})", {{kTime_ns, 1}}},
      {R"(up{source="kafka"})", {{kTime_ns, 1}}},
      {R"(down{source="kafka"})", {{kTime_ns, 1}}},
      {R"(late{source="kafka"})", {{kTime_ns + 500 * kNsPerMs, 1}}}};
  EXPECT_EQ(world.store.all(), expected);
}

TEST(Intake, EncodingsAndTombstones) {
  World world(Format::Text);
  world.add("up 1");
  world.add({}).tombstone = true;
  world.add("not gzip", {{"content-encoding", "gzip"}});
  world.add("up 2", {{"content-encoding", "identity"}});
  const Taken taken = world.take();
  EXPECT_EQ(taken.samples, 2u);
  ASSERT_EQ(taken.bad.size(), 1u);
  EXPECT_EQ(taken.bad[0].index, 2u);
  EXPECT_EQ(taken.bad[0].code, "bad_encoding");
}

TEST(Intake, OnlyTombstonesMoveOn) {
  World world(Format::Text);
  world.add({}).tombstone = true;
  EXPECT_EQ(world.take().samples, 0u);
  EXPECT_EQ(world.store.position(kSource), 101);
}

TEST(Intake, ATombstoneHasNothingToReadWhateverItsHeadersSay) {
  World world(Format::Influx);
  world.config.database = "";
  world.add("cpu usage=1", {{"database", "db"}});
  world.add({}).tombstone = true;
  world.add({}, {{"database", "db"}, {"precision", "weeks"}}).tombstone = true;
  world.add({}, {{"format", "csv"}, {"content-encoding", "lzma"}}).tombstone = true;
  world.add("cpu usage=2", {{"database", "db"}});
  const Taken taken = world.take();
  EXPECT_TRUE(taken.bad.empty()) << taken.bad[0].text;
  EXPECT_EQ(taken.samples, 2u);
  EXPECT_EQ(taken.messages, 5u);
  EXPECT_EQ(world.calls, 1) << "nor do they end a run";
  EXPECT_EQ(world.store.position(kSource), 105);
}

// label __name__=up, one sample of 1 at 1700000000000
const std::string kUp(
    "\x0a\x22\x0a\x0e\x0a\x08\x5f\x5f\x6e\x61\x6d\x65\x5f\x5f\x12\x02\x75\x70"
    "\x12\x10\x09\x00\x00\x00\x00\x00\x00\xf0\x3f\x10\x80\xd0\x95\xff\xbc\x31",
    36);

TEST(Intake, RemoteWriteIsSnappyOrAsItIs) {
  World world(Format::RemoteWrite);
  const std::string& message = kUp;
  const std::string snappy = std::string(1, static_cast<char>(message.size())) +
                             static_cast<char>((message.size() - 1) << 2) + message;
  world.add(message);
  world.add(snappy);
  world.add("\xff\xff\xff");
  const Taken taken = world.take();
  EXPECT_EQ(taken.samples, 2u);
  ASSERT_EQ(taken.bad.size(), 1u);
  EXPECT_EQ(taken.bad[0].index, 2u);
  EXPECT_EQ(world.store.all().at(R"(up{source="kafka"})").size(), 1u);

  World strict(Format::RemoteWrite);
  strict.config.compression = Compression::Snappy;
  strict.add(message);
  strict.add(snappy);
  const Taken some = strict.take();
  EXPECT_EQ(some.samples, 1u);
  ASSERT_EQ(some.bad.size(), 1u);
  EXPECT_EQ(some.bad[0].index, 0u);
}

TEST(Intake, LargeMessagesAreBodiesOfTheirOwn) {
  World world(Format::Influx);
  world.config.batch_bytes = 1024;
  const std::string line = "cpu,host=" + std::string(600, 'a') + " usage=1";
  for (int i = 0; i < 4; ++i) world.add(line);
  EXPECT_EQ(world.take().samples, 4u);
  EXPECT_EQ(world.calls, 2);
  EXPECT_EQ(world.store.position(kSource), 104);
}

TEST(Intake, ADatabaseThatMayNotBeMadeRefusesItsMessages) {
  World world(Format::Influx);
  world.add("cpu usage=1");
  Intake intake(world.config, {.store = world.store.targets(), .create_databases = false});
  const auto taken = intake.take(world.messages, kSource);
  ASSERT_TRUE(taken);
  ASSERT_EQ(taken->bad.size(), 1u);
  EXPECT_EQ(taken->bad[0].code, "not_found");
  EXPECT_EQ(world.store.position(kSource), -1);
}

TEST(Intake, JsonMembersMayHaveOtherNames) {
  World world(Format::Json);
  world.config.json = {"metric", "tags", "v", "t", "s"};
  world.add(
      R"([{"metric":"up","tags":{"job":"x"},"v":1,"t":1700000000},{"metric":"up","v":2,"t":1700000001}])");
  world.add("[1");
  const Taken taken = world.take();
  EXPECT_EQ(taken.samples, 2u);
  ASSERT_EQ(taken.bad.size(), 1u);
  EXPECT_EQ(taken.bad[0].index, 1u);
  EXPECT_EQ(world.store.all().at(R"(up{job="x", source="kafka"})"), (Samples{{kTime_ns, 1}}));
}

}  // namespace
}  // namespace silverback::kafka
