#include "api/params.h"

#include <gtest/gtest.h>

namespace silverback::api {
namespace {

TEST(Params, UndoesEscapesAndKeepsTheOrder) {
  const auto params = Params::of("a=1&b=x+y%26&&a=2&c&=d&e=f=g");

  ASSERT_TRUE(params);
  EXPECT_EQ(params->get("a"), "1");
  EXPECT_EQ(params->get("b"), "x y&");
  EXPECT_EQ(params->all("a"), (std::vector<std::string>{"1", "2"}));
  EXPECT_TRUE(params->has("c"));
  EXPECT_EQ(params->get("c"), "");
  EXPECT_EQ(params->get("e"), "f=g");
  EXPECT_FALSE(params->has("nosuch"));
}

TEST(Params, RefusesBrokenEscapes) {
  for (const char* text : {"a=%", "a=%1", "a=%zz", "%=a", "a=b&c=%4"}) {
    SCOPED_TRACE(text);
    EXPECT_FALSE(Params::of(text));
  }
}

TEST(Params, ReadsTimes) {
  struct Case {
    const char* text;
    std::int64_t ms;
  };
  const Case cases[] = {
      {"0", 0},
      {"4", 4'000},
      {"1700000000.123", 1'700'000'000'123},
      {"1700000000.1234567", 1'700'000'000'123},
      {"1700000000.9999", 1'700'000'001'000},
      {"-1.5", -1'500},
      {"1e3", 1'000'000},
      {"1763764800000", 1'763'764'800'000'000},
      {"1e300", kMaxTimeMs},
      {"-Inf", -kMaxTimeMs},
      {"2015-07-01T20:10:51.781Z", 1'435'781'451'781},
      {"2015-07-01T20:10:51+02:00", 1'435'774'251'000},
      {"-292273086-05-16T16:47:06Z", -kMaxTimeMs},
      {"292277025-08-18T07:12:54.999999999Z", kMaxTimeMs},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.text);
    const auto time = parse_time_ms(one.text);
    ASSERT_TRUE(time);
    EXPECT_EQ(*time, one.ms);
  }
  for (const char* text : {"", "NaN", "now", "2015-07-01", "1 ", " 1", "0x"}) {
    SCOPED_TRACE(text);
    EXPECT_FALSE(parse_time_ms(text));
  }
}

TEST(Params, ReadsDurations) {
  struct Case {
    const char* text;
    std::int64_t ns;
  };
  const Case cases[] = {{"15", 15'000'000'000},   {"0.001", 1'000'000},   {"1m30s", 90'000'000'000},
                        {"1m0s", 60'000'000'000}, {"-5", -5'000'000'000}, {"0", 0}};
  for (const Case& one : cases) {
    SCOPED_TRACE(one.text);
    const auto duration = parse_duration_ns(one.text);
    ASSERT_TRUE(duration);
    EXPECT_EQ(*duration, one.ns);
  }
  for (const char* text : {"", "abc", "NaN", "Inf", "1e30", "99999999y", "5x"}) {
    SCOPED_TRACE(text);
    EXPECT_FALSE(parse_duration_ns(text));
  }
}

TEST(Params, UnescapesLabelNames) {
  EXPECT_EQ(unescape_label_name("job"), "job");
  EXPECT_EQ(unescape_label_name("U__http_2e_status"), "http.status");
  EXPECT_EQ(unescape_label_name("U__a__b"), "a_b");
  EXPECT_EQ(unescape_label_name("U___1f600_"), "\xf0\x9f\x98\x80");
  EXPECT_EQ(unescape_label_name("U__"), "");
  for (const char* broken : {"U__a_", "U__a_2e", "U__a_zz_", "U__a_110000_", "U__a_d800_", "U__a_1234567_"}) {
    EXPECT_EQ(unescape_label_name(broken), broken);
  }
}

}  // namespace
}  // namespace silverback::api
