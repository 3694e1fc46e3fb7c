#include "base/number.h"

#include <gtest/gtest.h>

#include <bit>
#include <charconv>
#include <cmath>

#include "base/duration.h"

namespace silverback {
namespace {

TEST(Number, FloatsPrintAsGoPrintsThem) {
  struct Case {
    double value;
    const char* text;
  };
  constexpr Case kCases[] = {{0, "0"},
                             {-0.0, "-0"},
                             {1.5, "1.5"},
                             {1e21, "1000000000000000000000"},
                             {0.1, "0.1"},
                             {1e-7, "0.0000001"},
                             {123456789012345678901.0, "123456789012345680000"},
                             {-9007199254740994, "-9007199254740994"},
                             {1.2345e17, "123450000000000000"},
                             {123456789, "123456789"},
                             {HUGE_VAL, "+Inf"},
                             {-HUGE_VAL, "-Inf"}};
  for (const Case& c : kCases) EXPECT_EQ(format_float(c.value), c.text);
  EXPECT_EQ(format_float(std::nan("")), "NaN");
}

TEST(Number, ExpositionHasAnExponentWhereGoHasOne) {
  const auto text = [](double v) {
    std::string out;
    append_float_exponent(out, v);
    return out;
  };
  EXPECT_EQ(text(0), "0");
  EXPECT_EQ(text(-0.0), "-0");
  EXPECT_EQ(text(999'999), "999999");
  EXPECT_EQ(text(999'999.9999999999), "999999.9999999999");
  EXPECT_EQ(text(1e6), "1e+06");
  EXPECT_EQ(text(-41'582'592), "-4.1582592e+07");
  EXPECT_EQ(text(1e100), "1e+100");
  EXPECT_EQ(text(0.0001), "0.0001");
  EXPECT_EQ(text(0.000099), "9.9e-05");
  EXPECT_EQ(text(HUGE_VAL), "+Inf");
}

TEST(Number, PrintsFewDecimalsAsShortAsAnyOther) {
  std::uint64_t state = 7;
  for (int i = 0; i < 200'000; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    const int places = static_cast<int>(state >> 60) % 9;
    const auto digits = static_cast<std::int64_t>(state << 4) >> (8 + state % 50);
    double v = static_cast<double>(digits) / std::pow(10, places);
    if (i % 16 == 0) v = std::nextafter(v, 1e9);
    if (v == std::trunc(v) || std::fabs(v) >= 0x1p53) continue;
    char buffer[1100];
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, v, std::chars_format::fixed).ptr;

    ASSERT_EQ(format_float(v), std::string_view(buffer, static_cast<std::size_t>(end - buffer)));
  }
}

TEST(Number, ReadsBackEveryFloatItPrints) {
  std::uint64_t state = 42;
  for (int i = 0; i < 100'000; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    const double v = std::bit_cast<double>(state);
    if (std::isnan(v)) continue;
    const auto back = parse_float(format_float(v));
    ASSERT_TRUE(back.has_value());
    ASSERT_EQ(std::bit_cast<std::uint64_t>(*back), state) << format_float(v);
  }
}

TEST(Number, RefusesWhatIsNotANumber) {
  for (const char* text : {"", "+", "-", "1x", "--1", "0x", "1e", "1 ", " 1", "infx", "1_000", "e5"}) {
    EXPECT_FALSE(parse_float(text).has_value()) << text;
  }
}

TEST(Number, SecondsCarryAtMostThreeDecimals) {
  const auto text = [](std::int64_t ms) {
    std::string out;
    append_seconds(out, ms);
    return out;
  };
  EXPECT_EQ(text(1500), "1.5");
  EXPECT_EQ(text(-1), "-0.001");
  EXPECT_EQ(text(4000), "4");
  EXPECT_EQ(text(1'763'764'800'120), "1763764800.12");
}

TEST(Number, TimesOfRfc3339ComeBackWhole) {
  EXPECT_EQ(parse_rfc3339_ns("1970-01-01T00:00:04Z"), 4'000'000'000);
  EXPECT_EQ(parse_rfc3339_ns("2015-06-03T13:21:58.555555555Z"), 1433337718555555555);
  EXPECT_EQ(parse_rfc3339_ns("2015-06-03T13:21:58+02:00"), 1433330518000000000);
  EXPECT_EQ(format_rfc3339(1433337718555555555), "2015-06-03T13:21:58.555555555Z");
  EXPECT_FALSE(parse_rfc3339_ns("2015-13-03T13:21:58Z").has_value());
  EXPECT_FALSE(parse_rfc3339_ns("2015-06-03").has_value());
}

TEST(Duration, ReadsWhatPrometheusReads) {
  EXPECT_EQ(*parse_duration_ms("1m0s"), 60'000);
  EXPECT_EQ(*parse_duration_ms("1h30m"), 5'400'000);
  EXPECT_EQ(*parse_duration_ms("1y2w3d4h5m6s7ms"), 33'019'506'007);
  for (const char* text :
       {"", "1", "1s1m", "1m1m", "m", "1.5s", "-1s", "99999999999999999999w", "400000000w"}) {
    EXPECT_FALSE(parse_duration_ms(text)) << text;
  }
  EXPECT_EQ(format_duration_ms(5'400'000), "1h30m");
  EXPECT_EQ(format_duration_ms(0), "0s");
}

}  // namespace
}  // namespace silverback
