#include "alerting/rule_file.h"

#include <gtest/gtest.h>

namespace silverback::alerting {
namespace {

std::string problems(std::string_view text) {
  const auto parsed = parse_rule_file(text, "r.yml");
  return parsed ? "" : std::string(parsed.status().message());
}

TEST(RuleFile, ReadsPrometheusGroups) {
  const auto file = parse_rule_file(R"(
groups:
  - name: web
    interval: 30s
    limit: 5
    query_offset: 1m
    labels: {team: ops, severity: info}
    rules:
      - record: job:x
        expr: sum by (job) (x)
      - alert: Bad
        expr: job:x > 1
        for: 5m
        keep_firing_for: 1m
        labels: {severity: page}
        annotations: {summary: '{{ $labels.job }}'}
)",
                                    "r.yml");

  ASSERT_TRUE(file) << file.status().message();
  const GroupSpec& group = file->groups.at(0);
  EXPECT_EQ(group.interval_ms, 30'000);
  EXPECT_EQ(group.query_offset_ms, 60'000);
  EXPECT_EQ(group.limit, 5U);
  EXPECT_FALSE(group.rules.at(0).alerting);
  const RuleSpec& alert = group.rules.at(1);
  EXPECT_EQ(alert.for_ms, 300'000);
  EXPECT_EQ(alert.keep_firing_for_ms, 60'000);
  EXPECT_EQ(alert.labels, (TextPairs{{"severity", "page"}, {"team", "ops"}}));
}

TEST(RuleFile, ExpressionsAreAsPrometheusShowsThem) {
  const auto file = parse_rule_file(R"(
groups:
  - name: g
    rules:
      - alert: A
        expr: >
          up{job="b", instance='a'} + ignoring(x)
          sum(down)by(job)
        resolve: up==1
)",
                                    "r.yml");

  ASSERT_TRUE(file) << file.status().message();
  const RuleSpec& rule = file->groups.at(0).rules.at(0);
  EXPECT_EQ(rule.expr, R"(up{instance="a",job="b"} + ignoring (x) sum by (job) (down))");
  EXPECT_EQ(rule.resolve, "up == 1");
}

TEST(RuleFile, ExpressionsUseWhatIsEnabled) {
  constexpr std::string_view kText = "groups: [{name: g, rules: [{record: r, expr: 'limitk(1, m)'}]}]";
  query::promql::ParserOptions enabled;
  enabled.experimental_functions = true;

  EXPECT_TRUE(parse_rule_file(kText, "r.yml", enabled));
  EXPECT_NE(problems(kText).find("limitk() is experimental"), std::string::npos);
}

TEST(RuleFile, ReadsTheShortFormAsRules) {
  const auto file = parse_rule_file(
      "alerts:\n  - {name: HighErrorRate, condition: error_rate > 0.05, severity: critical, notification: "
      "'email,slack'}\n",
      "a.yml");

  ASSERT_TRUE(file) << file.status().message();
  const RuleSpec& rule = file->groups.at(0).rules.at(0);
  EXPECT_EQ(rule.name, "HighErrorRate");
  EXPECT_EQ(rule.expr, "error_rate > 0.05");
  EXPECT_EQ(rule.labels, (TextPairs{{"severity", "critical"}, {"notification", "email,slack"}}));
}

TEST(RuleFile, NamesEveryProblemWithItsLine) {
  const std::string all = problems(R"(groups:
  - name: g
    rules:
      - alert: A
        expr: sum(
      - record: r
        expr: up
        for: 5m
      - alert: B
        expr: up
        annotations: {s: '{{ nofunc }}'}
      - expr: up
  - name: g
    intervall: 5s
)");

  EXPECT_NE(all.find("r.yml:4: group \"g\", rule 1, \"A\": could not parse expression: 1:5: parse error"),
            all.npos)
      << all;
  EXPECT_NE(all.find("r.yml:6: group \"g\", rule 2, \"r\": invalid field 'for' in recording rule"), all.npos)
      << all;
  EXPECT_NE(all.find("r.yml:9: group \"g\", rule 3, \"B\": annotation \"s\": template: s:1: function "
                     "\"nofunc\" not defined"),
            all.npos)
      << all;
  EXPECT_NE(all.find("one of 'record' or 'alert' must be set"), all.npos) << all;
  EXPECT_NE(all.find("groupname: \"g\" is repeated in the same file"), all.npos) << all;
  EXPECT_NE(all.find("r.yml:14: unknown field \"intervall\" in group"), all.npos) << all;
}

TEST(RuleFile, RefusesWhatYamlUnfoldsWithoutEnd) {
  std::string bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n";
  for (char c = 'b'; c < 'k'; ++c) {
    bomb += std::string(1, c) + ": &" + c + " [";
    for (int i = 0; i < 10; ++i) bomb += std::string(i == 0 ? "*" : ",*") + static_cast<char>(c - 1);
    bomb += "]\n";
  }

  EXPECT_NE(problems(bomb).find("more than"), std::string::npos);
}

}  // namespace
}  // namespace silverback::alerting
