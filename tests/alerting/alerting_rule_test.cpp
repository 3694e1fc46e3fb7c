#include "alerting/alerting_rule.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace silverback::alerting {
namespace {

constexpr std::int64_t kMinute = 60'000;

// Answers expressions from a table; an alert rule over `m` unless the test says otherwise.
class AlertingRuleTest : public testing::Test {
 protected:
  using Vector = std::vector<VectorSample>;

  static RuleSpec spec() {
    RuleSpec made;
    made.alerting = true;
    made.name = "A";
    made.expr = "m > 1";
    made.for_ms = 2 * kMinute;
    return made;
  }
  static VectorSample sample(std::string_view job, double value) {
    return {{{"__name__", "m"}, {"job", job}}, value};
  }
  static Labels alert_labels(std::string_view job) { return {{"alertname", "A"}, {"job", job}}; }

  AlertingRule::Evaluated evaluate(AlertingRule& rule, std::int64_t minute) {
    const RuleContext context = this->context(minute);
    const auto asked = rule.ask(context);
    EXPECT_TRUE(asked) << asked.status().message();
    return asked ? rule.apply(context, *asked) : AlertingRule::Evaluated();
  }
  RuleContext context(std::int64_t minute) const {
    RuleContext made;
    made.time_ms = minute * kMinute;
    made.limit = limit_;
    made.query = &query_;
    made.external_labels = &external_;
    return made;
  }
  static AlertState state(const AlertingRule& rule, std::string_view job) {
    const Alert* alert = rule.find(alert_labels(job));
    return alert == nullptr ? AlertState::Inactive : alert->state;
  }

  std::map<std::string, Vector, std::less<>> answers_;
  std::uint64_t limit_ = 0;
  const TextPairs external_ = {};
  const QueryAt query_ = [this](std::string_view text, std::int64_t) -> Result<Vector> {
    const auto it = answers_.find(text);
    return it == answers_.end() ? Vector() : it->second;
  };
};

TEST_F(AlertingRuleTest, FiresOnceTheExpressionHasHeldForTheWholeTime) {
  AlertingRule rule(spec());
  answers_["m > 1"] = {sample("a", 2)};

  evaluate(rule, 0);
  EXPECT_EQ(state(rule, "a"), AlertState::Pending);
  evaluate(rule, 1);
  EXPECT_EQ(state(rule, "a"), AlertState::Pending);
  evaluate(rule, 2);

  EXPECT_EQ(state(rule, "a"), AlertState::Firing);
  EXPECT_EQ(rule.find(alert_labels("a"))->fired_ms, 2 * kMinute);
}

TEST_F(AlertingRuleTest, APendingAlertWithoutASampleIsForgotten) {
  AlertingRule rule(spec());
  answers_["m > 1"] = {sample("a", 2)};
  evaluate(rule, 0);
  answers_.clear();

  const auto evaluated = evaluate(rule, 1);

  EXPECT_EQ(rule.find(alert_labels("a")), nullptr);
  EXPECT_EQ(evaluated.changed, std::vector<Labels>{alert_labels("a")});
}

TEST_F(AlertingRuleTest, AResolvedAlertIsRememberedForFifteenMinutes) {
  AlertingRule rule(spec());
  answers_["m > 1"] = {sample("a", 2)};
  for (const std::int64_t minute : {0, 1, 2}) evaluate(rule, minute);
  answers_.clear();

  evaluate(rule, 3);
  ASSERT_NE(rule.find(alert_labels("a")), nullptr);
  EXPECT_EQ(rule.find(alert_labels("a"))->resolved_ms, 3 * kMinute);
  evaluate(rule, 18);
  EXPECT_NE(rule.find(alert_labels("a")), nullptr);
  evaluate(rule, 19);

  EXPECT_EQ(rule.find(alert_labels("a")), nullptr);
}

TEST_F(AlertingRuleTest, KeepFiringForBridgesAGap) {
  RuleSpec keeping = spec();
  keeping.for_ms = 0;
  keeping.keep_firing_for_ms = 5 * kMinute;
  AlertingRule rule(keeping);
  answers_["m > 1"] = {sample("a", 2)};
  evaluate(rule, 0);
  answers_.clear();

  evaluate(rule, 1);
  EXPECT_EQ(state(rule, "a"), AlertState::Firing);
  evaluate(rule, 5);
  EXPECT_EQ(state(rule, "a"), AlertState::Firing);
  evaluate(rule, 6);

  EXPECT_EQ(state(rule, "a"), AlertState::Inactive);
}

TEST_F(AlertingRuleTest, ClocksRunOnThroughARestart) {
  AlertingRule before(spec());
  answers_["m > 1"] = {sample("a", 2)};
  evaluate(before, 0);
  const auto kept = decode_alert(encode(*before.find(alert_labels("a"))));
  ASSERT_TRUE(kept);

  AlertingRule after(spec());
  after.restore(*kept);
  evaluate(after, 90);

  EXPECT_EQ(state(after, "a"), AlertState::Firing);
  EXPECT_EQ(after.find(alert_labels("a"))->active_ms, 0);
}

TEST_F(AlertingRuleTest, LabelsAndAnnotationsAreExpanded) {
  RuleSpec templated = spec();
  templated.labels = {{"severity", "{{ if gt $value 1.5 }}page{{ else }}info{{ end }}"}};
  templated.annotations = {{"summary", "{{ $labels.job }} is at {{ $value }}"}, {"plain", "} as it is {"}};
  AlertingRule rule(templated);
  const Labels labels = {{"alertname", "A"}, {"job", "a"}, {"severity", "page"}};

  for (std::int64_t minute = 0; minute < 6; minute += 2) {  // also after a time without alerts
    answers_["m > 1"] = {sample("a", 2)};
    evaluate(rule, minute);
    ASSERT_NE(rule.find(labels), nullptr);
    EXPECT_EQ(rule.find(labels)->annotations,
              (TextPairs{{"plain", "} as it is {"}, {"summary", "a is at 2"}}));
    answers_["m > 1"] = {};
    evaluate(rule, minute + 1);
  }
}

TEST_F(AlertingRuleTest, TwoSamplesOfOneAlertAreRefused) {
  RuleSpec flattening = spec();
  flattening.labels = {{"job", "x"}};
  AlertingRule rule(flattening);
  answers_["m > 1"] = {sample("a", 2), sample("b", 2)};

  const auto asked = rule.ask(context(0));

  ASSERT_FALSE(asked);
  EXPECT_EQ(asked.status().message(),
            "vector contains metrics with the same labelset after applying alert labels");
}

TEST_F(AlertingRuleTest, OverTheLimitNoAlertIsLeft) {
  AlertingRule rule(spec());
  limit_ = 1;
  answers_["m > 1"] = {sample("a", 2), sample("b", 2)};

  const auto evaluated = evaluate(rule, 0);

  EXPECT_EQ(evaluated.status.message(), "exceeded limit of 1 with 2 alerts");
  EXPECT_TRUE(rule.alerts().empty());
  EXPECT_EQ(evaluated.changed.size(), 2U);
}

TEST_F(AlertingRuleTest, OnMissingKeepHoldsAnAlertWhileItsInputIsGone) {
  RuleSpec keeping = spec();
  keeping.for_ms = 0;
  keeping.on_missing = OnMissing::Keep;
  AlertingRule rule(keeping);
  answers_["m > 1"] = {sample("a", 2)};
  answers_["count(m)"] = {{{}, 1}};
  evaluate(rule, 0);

  answers_.clear();
  evaluate(rule, 1);
  EXPECT_EQ(state(rule, "a"), AlertState::Firing);
  answers_["count(m)"] = {{{}, 1}};  // the series is there again, and its condition is false
  evaluate(rule, 2);

  EXPECT_EQ(state(rule, "a"), AlertState::Inactive);
}

TEST_F(AlertingRuleTest, OnMissingFireMakesAnAlertOfTheRuleItself) {
  RuleSpec firing = spec();
  firing.for_ms = 0;
  firing.on_missing = OnMissing::Fire;
  firing.labels = {{"severity", "page"}};
  AlertingRule rule(firing);

  evaluate(rule, 0);

  const Alert* alert = rule.find({{"alertname", "A"}, {"severity", "page"}});
  ASSERT_NE(alert, nullptr);
  EXPECT_EQ(alert->state, AlertState::Firing);
}

TEST_F(AlertingRuleTest, AResolveExpressionGivesHysteresis) {
  RuleSpec hysteresis = spec();
  hysteresis.for_ms = 0;
  hysteresis.resolve = "m < 0.5";
  AlertingRule rule(hysteresis);
  answers_["m > 1"] = {sample("a", 2), sample("b", 2)};
  evaluate(rule, 0);

  answers_ = {{"m < 0.5", {sample("b", 0.2)}}};
  evaluate(rule, 1);

  EXPECT_EQ(state(rule, "a"), AlertState::Firing);
  EXPECT_EQ(state(rule, "b"), AlertState::Inactive);
}

TEST(AlertBytes, AreWhatTheFormatPageSays) {
  Alert alert;
  alert.labels = {{"alertname", "A"}};
  alert.annotations = {{"s", "t"}};
  alert.state = AlertState::Firing;
  alert.value = 1;
  alert.active_ms = 1;
  alert.fired_ms = 2;

  const std::string bytes = encode(alert);

  const std::string expected(
      "\x01\x02\0\0\0\0\0\0\xf0\x3f\x02\x04\0\0\0\0\x0c\x09"
      "alertname\x01"
      "A\x01\x01s\x01t",
      34);
  EXPECT_EQ(bytes, expected);
  EXPECT_EQ(*decode_alert(bytes), alert);
  for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(decode_alert(bytes.substr(0, size)));
}

}  // namespace
}  // namespace silverback::alerting
