#include "alerting/unit_test_file.h"

#include <algorithm>
#include <utility>

#include "alerting/series_notation.h"
#include "base/clock.h"
#include "base/number.h"
#include "base/yaml.h"

namespace silverback::alerting {
namespace {

constexpr std::size_t kMostValuesOfTest = 10'000'000;
constexpr std::string_view kAlertName = "alertname";

class Reader {
 public:
  Reader(std::string_view name, std::string_view folder) : problems_(std::string(name)), folder_(folder) {}

  Result<UnitTestFile> run(const yaml::Node& document) {
    yaml::Fields fields(document, "test file", problems_);
    fields.texts("rule_files", file_.rule_files);
    for (std::string& pattern : file_.rule_files) {
      if (!pattern.starts_with('/') && !folder_.empty()) pattern = folder_ + "/" + pattern;
    }
    if (std::int64_t ms = 0; fields.duration_ms("evaluation_interval", ms) && ms > 0)
      file_.evaluation_interval_ms = ms;
    fields.boolean("fuzzy_compare", file_.fuzzy_compare);
    std::vector<std::string> order;
    fields.texts("group_eval_order", order);
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (!file_.group_order.emplace(order[i], i).second)
        fields.problem("group name repeated in evaluation order: " + order[i]);
    }
    if (const yaml::Node* tests = fields.list("tests")) {
      for (const yaml::Node& test : tests->items) read_test(test);
    }
    fields.done();
    if (Status bad = problems_.status(); !bad.ok()) return bad;
    return std::move(file_);
  }

 private:
  void read_test(const yaml::Node& node) {
    yaml::Fields fields(node, "test", problems_);
    UnitTest test;
    test.interval_ms = file_.evaluation_interval_ms;
    fields.text("name", test.name);
    if (std::int64_t ms = 0; fields.duration_ms("interval", ms) && ms > 0) test.interval_ms = ms;
    read_start(fields, test);
    fields.text_map("external_labels", test.external_labels);
    fields.text("external_url", test.external_url);
    if (const yaml::Node* list = fields.list("input_series")) {
      for (const yaml::Node& series : list->items) read_series(series, test);
    }
    if (const yaml::Node* list = fields.list("alert_rule_test")) {
      for (const yaml::Node& one : list->items) read_alert_case(one, test);
    }
    if (const yaml::Node* list = fields.list("promql_expr_test")) {
      for (const yaml::Node& one : list->items) read_expression_case(one, test);
    }
    fields.done();
    std::size_t values = 0;
    for (const UnitTest::Series& series : test.input) values += series.values.size();
    if (values > kMostValuesOfTest)
      fields.problem("more than " + std::to_string(kMostValuesOfTest) + " values in input_series");
    file_.tests.push_back(std::move(test));
  }

  // Seconds or RFC 3339.
  static void read_start(yaml::Fields& fields, UnitTest& test) {
    std::string text;
    if (!fields.text("start_timestamp", text)) return;
    constexpr double kMost = 1e11;
    if (const auto seconds = parse_float(text); seconds && *seconds > -kMost && *seconds < kMost) {
      test.start_ms = static_cast<std::int64_t>(*seconds * 1000);
    } else if (const auto ns = parse_rfc3339_ns(text)) {
      test.start_ms = floor_div(*ns, kNsPerMs);
    } else {
      fields.problem("start_timestamp: expected a Unix time or an RFC 3339 one, found " + text);
    }
  }

  void read_series(const yaml::Node& node, UnitTest& test) {
    yaml::Fields fields(node, "input_series", problems_);
    std::string name;
    std::string values;
    fields.text("series", name, yaml::Need::Required);
    fields.text("values", values);
    fields.done();
    auto labels = parse_metric(name);
    auto parsed = parse_series_values(values);
    if (!labels) fields.problem("series: " + std::string(labels.status().message()));
    if (!parsed) fields.problem(std::string(parsed.status().message()));
    if (!labels || !parsed) return;
    // The one that comes later counts.
    std::erase_if(test.input, [&](const UnitTest::Series& series) { return series.labels == *labels; });
    test.input.push_back({std::move(*labels), std::move(*parsed)});
  }

  void read_alert_case(const yaml::Node& node, UnitTest& test) {
    yaml::Fields fields(node, "alert_rule_test", problems_);
    UnitTest::AlertCase one;
    fields.duration_ms("eval_time", one.eval_ms);
    fields.text("alertname", one.alertname);
    if (one.alertname.empty()) {
      fields.problem("an item under alert_rule_test misses required attribute alertname");
    }
    if (const yaml::Node* list = fields.list("exp_alerts")) {
      for (const yaml::Node& alert : list->items) {
        yaml::Fields expected(alert, "exp_alerts", problems_);
        UnitTest::ExpectedAlert out;
        TextPairs labels;
        expected.text_map("exp_labels", labels);
        expected.text_map("exp_annotations", out.annotations);
        expected.done();
        LabelsBuilder builder;
        for (const auto& [name, value] : labels) builder.set(name, value);
        builder.set(kAlertName, one.alertname);
        out.labels = builder.build();
        std::ranges::sort(out.annotations);
        one.expected.push_back(std::move(out));
      }
    }
    fields.done();
    test.alert_cases.push_back(std::move(one));
  }

  void read_expression_case(const yaml::Node& node, UnitTest& test) {
    yaml::Fields fields(node, "promql_expr_test", problems_);
    UnitTest::ExpressionCase one;
    fields.text("expr", one.expr);
    fields.duration_ms("eval_time", one.eval_ms);
    if (const yaml::Node* list = fields.list("exp_samples")) {
      for (const yaml::Node& sample : list->items) {
        yaml::Fields expected(sample, "exp_samples", problems_);
        UnitTest::ExpectedSample out;
        expected.text("labels", out.labels);
        read_value(expected, out.value);
        if (expected.any("histogram") != nullptr)
          expected.problem("histogram: native histograms are not supported yet");
        expected.done();
        one.expected.push_back(std::move(out));
      }
    }
    fields.done();
    test.expression_cases.push_back(std::move(one));
  }

  // YAML's own spelling, .inf and .nan, or Prometheus'.
  static void read_value(yaml::Fields& fields, double& value) {
    std::string text;
    if (!fields.text("value", text)) return;
    const std::size_t sign = text.starts_with('-') || text.starts_with('+') ? 1 : 0;
    if (text.size() > sign + 1 && text[sign] == '.' && (text[sign + 1] < '0' || text[sign + 1] > '9'))
      text.erase(sign, 1);
    if (const auto number = parse_float(text)) {
      value = *number;
    } else {
      fields.problem("value: expected a number, found " + text);
    }
  }

  yaml::Problems problems_;
  const std::string folder_;
  UnitTestFile file_;
};

}  // namespace

Result<UnitTestFile> parse_unit_test_file(std::string_view text, std::string_view name,
                                          std::string_view folder) {
  const auto document = yaml::parse(text, name);
  if (!document) return document.status();
  return Reader(name, folder).run(*document);
}

}  // namespace silverback::alerting
