// Numbers and times of line protocol.
#include "tests/ingest/line_protocol_vocabulary.h"

namespace silverback::ingest {
namespace {

TEST(LineProtocol, ReadsEveryNumberExactly) {
  constexpr std::string_view kNumbers[] = {"0",
                                           "-0",
                                           "1",
                                           "1.",
                                           ".1",
                                           "-.5",
                                           "0.1",
                                           "1.5",
                                           "-0.64",
                                           "0000001.5",
                                           "-0000001.5",
                                           "1e4",
                                           "1.0E4",
                                           "1.0e-4",
                                           "6.632243e+06",
                                           "1e+78",
                                           "5e-324",
                                           "1.7976931348623157e308",
                                           "0.30000000000000004",
                                           "123456789012345678",
                                           "9007199254740993",
                                           "999999999999999",
                                           "99999999.9999999",
                                           "123456789.123456",
                                           "12345678",
                                           "123456789",
                                           "1234567.12345678",
                                           "0.000000000000001",
                                           "0.0000000000000001",
                                           "3.141592653589793238462643383279",
                                           "1e-400",
                                           "100000000000000000000000",
                                           "1.000000000000000000000000000000001",
                                           "12345678901234567890.5"};
  for (const std::string_view number : kNumbers) {
    SCOPED_TRACE(number);
    for (const std::string& tail : {std::string(), std::string(" 7"), ",z=1 7" + std::string(40, ' ')}) {
      Bench bench;

      const WriteReport report = write(bench, "m v=" + std::string(number) + tail);

      ASSERT_TRUE(report.complete()) << report.message;
      const double want = std::strtod(std::string(number).c_str(), nullptr);
      const FakeSeries& series =
          bench.store.series.at({"m_v{__field__=\"v\", db=\"db0\"}", ValueType::Float64});
      EXPECT_EQ(series.numbers.begin()->second, std::bit_cast<std::uint64_t>(want));
    }
  }
}

TEST(LineProtocol, ReadsWholeNumbersOfEveryLength) {
  for (int digits = 1; digits <= 19; ++digits) {
    const std::string text = std::string("9223372036854775807").substr(0, static_cast<std::size_t>(digits));
    SCOPED_TRACE(text);
    for (const std::string tail : {" 7", "                                     7"}) {
      Bench bench;

      write(bench, "m i=" + text + "i,n=-" + text + "i,u=" + text + "u" + tail);

      const auto value = std::stoull(text);
      EXPECT_EQ(bench.store.series.at({"m_i{__field__=\"i\", db=\"db0\"}", ValueType::Int64}).numbers.at(7),
                value);
      EXPECT_EQ(bench.store.series.at({"m_n{__field__=\"n\", db=\"db0\"}", ValueType::Int64}).numbers.at(7),
                -value);
      EXPECT_EQ(bench.store.series.at({"m_u{__field__=\"u\", db=\"db0\"}", ValueType::Uint64}).numbers.at(7),
                value);
    }
  }
}

TEST(LineProtocol, ScalesTimesByTheirPrecision) {
  struct Case {
    std::string_view name;
    std::string_view time;
    std::int64_t time_ns;
    std::int64_t now_ns;
  };
  constexpr Case kCases[] = {
      {"", "946730096789012345", 946730096789012345, 1'700'000'000'123'456'789},
      {"n", "946730096789012345", 946730096789012345, 1'700'000'000'123'456'789},
      {"u", "946730096789012", 946730096789012000, 1'700'000'000'123'456'000},
      {"ms", "946730096789", 946730096789000000, 1'700'000'000'123'000'000},
      {"s", "946730096", 946730096000000000, 1'700'000'000'000'000'000},
      {"m", "15778834", 946730040000000000, 1'699'999'980'000'000'000},
      {"h", "262980", 946728000000000000, 1'699'999'200'000'000'000},
      {"s", "-5", -5'000'000'000, 1'700'000'000'000'000'000},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    Bench bench;
    const auto precision = parse_precision(c.name, InfluxApi::V1);
    ASSERT_TRUE(precision);

    write(bench, "m v=1 " + std::string(c.time) + "\nn v=1", *precision);

    EXPECT_TRUE(bench.store.series.at({"m_v{__field__=\"v\", db=\"db0\"}", ValueType::Float64})
                    .numbers.contains(c.time_ns));
    EXPECT_TRUE(bench.store.series.at({"n_v{__field__=\"v\", db=\"db0\"}", ValueType::Float64})
                    .numbers.contains(c.now_ns));
  }
  Bench bench;
  EXPECT_NE(
      write(bench, "cpu value=1 9223372036854775", Precision::Seconds).message.find("time outside range"),
      std::string::npos);
}

TEST(LineProtocol, KnowsThePrecisionsOfBothInterfaces) {
  for (const std::string_view name : {"us", "d", "w", "fortnight"}) {
    EXPECT_EQ(parse_precision(name, InfluxApi::V1).status().message(),
              "invalid precision \"" + std::string(name) + "\" (use n, u, ms, s, m or h)");
  }
  for (const std::string_view name : {"n", "u", "m", "h", "x"})
    EXPECT_FALSE(parse_precision(name, InfluxApi::V2));
  EXPECT_EQ(*parse_precision("us", InfluxApi::V2), Precision::Microseconds);
}

}  // namespace
}  // namespace silverback::ingest
