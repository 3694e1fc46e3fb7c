#include "alerting/notify/time_interval.h"

#include <gtest/gtest.h>

namespace silverback::notify {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kHour = 3600 * kSecond;
constexpr std::int64_t kDay = 24 * kHour;
// 2024-02-28 00:00 UTC, a Wednesday in a leap year.
constexpr std::int64_t kWednesday = 1'709'078'400 * kSecond;

TimeInterval interval(std::string_view text) {
  const auto node = yaml::parse(text, "t.yml");
  yaml::Problems problems("t.yml");
  const TimeInterval out = TimeInterval::read(*node, problems);
  EXPECT_TRUE(problems.empty()) << problems.status().message();
  return out;
}

std::string problems_of(std::string_view text) {
  const auto node = yaml::parse(text, "t.yml");
  yaml::Problems problems("t.yml");
  (void)TimeInterval::read(*node, problems);
  return std::string(problems.status().message());
}

TEST(TimeInterval, HasTheTimesOfDayFromTheFirstMinuteToBeforeTheLast) {
  const auto times =
      interval("times: [{start_time: '09:00', end_time: '17:00'}, {start_time: '23:59', end_time: '24:00'}]");

  EXPECT_FALSE(times.contains(kWednesday + 9 * kHour - 1));
  EXPECT_TRUE(times.contains(kWednesday + 9 * kHour));
  EXPECT_TRUE(times.contains(kWednesday + 17 * kHour - 1));
  EXPECT_FALSE(times.contains(kWednesday + 17 * kHour));
  EXPECT_TRUE(times.contains(kWednesday + kDay - 1));
  EXPECT_FALSE(times.contains(kWednesday + kDay));
}

TEST(TimeInterval, KnowsWeekdaysByName) {
  const auto days = interval("weekdays: ['Monday:wednesday', saturday]");

  const bool expected[] = {true, false, false, true, false, true, true};  // from a Wednesday on
  for (int i = 0; i < 7; ++i) {
    SCOPED_TRACE(i);
    EXPECT_EQ(days.contains(kWednesday + i * kDay), expected[i]);
  }
}

TEST(TimeInterval, CountsDaysOfTheMonthFromBothEnds) {
  const auto last_two = interval("days_of_month: ['-2:-1']");
  const auto thirtieth_on = interval("days_of_month: ['30:31']");
  const auto third_to_last = interval("days_of_month: ['3:-1']");

  EXPECT_TRUE(last_two.contains(kWednesday));              // the 28th of 29
  EXPECT_TRUE(last_two.contains(kWednesday + kDay));       // the 29th
  EXPECT_FALSE(last_two.contains(kWednesday + 2 * kDay));  // March
  EXPECT_FALSE(thirtieth_on.contains(kWednesday + kDay));
  EXPECT_TRUE(thirtieth_on.contains(kWednesday + 31 * kDay));  // 30 March
  EXPECT_TRUE(third_to_last.contains(kWednesday + kDay));
  EXPECT_FALSE(third_to_last.contains(kWednesday + 2 * kDay));
}

TEST(TimeInterval, KnowsMonthsByNameOrNumberAndYears) {
  EXPECT_TRUE(interval("months: ['january:february']").contains(kWednesday));
  EXPECT_TRUE(interval("months: ['2']").contains(kWednesday));
  EXPECT_TRUE(interval("months: ['1:3', December]").contains(kWednesday));
  EXPECT_FALSE(interval("months: [march]").contains(kWednesday));
  EXPECT_TRUE(interval("years: ['2020:2024']").contains(kWednesday));
  EXPECT_FALSE(interval("years: ['2025']").contains(kWednesday));
}

TEST(TimeInterval, FollowsTheClockOfItsLocation) {
  const auto work = interval(
      "{times: [{start_time: '09:00', end_time: '17:00'}], weekdays: ['monday:friday'], location: "
      "Europe/Berlin}");
  constexpr std::int64_t kSummer = kWednesday + 140 * kDay;  // 2024-07-17, a Wednesday

  EXPECT_FALSE(work.contains(kWednesday + 7 * kHour));
  EXPECT_TRUE(work.contains(kWednesday + 8 * kHour));
  EXPECT_TRUE(work.contains(kSummer + 7 * kHour));
  EXPECT_FALSE(work.contains(kSummer + 15 * kHour));
}

TEST(TimeInterval, NeedsEveryKindOfRangeThatIsGiven) {
  EXPECT_TRUE(interval("{}").contains(kWednesday));
  EXPECT_TRUE(interval("{weekdays: [wednesday], months: [february]}").contains(kWednesday));
  EXPECT_FALSE(interval("{weekdays: [wednesday], months: [may]}").contains(kWednesday));
}

TEST(TimeInterval, IsWrittenAsItIsRead) {
  const std::string text =
      "{times: [{start_time: '09:05', end_time: '24:00'}], weekdays: ['monday:friday', 'sunday'], "
      "days_of_month: ['1:-2', '-1'], months: ['january:march', 'may'], years: ['2024:2030'], location: "
      "'America/New_York'}";

  EXPECT_EQ(interval(text).text(), text);
  EXPECT_EQ(interval("{}").text(), "{}");
}

TEST(TimeInterval, NamesWhatIsWrongWithItsLine) {
  struct Case {
    std::string_view text, problem;
  };
  constexpr Case kCases[] = {
      {"weekdays: [funday]", "t.yml:1: weekdays: funday is not a valid weekday"},
      {"weekdays: ['friday:monday']", "t.yml:1: weekdays: friday:monday: its end is before its start"},
      {"weekdays: ['monday:']", "t.yml:1: weekdays:  is not a valid weekday"},
      {"months: ['13']", "t.yml:1: months: 13 is not a valid month"},
      {"days_of_month: ['0']", "t.yml:1: days_of_month: 0: 0 is not a valid day of the month: out of range"},
      {"days_of_month: ['-3:5']",
       "t.yml:1: days_of_month: -3:5: end day must be negative if start day is negative"},
      {"days_of_month: ['29:-1']", "t.yml:1: days_of_month: 29:-1: end day -1 is always before start day 29"},
      {"years: [soon]", "t.yml:1: years: soon is not a valid year"},
      {"years: []", "t.yml:1: years is empty: no time would be in it"},
      {"times: [{start_time: '09:00'}]", "t.yml:1: times: end_time is missing"},
      {"times: [{start_time: '9:00', end_time: '10:00'}]",
       "t.yml:1: times: start_time: expected a time such as 09:30, found 9:00"},
      {"times: [{start_time: '23:00', end_time: '24:01'}]",
       "t.yml:1: times: end_time: expected a time such as 09:30, found 24:01"},
      {"times: [{start_time: '10:00', end_time: '10:00'}]",
       "t.yml:1: times: start time cannot be equal or greater than end time"},
      {"\nlocation: Mars/Base",
       "t.yml:2: time interval: unknown time zone Mars/Base (names are those of the package tzdata, such as "
       "Europe/Berlin)"},
      {"weekday: [monday]", "t.yml:1: unknown field \"weekday\" in time interval"},
  };
  for (const Case& one : kCases) {
    SCOPED_TRACE(one.text);
    EXPECT_EQ(problems_of(one.text), one.problem);
  }
  for (const std::string_view odd : {"/etc/passwd", "../localtime", "Fixed/UTC+05:00:00", "libc:localtime"}) {
    SCOPED_TRACE(odd);
    EXPECT_FALSE(problems_of("location: '" + std::string(odd) + "'").empty());
  }
}

}  // namespace
}  // namespace silverback::notify
