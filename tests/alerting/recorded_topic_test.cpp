// Recording rules that name a topic: what is sent, when it is not, and what is said then.
#include "alerting/recorded_topic.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <fstream>
#include <limits>

#include "alerting/alerting.h"
#include "alerting/rule_group.h"
#include "alerting/scratch_states.h"
#include "base/metrics.h"
#include "model/sample.h"
#include "tests/alerting/kept_messages.h"
#include "tests/ingest/fake_store.h"

namespace silverback::alerting {
namespace {

constexpr std::int64_t kBase = 1'700'000'000'000;

// ---- one message

TEST(SampleJson, IsSmallAndPlain) {
  EXPECT_EQ(
      sample_json({{{"__name__", "job:up"}, {"job", "a"}, {"zone", "<b>"}}, 1.5}, kBase),
      R"({"name":"job:up","labels":{"job":"a","zone":"\u003cb\u003e"},"value":1.5,"timestamp":1700000000000})");
  EXPECT_EQ(sample_json({{{"__name__", "x"}}, -INFINITY}, 12),
            R"({"name":"x","labels":{},"value":"-Inf","timestamp":12})");
  EXPECT_EQ(sample_json({{{"__name__", "x"}}, 1e300}, 12),
            R"({"name":"x","labels":{},"value":1e+300,"timestamp":12})");
}

TEST(SampleJson, OurOwnReaderGetsTheSameSample) {
  constexpr double kValues[] = {
      0,      -0.0, 1,    -1.5,     0.1,   1e-7,    123456789.123, 1e21,
      5e-324, NAN,  1e15, INFINITY, -1e99, 1.0 / 3, -INFINITY,     std::numeric_limits<double>::max()};
  const Labels labels[] = {{{"__name__", "job:up:sum"}, {"job", "a\"b\\c\n<&>"}, {"zone", "é\U0001F600"}},
                           {{"__name__", "a b.c"}, {"x/y", "1"}},
                           {{"__name__", "x"}}};
  for (const Labels& series : labels) {
    for (const double value : kValues) {
      const std::string json = sample_json({series, value}, kBase + 7);
      SCOPED_TRACE(json);
      ingest::Bench bench;

      const auto report = bench.json.write(kDefaultTenant, json, {});

      ASSERT_TRUE(report && report->complete()) << (report ? report->message : report.status().message());
      ASSERT_EQ(bench.store.series.size(), 1U);
      const ingest::FakeSeries& read = bench.store.series.begin()->second;
      EXPECT_EQ(read.labels, series);
      ASSERT_EQ(read.numbers.size(), 1U);
      EXPECT_EQ(read.numbers.begin()->first, (kBase + 7) * kNsPerMs);
      const auto got = std::bit_cast<double>(read.numbers.begin()->second);
      if (std::isnan(value)) {
        EXPECT_TRUE(std::isnan(got) && !is_stale(got));
      } else {
        EXPECT_EQ(std::bit_cast<std::uint64_t>(got), std::bit_cast<std::uint64_t>(value));
      }
    }
  }
}

// ---- a group

class NoAppender final : public Appender {
 public:
  Result<AppendOutcome> append_with(Tenant, const Batch& batch, SeriesResolver&,
                                    const AppendExtras&) override {
    if (!failure.ok()) return failure;
    AppendOutcome outcome;
    outcome.stored = batch.times_ns.size();
    return outcome;
  }
  Status failure;
};

class RecordedTopicTest : public testing::Test {
 protected:
  std::unique_ptr<RuleGroup> group(std::string_view fields, MessageSink* sink) {
    auto file = parse_rule_file("groups: [{name: g, interval: 1m, " + std::string(fields) + "}]", "r.yml");
    EXPECT_TRUE(file) << file.status().message();
    return std::make_unique<RuleGroup>(services_, RuleSettings{}, "r.yml", file->groups.at(0), sink);
  }
  void give(std::vector<VectorSample> samples) { given_ = std::move(samples); }
  static std::string warning(const RuleGroup& group) { return group.view(false).at(0).warning; }
  static std::uint64_t lost(const char* reason) {
    return metrics().counter("silverback_rule_messages_lost_total", "", {{"reason", reason}}).value();
  }

  std::vector<VectorSample> given_ = {{{{"job", "a"}}, 1}, {{{"job", "b"}}, 2}};
  NoAppender appender_;
  NoSink alerts_;
  NoStates states_;
  KeptMessages sink_;
  const RuleServices services_{
      [this](std::string_view, std::int64_t) -> Result<std::vector<VectorSample>> { return given_; },
      appender_, states_, alerts_};
};

TEST_F(RecordedTopicTest, EachSeriesIsAMessage) {
  const auto rules = group("query_offset: 10s, rules: [{record: r, expr: m, kafka_topic: recorded}]", &sink_);

  rules->evaluate(kBase);

  const auto messages = sink_.messages();
  ASSERT_EQ(messages.size(), 2U);
  EXPECT_EQ(messages[0].topic, "recorded");
  EXPECT_EQ(messages[0].key, R"(r{job="a"})");
  EXPECT_EQ(messages[0].value, R"({"name":"r","labels":{"job":"a"},"value":1,"timestamp":1699999990000})");
  EXPECT_EQ(messages[0].time_ms, kBase);
  EXPECT_EQ(messages[1].key, R"(r{job="b"})");
}

TEST_F(RecordedTopicTest, AGroupsTopicIsThatOfItsRecordingRulesUnlessTheySayOtherwise) {
  const auto rules = group(
      "kafka_topic: all, rules: [{record: a, expr: m}, {record: b, expr: m, kafka_topic: own}, "
      "{record: c, expr: m, kafka_topic: ''}, {alert: D, expr: m}]",
      &sink_);
  give({{{}, 1}});

  rules->evaluate(kBase);

  std::string said;
  for (const OutMessage& message : sink_.messages()) said += message.topic + " " + message.key + ", ";
  EXPECT_EQ(said, "all a, own b, ");
}

TEST_F(RecordedTopicTest, NothingIsSentWithoutATopicOrASink) {
  const auto no_topic = group("rules: [{record: r, expr: m}]", &sink_);
  const auto no_sink = group("rules: [{record: r, expr: m, kafka_topic: t}]", nullptr);

  no_topic->evaluate(kBase);
  no_sink->evaluate(kBase);

  EXPECT_TRUE(sink_.messages().empty());
  EXPECT_EQ(no_sink->last_run().samples, 2U);
}

TEST_F(RecordedTopicTest, TheEndOfASeriesIsNotSent) {
  const auto rules = group("rules: [{record: r, expr: m, kafka_topic: t}]", &sink_);
  rules->evaluate(kBase);
  sink_.clear();
  give({{{{"job", "b"}}, 3}});

  rules->evaluate(kBase + 60'000);
  give({});
  rules->evaluate(kBase + 120'000);

  ASSERT_EQ(sink_.messages().size(), 1U);
  EXPECT_EQ(sink_.messages()[0].key, R"(r{job="b"})");
}

TEST_F(RecordedTopicTest, WhatTheStoreDidNotTakeIsNotSent) {
  const auto rules = group("rules: [{record: r, expr: m, kafka_topic: t}]", &sink_);
  appender_.failure = {Code::Unavailable, "no space"};

  rules->evaluate(kBase);

  EXPECT_TRUE(sink_.messages().empty());
  EXPECT_EQ(rules->failed_rules(), 1U);
}

TEST_F(RecordedTopicTest, AFullQueueIsCountedAndToldUntilAllArrivesAgain) {
  const auto rules = group("rules: [{record: r, expr: m, kafka_topic: t}]", &sink_);
  const std::uint64_t before = lost("queue_full");
  sink_.hold_at_most(1);

  rules->evaluate(kBase);
  rules->evaluate(kBase + 60'000);

  EXPECT_EQ(lost("queue_full"), before + 3);
  EXPECT_EQ(warning(*rules), "the queue is full");
  EXPECT_EQ(rules->failed_rules(), 0U) << "the rule itself is well";
  EXPECT_EQ(rules->last_run().samples, 2U);

  sink_.hold_at_most(100);
  sink_.answer(std::nullopt);
  rules->evaluate(kBase + 120'000);
  EXPECT_EQ(warning(*rules), "the queue is full") << "nothing has arrived yet";
  sink_.deliver({});

  EXPECT_EQ(warning(*rules), "");
}

TEST_F(RecordedTopicTest, WhatIsNotDeliveredIsCountedAndToldToo) {
  const auto rules = group("rules: [{record: r, expr: m, kafka_topic: t}]", &sink_);
  const std::uint64_t before = lost("undelivered");
  sink_.answer(std::nullopt);

  rules->evaluate(kBase);
  sink_.deliver({Code::Unavailable, "timed out"});

  EXPECT_EQ(lost("undelivered"), before + 2);
  EXPECT_EQ(warning(*rules), "timed out");
  rules->evaluate(kBase + 60'000);
  sink_.deliver({});
  EXPECT_EQ(warning(*rules), "");
}

TEST_F(RecordedTopicTest, AnAnswerMayComeWhenTheRuleIsGone) {
  auto rules = group("rules: [{record: r, expr: m, kafka_topic: t}]", &sink_);
  sink_.answer(std::nullopt);
  rules->evaluate(kBase);

  rules.reset();
  sink_.deliver({Code::Unavailable, "too late"});
}

TEST_F(RecordedTopicTest, AReloadKeepsTheWarning) {
  const auto before = group("rules: [{record: r, expr: m, kafka_topic: t}]", &sink_);
  sink_.refuse({Code::ResourceExhausted, "full"});
  before->evaluate(kBase);
  const auto same = group("rules: [{record: r, expr: m, kafka_topic: t}]", &sink_);
  const auto other = group("rules: [{record: r, expr: m, kafka_topic: u}]", &sink_);

  same->take_over(*before);
  other->take_over(*before);

  EXPECT_EQ(warning(*same), "full");
  EXPECT_EQ(warning(*other), "");
}

// ---- reading

TEST(KafkaTopic, IsChecked) {
  struct Case {
    std::string_view rules, problem;
  };
  constexpr Case kCases[] = {
      {"rules: [{record: r, expr: m, kafka_topic: 'a b'}]",
       "r.yml:1: group \"g\", rule 1, \"r\": kafka_topic: \"a b\" is no name of a topic"},
      {"kafka_topic: '..', rules: []", "r.yml:1: group: kafka_topic: \"..\" is no name of a topic"},
      {"rules: [{alert: A, expr: m, kafka_topic: t}]",
       "invalid field 'kafka_topic' in alerting rule: alerts are sent by 'kafka_configs' of a receiver"},
  };
  for (const auto& [rules, problem] : kCases) {
    SCOPED_TRACE(rules);
    const auto file = parse_rule_file("groups: [{name: g, " + std::string(rules) + "}]", "r.yml");
    ASSERT_FALSE(file);
    EXPECT_NE(file.status().message().find(problem), std::string_view::npos) << file.status().message();
  }
}

TEST(KafkaTopic, WithoutAProducerItIsRefused) {
  const std::string path = testing::TempDir() + "topic_rules.yml";
  std::ofstream(path) << "groups:\n  - name: g\n    rules:\n      - {record: r, expr: m, kafka_topic: t}\n";

  const auto without = RuleManager::check({path}, {}, /*topics=*/false);

  EXPECT_TRUE(RuleManager::check({path}, {}));
  ASSERT_FALSE(without);
  EXPECT_EQ(without.status().message(),
            path +
                ":4: group \"g\", \"r\": kafka_topic needs a producer: set `kafka: "
                "producer: brokers`");
  std::remove(path.c_str());
}

}  // namespace
}  // namespace silverback::alerting
