// The grammar of line protocol, seen through LineWriter: what is taken, and what is refused in which words.
#include "tests/ingest/line_protocol_vocabulary.h"

namespace silverback::ingest {
namespace {

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
