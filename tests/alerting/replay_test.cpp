#include "alerting/replay.h"

#include <gtest/gtest.h>

#include <map>

#include "alerting/instant_query.h"
#include "alerting/scratch_states.h"
#include "alerting/scratch_store.h"
#include "base/number.h"

namespace silverback::alerting {
namespace {

constexpr std::int64_t kMinute = 60'000;
constexpr std::int64_t kBase = 1'700'000'000'000;

constexpr std::string_view kRules = R"(
groups:
  - name: g
    interval: 1m
    rules:
      - {record: 'm:sum', expr: sum by (job) (m), labels: {from: rule}}
      - {alert: High, expr: 'm:sum > 10', for: 2m, labels: {severity: page}}
      - {alert: Sticky, expr: 'm:sum > 10', resolve: 'm:sum < 5', keep_firing_for: 1m}
  - name: h
    interval: 2m
    rules:
      - {record: 'm:max', expr: 'max_over_time(m:sum[4m])'}
      - {alert: Gone, expr: 'absent(m)'}
)";

using Transitions = std::multimap<Labels, std::vector<std::int64_t>>;

// When alerts fired and ended, as a server's sink hears it.
struct Heard final : AlertSink {
  void prepare(std::span<const AlertEvent>, std::int64_t, StateBatch&) override {}
  void commit(std::span<const AlertEvent> events, std::int64_t) override {
    for (const AlertEvent& event : events) {
      const Alert& alert = *event.alert;
      if (!event.changed || alert.state != AlertState::Inactive) continue;
      all.insert({alert.labels, {alert.active_ms, alert.fired_ms, alert.resolved_ms}});
    }
  }
  Transitions all;
};

class ReplayTest : public testing::Test {
 protected:
  // m{job} 0 ... with two humps, and nothing at the end.
  void fill() {
    const std::vector<double> values = {1,  12, 13, 14, 15, 8, 3, 1, 11, 12, 3,
                                        20, 20, 20, 20, 20, 7, 7, 7, 2,  2};
    for (std::size_t i = 0; i < values.size(); ++i) put({{"__name__", "m"}, {"job", "a"}}, i, values[i]);
    put({{"__name__", "m"}, {"job", "a"}}, values.size(), stale_nan());
  }
  void put(const Labels& labels, std::size_t minute, double value) {
    SampleWriter writer(store_);
    const std::vector<RuleSample> samples = {{labels, value}};
    ASSERT_TRUE(writer.write(samples, kBase + static_cast<std::int64_t>(minute) * kMinute).ok());
  }
  ReplayJob job() const {
    auto rules = parse_rule_file(kRules, "r.yml");
    EXPECT_TRUE(rules) << rules.status().message();
    return {"r.yml", *rules, kBase, kBase + 40 * kMinute, {}, false};
  }
  // As the server would have done it at the time.
  Transitions live() {
    query::Engine engine(store_, {.gauges = false});
    Heard heard;
    NoStates states;
    const RuleServices services{instant_query(engine), store_, states, heard};
    std::vector<std::unique_ptr<RuleGroup>> groups;
    for (const GroupSpec& spec : job().rules.groups)
      groups.push_back(std::make_unique<RuleGroup>(services, RuleSettings{}, "r.yml", spec));
    for (std::int64_t ms = kBase; ms <= kBase + 40 * kMinute; ms += 1) {
      // Jump from grid point to grid point.
      std::int64_t next = kBase + 41 * kMinute;
      for (const auto& group : groups) {
        const std::int64_t grid = group->grid_ms(ms);
        next = std::min(next, grid == ms ? ms : grid + group->interval_ms());
      }
      ms = next;
      if (ms > kBase + 40 * kMinute) break;
      for (const auto& group : groups) {
        if (group->grid_ms(ms) == ms) group->evaluate(ms);
      }
    }
    return heard.all;
  }
  static std::string raw(Queryable& store, const std::string& selector) {
    query::Engine engine(store, {.gauges = false});
    query::QueryRequest request{.text = selector + "[1h]"};
    request.start_ms = kBase + 45 * kMinute;
    const auto result = engine.run(request);
    EXPECT_TRUE(result) << result.status().message();
    std::string out;
    for (const auto& series : result->raw) {
      for (std::size_t i = 0; i < series.values.size(); ++i)
        out += std::to_string(series.times_ms[i] - kBase) + "=" + format_float(series.values[i]) + " ";
      out += "; ";
    }
    return out;
  }

  ScratchStore store_;
};

TEST_F(ReplayTest, FindsWhatTheLiveRulesDid) {
  fill();
  const Transitions expected = live();
  ASSERT_GE(expected.size(), 4U);

  const auto report = replay(store_, nullptr, {}, job(), {}, {});

  ASSERT_TRUE(report) << report.status().message();
  EXPECT_TRUE(report->problems.empty());
  Transitions found;
  for (const ReplayedAlert& alert : report->alerts) {
    if (alert.resolved_ms != 0)
      found.insert({alert.labels, {alert.active_ms, alert.fired_ms, alert.resolved_ms}});
  }
  EXPECT_EQ(found, expected);
}

TEST_F(ReplayTest, BackfillsWhatTheLiveRulesRecorded) {
  fill();
  ScratchStore backfilled;
  ReplayJob writing = job();
  writing.write = true;

  const auto report = replay(store_, &backfilled, {}, writing, {}, {});
  live();

  ASSERT_TRUE(report) << report.status().message();
  EXPECT_GT(report->written, 30U);
  EXPECT_EQ(raw(backfilled, "m:sum"), raw(store_, "m:sum"));
  EXPECT_EQ(raw(backfilled, "m:max"), raw(store_, "m:max"));
  EXPECT_NE(raw(backfilled, "m:max"), "");
  EXPECT_EQ(raw(backfilled, "ALERTS"), "");
}

TEST_F(ReplayTest, DoesNotSeeWhatTheRulesOnceRecorded) {
  fill();
  for (std::size_t i = 0; i < 40; ++i) put({{"__name__", "m:sum"}, {"from", "rule"}, {"job", "a"}}, i, 1'000);
  for (std::size_t i = 0; i < 40; ++i)
    put({{"__name__", "m:sum"}, {"from", "rule"}, {"job", "gone"}}, i, 1'000);

  const auto report = replay(store_, nullptr, {}, job(), {}, {});

  ASSERT_TRUE(report);
  for (const ReplayedAlert& alert : report->alerts) EXPECT_NE(alert.labels.get("job"), "gone");
}

TEST_F(ReplayTest, SaysWhatIsStillActiveAndWhatFails) {
  fill();
  auto rules = parse_rule_file(
      "groups: [{name: g, interval: 1m, rules: [{alert: On, expr: vector(1)}, {alert: Soon, expr: vector(1), "
      "for: "
      "1h}, {record: r, expr: 'label_replace(m, \"job\", \"\", \"\", \"\") or label_replace(m, \"x\", "
      "\"$1\", \"job\", "
      "\"(.*)\")'}, {alert: Bad, expr: 'm * on () group_left () (m or m offset 1s)', labels: {job: same}}]}]",
      "r.yml");
  ASSERT_TRUE(rules) << rules.status().message();
  ReplayJob one = job();
  one.rules = *rules;
  for (std::size_t i = 0; i < 40; i += 4) put({{"__name__", "m"}, {"job", "b"}}, i, 1);

  const auto report = replay(store_, nullptr, {}, one, {}, {});

  ASSERT_TRUE(report);
  ASSERT_GE(report->alerts.size(), 2U);
  EXPECT_EQ(report->alerts.front().labels.get("alertname"), "On");
  EXPECT_EQ(report->alerts.front().resolved_ms, 0);
  EXPECT_EQ(report->alerts.back().labels.get("alertname"), "Soon");
  EXPECT_EQ(report->alerts.back().fired_ms, 0);
  ASSERT_FALSE(report->problems.empty());
  EXPECT_GT(report->problems.back().count, 1U);
  const std::string text = to_text(*report);
  EXPECT_NE(text.find("still firing"), std::string::npos) << text;
  EXPECT_NE(text.find("still pending"), std::string::npos) << text;
  EXPECT_NE(text.find("FAILED g, Bad: "), std::string::npos) << text;
  EXPECT_NE(to_json(*report).find(R"("resolvedAt":null)"), std::string::npos);
}

TEST_F(ReplayTest, IsBoundedAndCanBeStopped) {
  fill();
  ReplayJob backwards = job();
  backwards.to_ms = backwards.from_ms - 1;
  EXPECT_EQ(replay(store_, nullptr, {}, backwards, {}, {}).status().code(), Code::InvalidArgument);
  EXPECT_EQ(replay(store_, nullptr, {}, job(), {.evaluations = 10}, {}).status().code(),
            Code::InvalidArgument);
  EXPECT_EQ(replay(store_, nullptr, {}, job(), {.samples = 10}, {}).status().code(), Code::ResourceExhausted);
  EXPECT_EQ(replay(store_, nullptr, {}, job(), {.alerts = 1}, {}).status().code(), Code::ResourceExhausted);
  EXPECT_EQ(replay(store_, nullptr, {}, job(), {.deadline = {}}, {}).status().code(), Code::DeadlineExceeded);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(replay(store_, nullptr, {}, job(), {}, stop.get_token()).status().code(), Code::Cancelled);
}

}  // namespace
}  // namespace silverback::alerting
