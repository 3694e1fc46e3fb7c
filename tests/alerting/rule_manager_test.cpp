// Groups on a real store and a real engine.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "alerting/alerting.h"
#include "base/metrics.h"
#include "query/engine.h"
#include "storage/state_db.h"
#include "storage/tsdb.h"
#include "tests/alerting/kept_messages.h"

namespace silverback::alerting {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kBase = 1'700'000'000'000;

struct Told final : AlertSink {
  void prepare(std::span<const AlertEvent>, std::int64_t, StateBatch&) override {}
  void commit(std::span<const AlertEvent> events, std::int64_t) override {
    for (const AlertEvent& event : events) {
      all.push_back(std::string(to_string(event.alert->state)) + (event.changed ? "" : " again"));
    }
  }
  std::vector<std::string> all;
};

class RuleGroupTest : public testing::Test {
 protected:
  RuleGroupTest() : folder_(fs::temp_directory_path() / ("rule_group_" + std::to_string(getpid()))) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    open();
  }
  ~RuleGroupTest() override {
    close();
    fs::remove_all(folder_);
  }

  void open() {
    storage::TsdbOptions options;
    options.path = folder_ / "data";
    options.background = false;
    tsdb_ = std::move(*storage::Tsdb::open(options, clock_));
    states_ = std::move(*storage::StateDb::open(folder_ / "state"));
    engine_ = std::make_unique<query::Engine>(*tsdb_, query::EngineOptions{});
    services_ = std::make_unique<RuleServices>(
        RuleServices{[this](std::string_view text, std::int64_t time_ms) { return query(text, time_ms); },
                     *tsdb_, *states_, told_});
  }
  void close() {
    services_.reset();
    engine_.reset();
    states_.reset();
    tsdb_.reset();
  }

  Result<std::vector<VectorSample>> query(std::string_view text, std::int64_t time_ms) {
    query::QueryRequest request{.text = std::string(text)};
    request.start_ms = time_ms;
    auto result = engine_->run(request);
    if (!result) return result.status();
    std::vector<VectorSample> samples;
    for (std::size_t row = 0; row < result->matrix.rows(); ++row) {
      samples.push_back({result->matrix.labels(row), result->matrix.at(row, 0)});
    }
    return samples;
  }
  // Of the only series, or NaN when there is not exactly one.
  double value(std::string_view text, std::int64_t time_ms) {
    const auto samples = query(text, time_ms);
    return samples && samples->size() == 1 ? samples->front().value : std::nan("");
  }
  void put(double v, std::int64_t time_ms) {
    SampleWriter writer(*tsdb_);
    const std::vector<RuleSample> samples = {{{{"__name__", "m"}, {"job", "a"}}, v}};
    ASSERT_TRUE(writer.write(samples, time_ms).ok());
  }
  std::unique_ptr<RuleGroup> group(std::string_view rules) {
    auto file =
        parse_rule_file("groups: [{name: g, interval: 1m, rules: [" + std::string(rules) + "]}]", "r.yml");
    EXPECT_TRUE(file) << file.status().message();
    return std::make_unique<RuleGroup>(*services_, RuleSettings{}, "r.yml", file->groups.at(0));
  }
  std::size_t kept() const {
    std::size_t n = 0;
    EXPECT_TRUE(states_->scan(RuleGroup::kAlertPrefix, [&](auto, auto) { return ++n != 0; }).ok());
    return n;
  }

  const fs::path folder_;
  ManualClock clock_{kBase * kNsPerMs};
  Told told_;
  std::unique_ptr<storage::Tsdb> tsdb_;
  std::unique_ptr<storage::StateDb> states_;
  std::unique_ptr<query::Engine> engine_;
  std::unique_ptr<RuleServices> services_;
};

TEST_F(RuleGroupTest, ARuleSeesWhatTheOneBeforeItWrote) {
  put(2, kBase);
  const auto rules =
      group("{record: 'twice', expr: m * 2}, {record: 'four', expr: twice * 2, labels: {x: y}}");

  rules->evaluate(kBase);

  EXPECT_EQ(value("four{x=\"y\",job=\"a\"}", kBase), 8);
  EXPECT_EQ(rules->last_run().samples, 2U);
}

TEST_F(RuleGroupTest, SeriesThatAreNoLongerGivenEndAtOnce) {
  put(2, kBase);
  const auto rules = group("{record: r, expr: m > 1}");
  rules->evaluate(kBase);
  put(0, kBase + 60'000);

  rules->evaluate(kBase + 60'000);

  EXPECT_EQ(value("r", kBase + 59'999), 2);
  EXPECT_TRUE(query("r", kBase + 60'000)->empty());
}

TEST_F(RuleGroupTest, WritesAndKeepsWhatAlertsAre) {
  put(2, kBase);
  const auto rules = group("{alert: A, expr: m > 1, for: 1m}");

  rules->evaluate(kBase);
  EXPECT_EQ(value("ALERTS{alertstate=\"pending\",alertname=\"A\",job=\"a\"}", kBase), 1);
  EXPECT_EQ(kept(), 1U);
  rules->evaluate(kBase + 60'000);

  EXPECT_EQ(value("ALERTS", kBase + 60'000), 1);  // firing; the pending one has ended
  EXPECT_EQ(value("ALERTS_FOR_STATE", kBase + 60'000), kBase / 1000);
  EXPECT_EQ(told_.all, std::vector<std::string>{"firing"});
}

TEST_F(RuleGroupTest, AlertmanagersHearAgainOfWhatStillFires) {
  const auto rules = group("{alert: A, expr: vector(1)}");

  for (int i = 0; i < 3; ++i) rules->evaluate(kBase + i * 60'001);

  EXPECT_EQ(told_.all, (std::vector<std::string>{"firing", "firing again", "firing again"}));
}

TEST_F(RuleGroupTest, WhatFiredIsResolvedWhenTheRuleGoesOverItsLimit) {
  const auto file = parse_rule_file(
      "groups: [{name: g, interval: 1m, limit: 1, rules: [{alert: A, expr: m > 1}]}]", "r.yml");
  RuleGroup rules(*services_, RuleSettings{}, "r.yml", file->groups.at(0));
  put(2, kBase);
  rules.evaluate(kBase);
  SampleWriter writer(*tsdb_);
  const std::vector<RuleSample> another = {{{{"__name__", "m"}, {"job", "b"}}, 2}};
  ASSERT_TRUE(writer.write(another, kBase + 1'000).ok());

  rules.evaluate(kBase + 60'000);
  rules.evaluate(kBase + 120'000);

  EXPECT_EQ(told_.all, (std::vector<std::string>{"firing", "inactive"}));
  EXPECT_EQ(kept(), 0U);
  EXPECT_EQ(rules.failed_rules(), 1U);
}

TEST_F(RuleGroupTest, AManagerTakesUpWhatWasKept) {
  const fs::path file = folder_ / "rules.yml";
  std::ofstream(file) << "groups: [{name: g, interval: 1m, rules: [{alert: A, expr: m > 1, for: 1h}]}]";
  put(2, kBase);
  {
    RuleManager manager(*services_, clock_, 0);
    ASSERT_TRUE(manager.load({}, {file}).ok());
    manager.groups().at(0)->evaluate(kBase);
  }
  close();
  open();
  put(2, kBase + 3'600'000);

  RuleManager manager(*services_, clock_, 0);
  ASSERT_TRUE(manager.load({}, {file}).ok());
  manager.groups().at(0)->evaluate(kBase + 3'600'000);

  EXPECT_EQ(told_.all, std::vector<std::string>{"firing"});
}

TEST_F(RuleGroupTest, AnAlertWhoseRuleIsGoneIsResolved) {
  const fs::path file = folder_ / "rules.yml";
  std::ofstream(file) << "groups: [{name: g, interval: 1m, rules: [{alert: A, expr: vector(1)}]}]";
  RuleManager manager(*services_, clock_, 0);
  ASSERT_TRUE(manager.load({}, {file}).ok());
  manager.groups().at(0)->evaluate(kBase);
  std::ofstream(file) << "groups: [{name: g, interval: 1m, rules: [{alert: B, expr: vector(0)}]}]";
  clock_.advance(std::chrono::seconds(30));

  ASSERT_TRUE(manager.load({}, {file}).ok());

  EXPECT_EQ(told_.all, (std::vector<std::string>{"firing", "inactive"}));
  EXPECT_EQ(kept(), 0U);
  EXPECT_TRUE(query("ALERTS", kBase + 30'000)->empty());
}

// Refuses what it is told to refuse, as a full disk would.
class FailingStates final : public StateStore {
 public:
  explicit FailingStates(StateStore& states) : states_(states) {}
  Status apply(const StateBatch& batch) override {
    return failing ? Status(Code::Unavailable, "no space") : states_.apply(batch);
  }
  Status scan(std::string_view prefix,
              const std::function<bool(std::string_view, std::string_view)>& each) const override {
    return states_.scan(prefix, each);
  }
  bool failing = true;

 private:
  StateStore& states_;
};

TEST_F(RuleGroupTest, AStateThatTheDiskRefusedIsTriedAgainAfterAReload) {
  FailingStates states(*states_);
  const RuleServices services{services_->query, *tsdb_, states, told_};
  const fs::path file = folder_ / "rules.yml";
  std::ofstream(file) << "groups: [{name: g, interval: 1m, rules: [{alert: A, expr: vector(1)}]}]";
  RuleManager manager(services, clock_, 0);
  ASSERT_TRUE(manager.load({}, {file}).ok());
  manager.groups().at(0)->evaluate(kBase);
  EXPECT_EQ(kept(), 0U);
  EXPECT_TRUE(told_.all.empty());

  states.failing = false;
  ASSERT_TRUE(manager.load({}, {file}).ok());
  manager.groups().at(0)->evaluate(kBase + 60'000);

  EXPECT_EQ(kept(), 1U);
  EXPECT_EQ(told_.all, std::vector<std::string>{"firing"});
}

TEST_F(RuleGroupTest, TheMetricsOfAGroupGoWithIt) {
  const auto shown = [] {
    return expose(metrics().collect(), false).find("rules.yml;leaving") != std::string::npos;
  };
  const fs::path file = folder_ / "rules.yml";
  std::ofstream(file) << "groups: [{name: leaving, interval: 1s, rules: [{record: r, expr: vector(1)}]}]";
  RuleManager manager(*services_, clock_, 1);
  ASSERT_TRUE(manager.load({}, {file}).ok());
  clock_.advance(std::chrono::seconds(2));
  for (int i = 0; i < 500 && !shown(); ++i) usleep(10'000);
  EXPECT_TRUE(shown());
  std::ofstream(file) << "groups: []";

  ASSERT_TRUE(manager.load({}, {file}).ok());

  EXPECT_FALSE(shown());
}

TEST_F(RuleGroupTest, GroupsAreShownByFileAndName) {
  std::ofstream(folder_ / "b.yml") << "groups: [{name: z}, {name: k}]";
  std::ofstream(folder_ / "a.yml") << "groups: [{name: y}]";
  RuleManager manager(*services_, clock_, 0);
  ASSERT_TRUE(manager.load({}, {folder_ / "b.yml", folder_ / "a.yml"}).ok());

  std::string names;
  for (const auto& group : manager.groups()) names += group->spec().name;

  EXPECT_EQ(names, "ykz");
}

TEST_F(RuleGroupTest, WhatIsRecordedGoesOutWhereAProducerTakesIt) {
  const fs::path file = folder_ / "rules.yml";
  std::ofstream(file) << "groups: [{name: g, rules: [{record: r, expr: vector(1), kafka_topic: t}]}]";
  AlertingConfig config;
  config.rule_files = {file};
  KeptMessages sink;
  Alerting alerting(*engine_, *tsdb_, *states_, clock_);

  const Status without = alerting.configure(config);
  const Status with = alerting.configure(config, &sink);
  alerting.groups().at(0)->evaluate(kBase);

  EXPECT_EQ(without.code(), Code::InvalidArgument);
  EXPECT_NE(without.message().find("kafka: producer: brokers"), without.message().npos) << without.message();
  EXPECT_TRUE(with.ok()) << with.message();
  ASSERT_EQ(sink.messages().size(), 1U);
  EXPECT_EQ(sink.messages()[0].key, "r");
  EXPECT_EQ(alerting.configure(config).code(), Code::InvalidArgument);
  EXPECT_EQ(alerting.groups().size(), 1U) << "the groups of before stay";
}

TEST_F(RuleGroupTest, ABadFileLeavesEverythingAsItWas) {
  const fs::path file = folder_ / "rules.yml";
  std::ofstream(file) << "groups: [{name: g, rules: [{alert: A, expr: vector(1)}]}]";
  RuleManager manager(*services_, clock_, 0);
  ASSERT_TRUE(manager.load({}, {file}).ok());
  std::ofstream(file) << "groups: [{name: g, rules: [{alert: A, expr: sum(}]}]";

  const Status bad = manager.load({}, {file});

  EXPECT_EQ(bad.code(), Code::InvalidArgument);
  EXPECT_EQ(manager.groups().size(), 1U);
}

}  // namespace
}  // namespace silverback::alerting
