#include "alerting/unit_test.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "alerting/files.h"
#include "alerting/instant_query.h"
#include "alerting/rule_group.h"
#include "alerting/scratch_states.h"
#include "alerting/scratch_store.h"
#include "alerting/series_notation.h"
#include "base/clock.h"
#include "base/duration.h"
#include "query/engine.h"
#include "query/promql/text.h"

namespace silverback::alerting {
namespace {

using query::promql::quote;
using Rules = std::vector<std::pair<std::string, RuleFile>>;
using ExpectedAlert = UnitTest::ExpectedAlert;

constexpr std::int64_t kMostEvaluations = 1'000'000;

struct ParsedSample {
  Labels labels;
  double value = 0;
};

// ---- words

std::string braces(const std::vector<std::pair<std::string_view, std::string_view>>& pairs) {
  std::string out = "{";
  for (const auto& [name, value] : pairs) {
    if (out.size() > 1) out += ", ";
    out += std::string(name) + "=" + quote(value);
  }
  return out + "}";
}
std::string text_of(const Labels& labels) {
  std::vector<std::pair<std::string_view, std::string_view>> pairs;
  for (const LabelView& pair : labels) pairs.emplace_back(pair.name, pair.value);
  return braces(pairs);
}
std::string text_of(const TextPairs& texts) { return braces({texts.begin(), texts.end()}); }

// Go's 'E' format: 7E+00.
std::string text_of(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  char text[32];
  const auto [end, error] =
      std::to_chars(std::begin(text), std::end(text), value, std::chars_format::scientific);
  std::string out(text, end);
  std::ranges::replace(out, 'e', 'E');
  return out;
}
std::string text_of(const std::vector<ParsedSample>& samples) {
  std::string out;
  for (const ParsedSample& sample : samples) {
    if (!out.empty()) out += ", ";
    out += text_of(sample.labels) + " " + text_of(sample.value);
  }
  return out.empty() ? "nil" : out;
}
std::string text_of(const std::vector<ExpectedAlert>& alerts) {
  if (alerts.empty()) return "[]";
  const std::string indent(12, ' ');
  std::string out = "[";
  for (std::size_t i = 0; i < alerts.size(); ++i) {
    out += (i == 0 ? "\n" : ",\n") + indent + std::to_string(i) + ":\n";
    out += indent + "  Labels:" + text_of(alerts[i].labels) + "\n";
    out += indent + "  Annotations:" + text_of(alerts[i].annotations);
  }
  return out + "\n" + indent + "]";
}

bool same_value(double a, double b, bool fuzzy) {
  if (a == b || (std::isnan(a) && std::isnan(b))) return true;
  return fuzzy && std::nextafter(a, b) == b;
}

// ---- one test

class Run {
 public:
  Run(const UnitTest& test, const UnitTestFile& file, const Rules& rules)
      : test_(test),
        file_(file),
        engine_(store_, {.subquery_step_ms = file.evaluation_interval_ms, .gauges = false}),
        services_{instant_query(engine_), store_, states_, sink_, /*quiet=*/true},
        writer_(store_) {
    RuleSettings settings;
    settings.interval_ms = test.interval_ms;
    settings.external_labels = test.external_labels;
    settings.external_url = test.external_url;
    for (const auto& [path, rule_file] : rules) {
      for (const GroupSpec& group : rule_file.groups)
        groups_.push_back(std::make_unique<RuleGroup>(services_, settings, path, group));
    }
    std::ranges::stable_sort(groups_, {}, [&](const auto& group) {
      const auto it = file.group_order.find(group->spec().name);
      return it == file.group_order.end() ? 0 : it->second;
    });
  }

  std::vector<std::string> run() {
    std::int64_t last_ms = 0;
    for (const auto& one : test_.alert_cases) last_ms = std::max(last_ms, one.eval_ms);
    for (const auto& one : test_.expression_cases) last_ms = std::max(last_ms, one.eval_ms);
    if (last_ms / file_.evaluation_interval_ms > kMostEvaluations) {
      fail("    eval_time " + format_duration_ms(last_ms) + " takes more than " +
           std::to_string(kMostEvaluations) + " evaluations every " +
           format_duration_ms(file_.evaluation_interval_ms));
      return failures_;
    }
    for (std::int64_t ms = 0; ms <= last_ms; ms += file_.evaluation_interval_ms) {
      if (!step(ms)) return failures_;
    }
    for (const auto& one : test_.expression_cases) check(one);
    return failures_;
  }

 private:
  void fail(std::string text) { failures_.push_back(std::move(text)); }

  // @returns whether to go on
  bool step(std::int64_t ms) {
    if (Status fed = feed(ms); !fed.ok()) {
      fail("    input_series: " + std::string(fed.message()));
      return false;
    }
    bool good = true;
    for (const auto& group : groups_) {
      group->evaluate(test_.start_ms + ms);
      if (group->failed_rules() == 0) continue;
      good = false;
      for (const RuleView& rule : group->view(false)) {
        if (rule.health != RuleHealth::Bad) continue;
        fail("    rule: " + rule.spec->name + ", time: " + gotemplate::format_go_duration(ms * kNsPerMs) +
             ", err: " + rule.history.front().error);
      }
    }
    if (good) check_alerts(ms);
    return good;
  }

  // Input up to a time.
  Status feed(std::int64_t until_ms) {
    for (; static_cast<std::int64_t>(fed_) * test_.interval_ms <= until_ms; ++fed_) {
      samples_.clear();
      bool more = false;
      for (const UnitTest::Series& series : test_.input) {
        more = more || fed_ < series.values.size();
        if (fed_ < series.values.size() && series.values[fed_])
          samples_.push_back({series.labels, *series.values[fed_]});
      }
      if (!more) return {};
      const std::int64_t time_ms = test_.start_ms + static_cast<std::int64_t>(fed_) * test_.interval_ms;
      if (Status written = writer_.write(samples_, time_ms); !written.ok()) return written;
    }
    return {};
  }

  void check_alerts(std::int64_t ms) {
    const auto due = [&](const UnitTest::AlertCase& one) {
      return ms <= one.eval_ms && one.eval_ms < ms + file_.evaluation_interval_ms;
    };
    if (std::ranges::none_of(test_.alert_cases, due)) return;
    std::map<std::string, std::vector<ExpectedAlert>> firing;
    for (const auto& group : groups_) {
      for (const RuleView& rule : group->view(true)) {
        for (const Alert& alert : rule.alerts) {
          if (alert.state == AlertState::Firing)
            firing[rule.spec->name].push_back({alert.labels, alert.annotations});
        }
      }
    }
    std::vector<const UnitTest::AlertCase*> cases;
    for (const auto& one : test_.alert_cases) {
      if (due(one)) cases.push_back(&one);
    }
    std::ranges::stable_sort(cases, {}, &UnitTest::AlertCase::eval_ms);
    for (const UnitTest::AlertCase* one : cases) check(*one, firing[one->alertname]);
  }

  void check(const UnitTest::AlertCase& one, std::vector<ExpectedAlert> got) {
    std::vector<ExpectedAlert> expected = one.expected;
    std::ranges::sort(got);
    std::ranges::sort(expected);
    if (got == expected) return;
    fail((test_.name.empty() ? "" : "    name: " + test_.name + ",\n") + "    alertname: " + one.alertname +
         ", time: " + format_duration_ms(one.eval_ms) + ", \n        exp:" + text_of(expected) +
         ", \n        got:" + text_of(got));
  }

  void check(const UnitTest::ExpressionCase& one) {
    const std::string head =
        "    expr: " + quote(one.expr) + ", time: " + format_duration_ms(one.eval_ms) + ",";
    const auto result = services_.query(one.expr, test_.start_ms + one.eval_ms);
    if (!result) return fail(head + " err: " + std::string(result.status().message()));
    std::vector<ParsedSample> got;
    for (const VectorSample& sample : *result) got.push_back({sample.labels, sample.value});
    std::vector<ParsedSample> expected;
    for (const auto& [text, value] : one.expected) {
      auto labels = parse_metric(text);
      if (!labels)
        return fail(head + " err: labels " + quote(text) + ": " + std::string(labels.status().message()));
      expected.push_back({std::move(*labels), value});
    }
    std::ranges::stable_sort(got, {}, &ParsedSample::labels);
    std::ranges::stable_sort(expected, {}, &ParsedSample::labels);
    const bool same = std::ranges::equal(got, expected, [&](const ParsedSample& a, const ParsedSample& b) {
      return a.labels == b.labels && same_value(a.value, b.value, file_.fuzzy_compare);
    });
    if (!same) fail(head + "\n        exp: " + text_of(expected) + "\n        got: " + text_of(got));
  }

  const UnitTest& test_;
  const UnitTestFile& file_;
  ScratchStore store_;
  query::Engine engine_;
  NoStates states_;
  NoSink sink_;
  const RuleServices services_;
  std::vector<std::unique_ptr<RuleGroup>> groups_;
  SampleWriter writer_;
  std::vector<RuleSample> samples_;
  std::size_t fed_ = 0;  // steps of the input
  std::vector<std::string> failures_;
};

// As promtool, a pattern that matches nothing is worth a warning only.
Result<Rules> read_rules(const UnitTestFile& file, std::vector<std::string>& warnings) {
  std::vector<std::string> paths;
  for (const std::string& pattern : file.rule_files) {
    const auto found = matching_files({pattern});
    if (!found && found.status().code() != Code::NotFound) return found.status();
    if (!found || found->empty()) warnings.push_back("  WARNING: no file match pattern " + pattern);
    if (found) paths.insert(paths.end(), found->begin(), found->end());
  }
  Rules rules;
  std::set<std::string> seen;
  for (const std::string& path : paths) {
    if (!seen.insert(path).second) continue;
    const auto text = read_text_file(path);
    if (!text) return text.status();
    auto parsed = parse_rule_file(*text, path, query::promql::ParserOptions::everything());
    if (!parsed) return parsed.status();
    rules.emplace_back(path, std::move(*parsed));
  }
  return rules;
}

}  // namespace

std::vector<std::string> run_unit_tests(const UnitTestFile& tests, const Rules& rules) {
  std::vector<std::string> failures;
  for (const UnitTest& test : tests.tests) {
    for (std::string& failure : Run(test, tests, rules).run()) failures.push_back(std::move(failure));
  }
  return failures;
}

UnitTestReport run_unit_test_file(const std::string& path) {
  UnitTestReport report;
  const auto text = read_text_file(path);
  if (!text) {
    report.failures.emplace_back(text.status().message());
    return report;
  }
  const auto tests = parse_unit_test_file(*text, path, std::filesystem::path(path).parent_path().string());
  if (!tests) {
    report.failures.emplace_back(tests.status().message());
    return report;
  }
  const auto rules = read_rules(*tests, report.warnings);
  if (!rules) {
    report.failures.emplace_back(rules.status().message());
    return report;
  }
  report.failures = run_unit_tests(*tests, *rules);
  return report;
}

}  // namespace silverback::alerting
