#include "alerting/relabel.h"

#include <gtest/gtest.h>

#include "alerting/alerting_config.h"
#include "alerting/md5.h"
#include "alerting/told_labels.h"

namespace silverback::alerting {
namespace {

std::vector<RelabelRule> rules_of(const std::string& text, std::string* wrong = nullptr) {
  const auto document = yaml::parse(text, "c.yml");
  EXPECT_TRUE(document) << document.status().message();
  yaml::Problems problems("c.yml");
  auto rules = read_relabel_rules(*document, "relabel_configs", problems);
  if (wrong != nullptr) {
    *wrong = problems.status().message();
  } else {
    EXPECT_TRUE(problems.empty()) << problems.status().message();
  }
  return rules;
}

std::string relabelled(const std::string& rules, const Labels& labels) {
  const auto out = Relabeller(rules_of(rules)).apply(labels);
  return out ? out->to_string() : "dropped";
}

// What Prometheus' documentation says of each action.
TEST(Relabel, DoesWhatEachActionSays) {
  struct Case {
    const char* rules;
    const char* expected;
  };
  const Labels labels = {{"a", "foo"}, {"b", "bar"}, {"c", "baz"}};
  constexpr Case kCases[] = {
      {"[]", R"({a="foo", b="bar", c="baz"})"},
      {"[{source_labels: [a], regex: 'f(.*)', target_label: d, replacement: 'ch${1}-ch${1}'}]",
       R"({a="foo", b="bar", c="baz", d="choo-choo"})"},
      {"[{source_labels: [a, b], regex: 'f(.*);(.*)r', target_label: a, replacement: 'b${1}${2}m'}]",
       R"({a="boobam", b="bar", c="baz"})"},
      {"[{source_labels: [a], regex: 'oo', target_label: d}]",
       R"({a="foo", b="bar", c="baz"})"},  // whole text
      {"[{source_labels: [a], regex: '.*o.*', action: drop}]", "dropped"},
      {"[{source_labels: [a], regex: 'no', action: drop}]", R"({a="foo", b="bar", c="baz"})"},
      {"[{source_labels: [a], regex: 'foo', action: keep}]", R"({a="foo", b="bar", c="baz"})"},
      {"[{source_labels: [a], regex: 'no', action: Keep}]", "dropped"},
      {"[{source_labels: [a], regex: 'f|foo', target_label: b, replacement: x}]",
       R"({a="foo", b="x", c="baz"})"},
      {"[{target_label: b, replacement: ''}]", R"({a="foo", c="baz"})"},
      {"[{source_labels: [a], regex: 'f(?P<rest>.*)', target_label: '${rest}_x', replacement: y}]",
       R"({a="foo", b="bar", c="baz", oo_x="y"})"},
      {"[{source_labels: [c], target_label: d, separator: ';', action: hashmod, modulus: 1000}]",
       R"({a="foo", b="bar", c="baz", d="976"})"},
      {"[{source_labels: [a], target_label: a, replacement: '$$1'}]", R"({a="$1", b="bar", c="baz"})"},
      {"[{source_labels: [a], target_label: a, replacement: '$1x'}]", R"({b="bar", c="baz"})"},  // group "1x"
      {"[{regex: '(a|b)', replacement: 'x_${1}', action: labelmap}]",
       R"({a="foo", b="bar", c="baz", x_a="foo", x_b="bar"})"},
      {"[{regex: 'a|c', action: labeldrop}]", R"({b="bar"})"},
      {"[{regex: 'a|c', action: labelkeep}]", R"({a="foo", c="baz"})"},
      {"[{source_labels: [a, b], separator: '', target_label: d, action: uppercase}]",
       R"({a="foo", b="bar", c="baz", d="FOOBAR"})"},
      {"[{target_label: a, replacement: 'ÄB'}, {source_labels: [a], target_label: a, action: lowercase}]",
       R"({a="äb", b="bar", c="baz"})"},
      {"[{source_labels: [a], target_label: b, action: keepequal}]", "dropped"},
      {"[{source_labels: [a], target_label: b, action: dropequal}]", R"({a="foo", b="bar", c="baz"})"},
      {"[{target_label: d, replacement: foo}, {source_labels: [a], target_label: d, action: dropequal}]",
       "dropped"},
      {"[{source_labels: [a], target_label: d, replacement: \"x\\ny\"}, {source_labels: [d], regex: 'x.y', "
       "action: "
       "drop}]",
       "dropped"},
  };
  for (const auto& [rules, expected] : kCases) {
    SCOPED_TRACE(rules);
    EXPECT_EQ(relabelled(rules, labels), expected);
  }
}

TEST(Relabel, RefusesWhatPrometheusRefuses) {
  struct Case {
    const char* rule;
    const char* expected;
  };
  constexpr Case kCases[] = {
      {"{action: rename}", "unknown relabel action \"rename\""},
      {"{source_labels: [a]}", "relabel configuration for replace action requires 'target_label' value"},
      {"{target_label: a, action: hashmod}", "relabel configuration for hashmod requires non-zero modulus"},
      {"{target_label: a, regex: '('}", "regex \"(\": "},
      {"{regex: a, target_label: b, action: labeldrop}", "labeldrop action requires only 'regex'"},
      {"{source_labels: [a], target_label: b, regex: c, action: keepequal}",
       "keepequal action requires only"},
      {"{target_label: a, replacement: b, action: uppercase}",
       "'replacement' can not be set for uppercase action"},
      {"{replacement: '', action: labelmap}", "\"\" is invalid 'replacement' for labelmap action"},
      {"{target_lable: a}", "unknown field \"target_lable\" in relabel_configs"},
  };
  for (const auto& [rule, expected] : kCases) {
    SCOPED_TRACE(rule);
    std::string wrong;
    rules_of("[" + std::string(rule) + "]", &wrong);
    EXPECT_NE(wrong.find(expected), std::string::npos) << wrong;
    EXPECT_TRUE(wrong.starts_with("c.yml:1: ")) << wrong;
  }
}

TEST(Relabel, Md5IsThatOfTheStandard) {
  const auto hex = [](std::string_view text) {
    std::string out;
    for (const std::uint8_t byte : md5(text)) {
      constexpr std::string_view kDigits = "0123456789abcdef";
      out += kDigits[byte / 16];
      out += kDigits[byte % 16];
    }
    return out;
  };
  EXPECT_EQ(hex(""), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(hex("message digest"), "f96b697d7cb7938d525a2f31aaf161d0");
  EXPECT_EQ(hex("12345678901234567890123456789012345678901234567890123456789012345678901234567890"),
            "57edf4a22be3c955ac49da2e2107b67a");
}

TEST(ToldLabels, ExternalLabelsComeBeforeRelabelling) {
  const ToldLabels told({{"replica", "1"}, {"region", "eu"}},
                        rules_of("[{regex: replica, action: labeldrop}, {source_labels: [region], regex: us, "
                                 "action: drop}]"));

  EXPECT_EQ(told.of({{"alertname", "A"}}), (Labels{{"alertname", "A"}, {"region", "eu"}}));
  EXPECT_EQ(told.of({{"alertname", "A"}, {"region", "us"}}), std::nullopt);
}

TEST(AlertingConfig, RelabelsAlertsAndAlertmanagers) {
  const auto document = yaml::parse(R"(
alerting:
  alert_relabel_configs: [{regex: replica, action: labeldrop}]
  alertmanagers:
    - path_prefix: am
      static_configs: [{targets: ['a:1', 'b:2'], labels: {zone: x}}, {targets: ['c:3']}]
      alert_relabel_configs: [{source_labels: [severity], regex: info, action: drop}]
      relabel_configs:
        - {source_labels: [zone], regex: x, action: keep}
        - {source_labels: [__address__], regex: 'b:.*', target_label: __scheme__, replacement: https}
)",
                                    "c.yml");
  ASSERT_TRUE(document);

  const auto config = parse_alerting_config(*document, "c.yml", "/etc");

  ASSERT_TRUE(config) << config.status().message();
  EXPECT_EQ(config->alert_relabel.size(), 1U);
  ASSERT_EQ(config->alertmanagers.size(), 2U);
  EXPECT_EQ(config->alertmanagers[0].url, "http://a:1/am/api/v2/alerts");
  EXPECT_EQ(config->alertmanagers[1].url, "https://b:2/am/api/v2/alerts");
  EXPECT_EQ(config->alertmanagers[1].alert_relabel.size(), 1U);
}

}  // namespace
}  // namespace silverback::alerting
