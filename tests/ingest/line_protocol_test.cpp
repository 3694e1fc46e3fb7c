// The grammar of line protocol, seen through LineWriter.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "base/number.h"
#include "ingest/line_protocol.h"
#include "tests/ingest/fake_store.h"

namespace silverback::ingest {
namespace {

WriteReport write(Bench& bench, std::string_view body, Precision precision = Precision::Nanoseconds) {
  // A copy of exactly this size, so that the sanitizer sees a read past the end.
  const std::vector<char> exact(body.begin(), body.end());
  auto report = bench.lines.write(kDefaultTenant, {exact.data(), exact.size()},
                                  {.database = "db0", .precision = precision});
  EXPECT_TRUE(report) << report.status().message();
  return report ? *report : WriteReport();
}

// One series a line: labels, type, and its samples.
std::string dump(const FakeStore& store) {
  std::string out;
  for (const auto& [name, series] : store.series) {
    out += series.labels.to_string();
    for (const auto& [time, bits] : series.numbers) {
      out += ' ';
      switch (series.type) {
        case ValueType::Float64: out += format_float(std::bit_cast<double>(bits)); break;
        case ValueType::Int64: out += std::to_string(static_cast<std::int64_t>(bits)) + "i"; break;
        case ValueType::Uint64: out += std::to_string(bits) + "u"; break;
        default: out += bits == 1 ? "true" : "false";
      }
      out += "@" + std::to_string(time);
    }
    for (const auto& [time, text] : series.strings) out += " \"" + text + "\"@" + std::to_string(time);
    out += '\n';
  }
  return out;
}

struct Accepted {
  std::string_view body;
  std::string_view stored;
};

TEST(LineProtocol, StoresWhatALineSays) {
  constexpr Accepted kCases[] = {
      {"cpu value=1 1000", "cpu_value{__field__=\"value\", db=\"db0\"} 1@1000\n"},
      {"cpu,last=1,first=2 value=1i 1000\ncpu,first=2,last=1 value=2i 2000",
       "cpu_value{__field__=\"value\", db=\"db0\", first=\"2\", last=\"1\"} 1i@1000 2i@2000\n"},
      {"cpu value=42 1\ncpu value=43 1", "cpu_value{__field__=\"value\", db=\"db0\"} 43@1\n"},
      {"cpu a=1,a=2 1", "cpu_a{__field__=\"a\", db=\"db0\"} 2@1\n"},
      {"cpu    value=1.0 12   ", "cpu_value{__field__=\"value\", db=\"db0\"} 1@12\n"},
      {"  cpu v=1 1\r\n\r\n# a \"comment\r\ncpu v=2 2\r\n", "cpu_v{__field__=\"v\", db=\"db0\"} 1@1 2@2\n"},
      {"cpu s=\"x\"\r\n", "cpu_s{__field__=\"s\", db=\"db0\"} \"x\"@1700000000123456789\n"},
      {"cpu v=1", "cpu_v{__field__=\"v\", db=\"db0\"} 1@1700000000123456789\n"},
      {"a#b,t#=x# v#=1 1", "{__field__=\"v#\", __name__=\"a#b_v#\", db=\"db0\", \"t#\"=\"x#\"} 1@1\n"},
      {"foo\\,bar\\ x value=1i 5", "{__field__=\"value\", __name__=\"foo,bar x_value\", db=\"db0\"} 1i@5\n"},
      {"cpu,reg\\\\=ion=east,z\\ one=e\\,\\= value=1 5",
       "cpu_value{__field__=\"value\", db=\"db0\", \"reg\\\\=ion\"=\"east\", \"z one\"=\"e,=\"} 1@5\n"},
      {"cpu,regions=east\\\\  value=1.0 5",
       "cpu_value{__field__=\"value\", db=\"db0\", regions=\"east\\\\ \"} 1@5\n"},
      {"cpu\\  v=1 5", "{__field__=\"v\", __name__=\"cpu _v\", db=\"db0\"} 1@5\n"},
      {"\"cpu\",\"host\"=\"x\" value\\ ms=1,value\\=s=2 5",
       "{\"\\\"host\\\"\"=\"\\\"x\\\"\", __field__=\"value ms\", __name__=\"\\\"cpu\\\"_value ms\", "
       "db=\"db0\"} 1@5\n"
       "{\"\\\"host\\\"\"=\"\\\"x\\\"\", __field__=\"value=s\", __name__=\"\\\"cpu\\\"_value=s\", "
       "db=\"db0\"} 2@5\n"},
      {"cpu s=\"foo \\\" bar\\\\\",t=\"\\t\\,\" 5",
       "cpu_s{__field__=\"s\", db=\"db0\"} \"foo \" bar\\\"@5\ncpu_t{__field__=\"t\", db=\"db0\"} "
       "\"\\t\\,\"@5\n"},
      {"cpu s=\"x\nmem v=1 5\ny\" 1\ncpu s=\"c\" 2",
       "cpu_s{__field__=\"s\", db=\"db0\"} \"x\nmem v=1 5\ny\"@1 \"c\"@2\n"},
      {"baz,mytag=\"a x=1 14\nbaz,mytag=a x=2 15",
       "baz_x{__field__=\"x\", db=\"db0\", mytag=\"\\\"a\"} 1@14\nbaz_x{__field__=\"x\", db=\"db0\", "
       "mytag=\"a\"} 2@15\n"},
      {"b t=t,T=T,true=true,Yes=True,YES=TRUE,f=f,No=FALSE 1",
       "b_No{__field__=\"No\", db=\"db0\"} false@1\nb_T{__field__=\"T\", db=\"db0\"} true@1\n"
       "b_YES{__field__=\"YES\", db=\"db0\"} true@1\nb_Yes{__field__=\"Yes\", db=\"db0\"} true@1\n"
       "b_f{__field__=\"f\", db=\"db0\"} false@1\nb_true{__field__=\"true\", db=\"db0\"} true@1\n"
       "b_t{__field__=\"t\", db=\"db0\"} true@1\n"},
      {"m,db=x,__name__=y,__tag_z=w v=1 1",
       "m_v{__field__=\"v\", __tag___name__=\"y\", __tag___tag_z=\"w\", __tag_db=\"x\", db=\"db0\"} 1@1\n"},
      {"", ""},
      {" \n#only\n\r\n", ""},
  };
  for (const Accepted& c : kCases) {
    SCOPED_TRACE(c.body);
    Bench bench;

    const WriteReport report = write(bench, c.body);

    EXPECT_TRUE(report.complete()) << report.message;
    std::string stored = dump(bench.store);
    EXPECT_EQ(stored, c.stored);
  }
}

struct Refused {
  std::string_view body;
  std::string_view words;
};

constexpr Refused kRefused[] = {
    {"cpu", "missing fields"},
    {"=", "missing fields"},
    {"cpu,a=b", "missing fields"},
    {"cpu\tvalue=1\t1", "missing fields"},
    {"cpu,a=b ", "missing fields"},
    {"cpu,", "missing tag key"},
    {"cpu,,,", "missing tag key"},
    {"cpu,host=serverA,=us-east value=1i", "missing tag key"},
    {"cpu, =serverA value=1i", "missing tag key"},
    {"cpu,host", "missing tag value"},
    {"cpu,host=serverA,region value=1i", "missing tag value"},
    {"cpu,host=serverA,region= value=1i", "missing tag value"},
    {"cpu,host=serverA,region=,zone=us-west value=1i", "missing tag value"},
    {"cpu,a=b=c v=1", "invalid tag format"},
    {"cpu,host=serverA,host=serverB value=1i 1", "duplicate tags"},
    {"cpu,b=2,c=3,b=1 value=1i 1", "duplicate tags"},
    {"cpu,host=serverA value=\"test", "unbalanced quotes"},
    {"cpu,host=serverA value=\"test\\", "unbalanced quotes"},
    {"cpu,host=serverA value=\"test\"\"", "unbalanced quotes"},
    {"cpu =", "missing field key"},
    {"cpu value=123i,=456i", "missing field key"},
    {"cpu value=", "missing field value"},
    {"cpu value=,value2=1i", "missing field value"},
    {"cpu value= 10i", "missing field value"},
    {"cpu value", "invalid field format"},
    {"cpu a=1,b", "invalid field format"},
    {"m f=\"blah\"=123,r 15", "invalid field format"},
    {"cpu value=1,000 1000", "invalid field format"},
    {",host=a value=1", "missing measurement"},
    {"cpu value=tr 1", "invalid boolean"},
    {"cpu value=fALSE 1", "invalid boolean"},
    {"cpu value=falsee 1", "invalid boolean"},
    {"cpu v==1", "invalid boolean"},
    {"cpu v=+1", "invalid boolean"},
    {"cpu v=Inf", "invalid boolean"},
    {"cpu v=NaN", "invalid number"},
    {"cpu v=nan", "invalid number"},
    {"cpu v=-", "invalid number"},
    {"cpu v=-.", "invalid number"},
    {"cpu v=.", "invalid number"},
    {"cpu v=1.1.1", "invalid number"},
    {"cpu v=1e", "invalid number"},
    {"cpu v=1e+", "invalid number"},
    {"cpu v=1f", "invalid number"},
    {"cpu v=1ii", "invalid number"},
    {"cpu v=1.5i", "invalid number"},
    {"cpu v=9e10i", "invalid number"},
    {"cpu v=--1i", "invalid number"},
    {"cpu v=0x10i", "invalid number"},
    {"cpu v=1_000i", "invalid number"},
    {"cpu v=-1u", "invalid number"},
    {"cpu v=1.5u", "invalid number"},
    {"cpu v=9223372036854775808i", "unable to parse integer 9223372036854775808: value out of range"},
    {"cpu v=-9223372036854775809i", "unable to parse integer -9223372036854775809: value out of range"},
    {"cpu v=18446744073709551616u", "unable to parse unsigned 18446744073709551616: value out of range"},
    {"cpu v=1e309", "unable to parse float 1e309: value out of range"},
    {"cpu v=1 -", "bad timestamp"},
    {"cpu v=1 1.5", "bad timestamp"},
    {"cpu v=1 1e9", "bad timestamp"},
    {"cpu v=1 \"10\"", "bad timestamp"},
    {"cpu v=1 i 1000", "bad timestamp"},
    {"cpu v=1 10 12", "point is invalid"},
    {"cpu v=1 9223372036854775807", "time outside range -9223372036854775806 - 9223372036854775806"},
    {"cpu v=1 9223372036854775808", "time outside range -9223372036854775806 - 9223372036854775806"},
    {"cpu v=1 -9223372036854775807", "time outside range -9223372036854775806 - 9223372036854775806"},
    {"cpu v=1 99999999999999999999999999", "time outside range -9223372036854775806 - 9223372036854775806"},
    {"cpu,t=\xff v=1", "measurement or tags are not valid UTF-8"},
    {"cpu v\xff=1", "a field key is not valid UTF-8"},
    {"cpu v=\"\xff\"", "a string that is not valid UTF-8"},
};

TEST(LineProtocol, RefusesABadLineInInfluxDbsWords) {
  for (const Refused& c : kRefused) {
    SCOPED_TRACE(c.body);
    Bench bench;

    const WriteReport report = write(bench, c.body);

    ASSERT_EQ(report.problems.size(), 1U);
    EXPECT_EQ(report.problems[0].line, 1U);
    EXPECT_TRUE(report.message.starts_with("unable to parse '")) << report.message;
    EXPECT_TRUE(report.message.ends_with("': " + std::string(c.words))) << report.message;
    EXPECT_TRUE(bench.store.series.empty());
  }
}

TEST(LineProtocol, KeepsTheGoodLinesAroundABadOne) {
  for (const Refused& c : kRefused) {
    if (c.words == "unbalanced quotes") continue;  // the open string swallows what follows
    SCOPED_TRACE(c.body);
    Bench bench;

    const WriteReport report = write(bench, "ok,h=a v=1 1\n" + std::string(c.body) + "\nok,h=b v=2 2");

    EXPECT_EQ(
        dump(bench.store),
        "ok_v{__field__=\"v\", db=\"db0\", h=\"a\"} 1@1\nok_v{__field__=\"v\", db=\"db0\", h=\"b\"} 2@2\n");
    ASSERT_EQ(report.problems.size(), 1U);
    EXPECT_EQ(report.problems[0].line, 2U);
    EXPECT_TRUE(report.message.starts_with("partial write: unable to parse '")) << report.message;
    EXPECT_TRUE(report.message.ends_with("': " + std::string(c.words) + " dropped=0")) << report.message;
  }
}

TEST(LineProtocol, AnOpenStringRunsToTheEndOfTheBody) {
  Bench bench;

  const WriteReport report = write(bench, "ok v=1 1\nbad s=\"x 5\nok v=2 2");

  EXPECT_EQ(dump(bench.store), "ok_v{__field__=\"v\", db=\"db0\"} 1@1\n");
  EXPECT_EQ(report.message,
            "partial write: unable to parse 'bad s=\"x 5\nok v=2 2': unbalanced quotes dropped=0");
}

TEST(LineProtocol, NamesEveryBadLineInTheirOrder) {
  Bench bench;

  const WriteReport report = write(bench, "bad1\nok,h=a v=1 1\nbad,a=1,a=2 v=1\nbad2 v=x 5\nok,h=b v=2 2");

  EXPECT_EQ(report.message,
            "partial write: unable to parse 'bad1': missing fields\nunable to parse 'bad,a=1,a=2 v=1': "
            "duplicate tags\n"
            "unable to parse 'bad2 v=x 5': invalid boolean dropped=0");
  EXPECT_EQ(report.stored, 2U);
  EXPECT_EQ(report.refused_because(RefusedBecause::Malformed), 3U);
}

TEST(LineProtocol, DoesNotRepeatFiftyThousandBadLines) {
  Bench bench;
  std::string body;
  for (int i = 0; i < 50'000; ++i) body += "x\n";

  const WriteReport report = write(bench, body);

  EXPECT_EQ(report.problem_count, 50'000U);
  EXPECT_LT(report.message.size(), 2'000U);
  EXPECT_NE(report.message.find("and 49980 more"), std::string::npos) << report.message;
}

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

TEST(LineProtocol, DropsAWholePointWhoseFieldHasAnotherType) {
  Bench bench;
  write(bench, "m a=1i 1000");

  const WriteReport report = write(bench, "m a=2i,e=1 2000\nm a=5.0,f=1 7000\nn a=1 4\nm a=true 8000");

  EXPECT_EQ(report.message,
            "partial write: field type conflict: input field \"a\" on measurement \"m\" is type float, "
            "already exists "
            "as type integer dropped=2");
  EXPECT_EQ(report.stored, 3U);
  EXPECT_EQ(report.refused_because(RefusedBecause::TypeConflict), 2U);
  EXPECT_EQ(dump(bench.store),
            "m_a{__field__=\"a\", db=\"db0\"} 1i@1000 2i@2000\nm_e{__field__=\"e\", db=\"db0\"} 1@2000\n"
            "n_a{__field__=\"a\", db=\"db0\"} 1@4\n");
}

TEST(LineProtocol, TheFirstLineOfABatchSetsTheType) {
  for (const bool knows_types : {true, false}) {
    Bench bench;
    bench.store.knows_types = knows_types;

    const WriteReport report = write(bench, "m,k=1 v=1 1\nm,k=2 v=2i 2\nm,k=3 v=3 3");

    EXPECT_EQ(
        report.message,
        "partial write: field type conflict: input field \"v\" on measurement \"m\" is type integer, already "
        "exists as type float dropped=1");
    EXPECT_EQ(report.stored, 2U);
  }
}

TEST(LineProtocol, ABadLineSetsNoTypes) {
  for (const bool knows_types : {true, false}) {
    Bench bench;
    bench.store.knows_types = knows_types;

    const WriteReport report = write(bench, "m v=30000,,=2 1\nm v=3i 2\nm v=4i 3");

    EXPECT_EQ(report.message,
              "partial write: unable to parse 'm v=30000,,=2 1': invalid field format dropped=0");
    EXPECT_EQ(report.stored, 2U);
  }
}

TEST(LineProtocol, PassesOnAConflictThatOnlyTheStoreSees) {
  Bench bench;
  bench.store.knows_types = false;
  write(bench, "m v=1 1");

  const WriteReport report = write(bench, "m v=2i,w=1 2\nm v=3 3");

  EXPECT_EQ(report.message, "partial write: field type conflict: the store says so dropped=1");
  EXPECT_EQ(report.stored, 2U);
}

TEST(LineProtocol, TheNameTimeIsReserved) {
  Bench bench;

  const WriteReport field = write(bench, "cpu time=1,value=2 1000");
  EXPECT_EQ(
      field.message,
      "partial write: invalid field name: input field \"time\" on measurement \"cpu\" is invalid dropped=1");
  EXPECT_EQ(dump(bench.store), "cpu_value{__field__=\"value\", db=\"db0\"} 2@1000\n");

  EXPECT_TRUE(write(bench, "cpu time=1 1000").message.starts_with("partial write: invalid field name"));
  EXPECT_EQ(write(bench, "cpu,time=x value=2 1000").message,
            "partial write: invalid tag key: input tag \"time\" on measurement \"cpu\" is invalid dropped=1");
}

TEST(LineProtocol, HoldsItsLimits) {
  Bench bench;
  const std::string long_tag = "cpu,t=" + std::string(65'540, 'x') + " v=1 5";
  EXPECT_NE(write(bench, long_tag).message.find("max key length exceeded: 65546 > 65535"), std::string::npos);
  EXPECT_EQ(write(bench, long_tag).refused_because(RefusedBecause::TooLong), 1U);

  const std::string at_limit = "cpu s=\"" + std::string(1 << 20, 'a') + "\" 1\ncpu v=6i 2";
  EXPECT_TRUE(write(bench, at_limit).complete());
  const std::string too_long = "cpu s=\"" + std::string((1 << 20) + 1, 'a') + "\" 1\ncpu v=6i 2";
  EXPECT_EQ(
      write(bench, too_long).message,
      "partial write: input field \"s\" on measurement \"cpu\" is too long, 1048577 > 1048576 dropped=1");

  std::string many = "cpu";
  for (int i = 0; i < 300; ++i) many += ",t" + std::to_string(i) + "=x";
  const WriteReport report = write(bench, many + " v=1i");
  EXPECT_NE(report.message.find("more than 256 labels"), std::string::npos) << report.message;
}

TEST(LineProtocol, TheFutureIsTakenUnlessItIsBounded) {
  Bench open;
  EXPECT_TRUE(write(open, "m v=1 9000000000000000000").complete());

  Bench bounded({.max_future_ns = 600 * kNsPerSecond});
  EXPECT_TRUE(write(bounded, "m v=1 1700000500000000000").complete());
  const WriteReport report = write(bounded, "m v=1 1700000700000000000\nm v=2 5");
  EXPECT_EQ(report.message,
            "partial write: time is too far in the future; check the sender's clock dropped=1");
  EXPECT_EQ(report.refused_because(RefusedBecause::TimeRange), 1U);
}

TEST(LineProtocol, KnowsASeriesAgainWithoutLookingAtItsLabels) {
  Bench bench;
  const std::string body = "cpu,host=a,dc=b user=1,system=2i,idle=\"x\" 1\nmem,host=a free=1,used=2 1\n";
  write(bench, body);
  const std::size_t resolved = bench.store.resolved;
  EXPECT_EQ(resolved, 5U);

  for (int i = 0; i < 3; ++i) write(bench, body);

  EXPECT_EQ(bench.store.resolved, resolved);
}

TEST(LineProtocol, LinesOfOneMeasurementMayTakeTurnsWithTheirFields) {
  Bench bench;
  const std::string body =
      "h,le=1 bucket=1i 1\nh sum=0.5,count=7i 1\nh count=8i,sum=1 2\nh,le=1 sum=2,bucket=3i 2\n";
  const std::string stored =
      "h_bucket{__field__=\"bucket\", db=\"db0\", le=\"1\"} 1i@1 3i@2\nh_count{__field__=\"count\", "
      "db=\"db0\"} 7i@1 "
      "8i@2\nh_sum{__field__=\"sum\", db=\"db0\", le=\"1\"} 2@2\nh_sum{__field__=\"sum\", db=\"db0\"} 0.5@1 "
      "1@2\n";
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(write(bench, body).complete());
    EXPECT_EQ(dump(bench.store), stored);
  }
  EXPECT_EQ(bench.store.resolved, 4U);
  EXPECT_FALSE(write(bench, "h count=1 3").complete());  // whatever its place, a field keeps its type
}

TEST(LineProtocol, FindsTheFirstBlankWithinOrBehindAnyWidth) {
  for (std::size_t size = 1; size < 200; ++size) {
    for (const char blank : {' ', '\n'}) {
      // All other bytes stand before it, those that share a nibble with it too.
      std::string text;
      for (std::size_t i = 0; text.size() < size; ++i) {
        const auto c = static_cast<char>(i * 7 + size);
        if (c != ' ' && c != '\n') text += c;
      }
      text += blank;
      const char* const begin = text.data();
      EXPECT_EQ(line::blank_finder()(begin, begin + size + 1), begin + size);
      EXPECT_EQ(line::blank_finder()(begin, begin + size), begin + size);
    }
  }
}

TEST(LineProtocol, TellsFieldsTypesDatabasesAndPoliciesApart) {
  Bench bench;
  const auto stored = [&](std::string_view db, std::string_view rp, std::string_view body) {
    return bench.lines.write(kDefaultTenant, body, {.database = db, .retention_policy = rp})->stored;
  };
  EXPECT_EQ(stored("a", "", "m_x v=1 1\nm x_v=1 1"), 2U);
  EXPECT_EQ(stored("b", "", "m_x v=1i 1"), 1U);
  EXPECT_EQ(stored("a", "autogen", "m_x v=2 1"), 1U);
  EXPECT_EQ(stored("a", "rp0", "m_x v=3 1"), 1U);

  EXPECT_EQ(dump(bench.store),
            "m_x_v{__field__=\"v\", __rp__=\"rp0\", db=\"a\"} 3@1\nm_x_v{__field__=\"v\", db=\"a\"} 2@1\n"
            "m_x_v{__field__=\"v\", db=\"b\"} 1i@1\nm_x_v{__field__=\"x_v\", db=\"a\"} 1@1\n");
}

TEST(LineProtocol, AnUnknownDatabaseIsMadeOrRefused) {
  Bench bench;
  const auto refused =
      bench.lines.write(kDefaultTenant, "m v=1", {.database = "x", .create_database = false});
  EXPECT_EQ(refused.status().code(), Code::NotFound);
  EXPECT_EQ(refused.status().message(), "database not found: \"x\"");

  EXPECT_TRUE(bench.lines.write(kDefaultTenant, "m v=1", {.database = "x"}));
  EXPECT_TRUE(bench.store.has_database(kDefaultTenant, "x"));
}

TEST(LineProtocol, NothingIsPromisedWhenTheStoreFails) {
  Bench bench;
  bench.store.failure = Status(Code::Unavailable, "disk full");

  const auto report = bench.lines.write(kDefaultTenant, "m v=1", {.database = "x"});

  EXPECT_EQ(report.status().code(), Code::Unavailable);
}

TEST(LineProtocol, EachStringStandsWhereItsSampleSays) {
  Bench bench;
  bench.store.max_series = 2;

  write(
      bench,
      "m s=\"first\" 1\nm,bad s=\"lost\" 1\nm s=\"sec\\\"ond\",t=\"\" 2\nn s=\"refused\" 1\nm s=\"third\" 3");

  EXPECT_EQ(dump(bench.store),
            "m_s{__field__=\"s\", db=\"db0\"} \"first\"@1 \"sec\"ond\"@2 \"third\"@3\n"
            "m_t{__field__=\"t\", db=\"db0\"} \"\"@2\n");
}

TEST(LineProtocol, AnyCutOfABodyIsRefusedOrShorter) {
  const std::string body =
      "cpu\\ x,ho\\,st=a,dc=\\=b user=1.25,system=-2i,u=7u,s=\"a\\\"b\nc\",ok=true 1700000000123456789\r\n# "
      "c\nm v=1e5 5\n";
  for (std::size_t size = 0; size <= body.size(); ++size) {
    SCOPED_TRACE(size);
    Bench bench;
    const WriteReport report = write(bench, std::string_view(body).substr(0, size));
    EXPECT_LE(report.stored, 6U);
    EXPECT_EQ(report.complete(), report.message.empty());
  }
}

}  // namespace
}  // namespace silverback::ingest
