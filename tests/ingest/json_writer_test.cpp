// Samples as JSON through JsonWriter.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "base/number.h"
#include "tests/ingest/fake_store.h"

namespace silverback::ingest {
namespace {

Result<WriteReport> try_write(Bench& bench, std::string_view body, const JsonOptions& options = {}) {
  // A copy of exactly this size, so that the sanitizer sees a read past the end.
  const std::vector<char> exact(body.begin(), body.end());
  return bench.json.write(kDefaultTenant, std::string_view(exact.data(), exact.size()), options);
}
WriteReport write(Bench& bench, std::string_view body, const JsonOptions& options = {}) {
  auto report = try_write(bench, body, options);
  EXPECT_TRUE(report) << report.status().message();
  return report ? *report : WriteReport();
}

std::string dump(const FakeStore& store) {
  std::string out;
  for (const auto& [name, series] : store.series) {
    out += series.labels.to_string();
    for (const auto& [time, bits] : series.numbers) {
      out += " " + format_float(std::bit_cast<double>(bits)) + "@" + std::to_string(time);
    }
    out += '\n';
  }
  return out;
}

struct Accepted {
  std::string_view body;
  std::string_view stored;
};

TEST(JsonWriter, StoresWhatASampleSays) {
  const Accepted kCases[] = {
      {R"({"name":"cpu_usage","labels":{"host":"a"},"value":0.64,"timestamp":1700000000000})",
       "cpu_usage{host=\"a\"} 0.64@1700000000000000000\n"},
      {R"({"metric":"cpu","tags":{"host":"a","zone":"b"},"value":1,"time":1700000000})",
       "cpu{host=\"a\", zone=\"b\"} 1@1700000000000000000\n"},
      {R"({"metric":{"__name__":"up","job":"x"},"values":[1,2],"timestamps":[1700000000000,1700000001000]})",
       "up{job=\"x\"} 1@1700000000000000000 2@1700000001000000000\n"},
      {R"({"labels":{"__name__":"up"},"value":1})", "up 1@1700000000123456789\n"},
      {R"([{"name":"a","value":1},{"name":"b","value":2},{"name":"a","value":3}])",
       "a 3@1700000000123456789\nb 2@1700000000123456789\n"},
      {"{\"name\":\"a\",\"value\":1}\n\n \r\n{\"name\":\"b\",\"value\":2} \r\n{\"name\":\"c\",\"value\":3}",
       "a 1@1700000000123456789\nb 2@1700000000123456789\nc 3@1700000000123456789\n"},
      {"{\n  \"value\" : 1 ,\n  \"labels\" : {\n \"x\" : \"1\"\n },\n  \"name\" : \"a\"\n}\n",
       "a{x=\"1\"} 1@1700000000123456789\n"},
      {" \n[ ]\n", ""},
      {"", ""},
      {"  \n", ""},
      {R"({"name":"a","value":1,"values_of_no_use":[{"x":[null,true,false,-1.5e3,"\u00e4"]},{}],"Value":"no"})",
       "a 1@1700000000123456789\n"},
      {R"({"\u006eame":"a\u00fc\ud83d\ude00\n","value":1,"labels":{"a\/b":"\"\\\b\f\r\t"}})",
       "{__name__=\"a\u00fc\U0001F600\\n\", \"a/b\"=\"\\\"\\\\\b\f\r\t\"} 1@1700000000123456789\n"},
      {R"({"name":"a","labels":{"port":8080,"on":true,"off":false,"gone":null,"empty":""},"value":1})",
       "a{off=\"false\", on=\"true\", port=\"8080\"} 1@1700000000123456789\n"},
      {R"({"name":"a","labels":null,"value":1,"timestamp":null})", "a 1@1700000000123456789\n"},
      {R"({"name":"a","values":[1],"timestamp":5})", "a 1@5000000000\n"},
      {R"({"name":"a","values":[],"timestamps":[]})", ""},
  };
  for (const Accepted& c : kCases) {
    SCOPED_TRACE(c.body);
    Bench bench;

    const WriteReport report = write(bench, c.body);

    EXPECT_TRUE(report.complete()) << report.message;
    EXPECT_EQ(dump(bench.store), c.stored);
  }
}

TEST(JsonWriter, ReadsAnyValueThatIsANumber) {
  const Accepted kCases[] = {
      {"0", "0"},
      {"-0", "-0"},
      {"-1.5e3", "-1500"},
      {"1E+2", "100"},
      {"12345678901234567890", "12345678901234567000"},
      {"9007199254740993", "9007199254740992"},  // the nearest double
      {"2.5e-3", "0.0025"},
      {"true", "1"},
      {"false", "0"},
      {"\"NaN\"", "NaN"},
      {"\"+Inf\"", "+Inf"},
      {"\"-Inf\"", "-Inf"},
      {"\"Infinity\"", "+Inf"},
      {"\"1e5\"", "100000"},
      {"[null]", "NaN"},
  };
  for (const Accepted& c : kCases) {
    SCOPED_TRACE(c.body);
    Bench bench;
    const WriteReport report =
        write(bench, "{\"name\":\"a\",\"value\":" + std::string(c.body) + ",\"time\":1}");
    EXPECT_TRUE(report.complete()) << report.message;
    EXPECT_EQ(dump(bench.store), "a " + std::string(c.stored) + "@1000000000\n");
  }
}

struct Time {
  std::string_view text;
  std::int64_t time_ns;
  JsonTimeUnit unit = JsonTimeUnit::Auto;
};

TEST(JsonWriter, ReadsTimesInEveryUnit) {
  constexpr std::int64_t kTime = 1'700'000'000'123'456'789;
  const Time kCases[] = {
      {"1700000000", 1'700'000'000'000'000'000},
      {"1700000000.123456789", kTime},
      {"1700000000.1234567891", kTime},
      {"1700000000123.456789", kTime},
      {"1700000000123456.789", kTime},
      {"1700000000123456789", kTime},
      {"\"1700000000.123456789\"", kTime},
      {"1.7e9", 1'700'000'000'000'000'000},
      {"1.7e+12", 1'700'000'000'000'000'000},
      {"0", 0},
      {"-1.5", -1'500'000'000},
      {"9999999999", 9'999'999'999'000'000, JsonTimeUnit::Milliseconds},
      {"10000000000", 10'000'000'000'000'000},
      {"10000000000000", 10'000'000'000'000'000},
      {"10000000000000000", 10'000'000'000'000'000},
      {"5", 5'000'000'000, JsonTimeUnit::Seconds},
      {"5.25", 5'250'000, JsonTimeUnit::Milliseconds},
      {"5.25", 5'250, JsonTimeUnit::Microseconds},
      {"5.25", 5, JsonTimeUnit::Nanoseconds},
      {"\"2023-11-14T22:13:20.123456789Z\"", kTime},
      {"\"2023-11-14T23:13:20.123456789+01:00\"", kTime, JsonTimeUnit::Nanoseconds},
  };
  for (const Time& c : kCases) {
    SCOPED_TRACE(c.text);
    Bench bench;
    const WriteReport report = write(
        bench, "{\"name\":\"a\",\"value\":1,\"time\":" + std::string(c.text) + "}", {.time_unit = c.unit});
    EXPECT_TRUE(report.complete()) << report.message;
    EXPECT_EQ(dump(bench.store), "a 1@" + std::to_string(c.time_ns) + "\n");
  }
}

TEST(JsonWriter, NamesTheTimeUnits) {
  EXPECT_EQ(*parse_json_time_unit("auto"), JsonTimeUnit::Auto);
  EXPECT_EQ(*parse_json_time_unit("us"), JsonTimeUnit::Microseconds);
  EXPECT_EQ(parse_json_time_unit("min").status().message(),
            "invalid time unit \"min\" (use auto, s, ms, us or ns)");
}

struct Refused {
  std::string_view sample;
  std::string_view words;
};

constexpr Refused kRefused[] = {
    {"5", "an object is needed here, not a number"},
    {"[]", "an object is needed here, not a list"},
    {"{}", "there is no value"},
    {R"({"name":"a"})", "there is no value"},
    {R"({"value":1})", "there is no name"},
    {R"({"name":"","value":1})", "the series has no metric name; set the label __name__"},
    {R"({"labels":{"a":"b"},"value":1})", "the series has no metric name; set the label __name__"},
    {R"({"name":"a","value":null})", "value: a number is needed here, not null"},
    {R"({"name":"a","value":{"x":1}})", "value: a number is needed here, not an object"},
    {R"({"name":"a","value":"x"})", "value: \"x\" is not a number"},
    {R"({"name":"a","value":""})", "value: \"\" is not a number"},
    {R"({"name":"a","value":1e999})", "value: \"1e999\" is beyond the range of a double"},
    {R"({"name":"a","value":1,"value":2})", "value: it is given twice"},
    {R"({"name":"a","metric":"b","value":1})", "metric: the name stands twice"},
    {R"({"name":5,"value":1})", "name: a string is needed here, not a number"},
    {R"({"name":"a","labels":{},"tags":{},"value":1})", "tags: the labels stand twice"},
    {R"({"name":"a","labels":["x"],"value":1})", "labels: an object is needed here, not a list"},
    {R"({"name":"a","labels":{"host":{}},"value":1})",
     "labels: host: a string is needed here, not an object"},
    {R"({"name":"a","labels":{"x":"1","x":"2"},"value":1})",
     "label name \"x\" is not unique; send each label once"},
    {R"({"name":"a","labels":{"":"1"},"value":1})",
     "labels: a label name is empty; give it a name or leave the label out"},
    {R"({"name":"a","labels":{"__rp__":"1"},"value":1})",
     "labels: label name \"__rp__\" is reserved; rename the label"},
    {R"({"name":"a","labels":{"x":"\ud800"},"value":1})",
     "labels: the value of label \"x\" has a \\u escape that is half a character"},
    {R"({"name":"\udc00","value":1})", "the name has a \\u escape that is half a character"},
    {"{\"name\":\"a\",\"labels\":{\"x\":\"\xff\"},\"value\":1}",
     "labels: value \"\xef\xbf\xbd\" of label \"x\" is not valid UTF-8"},
    {R"({"name":"a","value":1,"timestamp":"now"})",
     "timestamp: \"now\" is neither a number nor a time such as 2023-11-14T22:13:20Z"},
    {R"({"name":"a","value":1,"timestamp":true})", "timestamp: a time is needed here, not true or false"},
    {R"({"name":"a","value":1,"timestamp":99999999999999999999})",
     "timestamp: \"99999999999999999999\" is outside the years 1677 to 2262"},
    {R"({"name":"a","value":1,"timestamp":9999999999})",
     "timestamp: \"9999999999\" is outside the years 1677 to 2262"},
    {R"({"name":"a","value":1,"timestamp":1e30})", "timestamp: \"1e30\" is outside the years 1677 to 2262"},
};

TEST(JsonWriter, NamesABadSampleOfAListAndKeepsTheOthers) {
  for (const Refused& c : kRefused) {
    SCOPED_TRACE(c.sample);
    Bench bench;
    const std::string good = R"({"name":"ok","value":1})";

    const WriteReport report = write(bench, "[" + good + "," + std::string(c.sample) + "," + good + "]");

    EXPECT_EQ(report.message, "sample 2: " + std::string(c.words));
    EXPECT_EQ(report.stored, 2U);
    EXPECT_EQ(report.refused_samples(), 1U);
    ASSERT_EQ(report.problems.size(), 1U);
    EXPECT_EQ(report.problems[0].line, 2U);
  }
}

TEST(JsonWriter, NamesABadLineAndKeepsTheOthers) {
  const std::string good = "{\"name\":\"ok\",\"value\":1}\n";
  for (const Refused& c : kRefused) {
    SCOPED_TRACE(c.sample);
    Bench bench;

    const WriteReport report = write(bench, good + "\n" + std::string(c.sample) + "\n" + good);

    EXPECT_EQ(report.message, "line 3: " + std::string(c.words));
    EXPECT_EQ(report.stored, 2U);
    EXPECT_EQ(report.problems.at(0).line, 3U);
  }
}

TEST(JsonWriter, CountsEveryValueOfARefusedSample) {
  Bench bench;
  const WriteReport report =
      write(bench, R"([{"name":"a","values":[1,2,3],"timestamps":[1,2]}, {"name":"a","values":[1,2]}])");
  EXPECT_EQ(report.message,
            "sample 1: there are 3 values and 2 times\nsample 2: there are 2 values and 0 times");
  EXPECT_EQ(report.refused_samples(), 5U);
}

constexpr Refused kNotJson[] = {
    {R"({"name":"a","value":01})", "line 2, column 22: a comma or } is missing"},
    {R"({"name":"a","value":1.})", "line 2, column 21: this is not what JSON has here"},
    {R"({"name":"a","value":-})", "line 2, column 21: this is not what JSON has here"},
    {R"({"name":"a","value":tru})", "line 2, column 21: this is not what JSON has here"},
    {R"({"name":"a","value":1,})", "line 2, column 23: the name of a member is missing, in quotes"},
    {R"({"name":"a" "value":1})", "line 2, column 13: a comma or } is missing"},
    {R"({"name":"a","value" 1})", "line 2, column 21: a colon is missing after the name of a member"},
    {R"({"name":"\x","value":1})", "line 2, column 10: a string has a wrong escape"},
    {R"({"name":"\u12g4","value":1})", "line 2, column 10: a string has a wrong escape"},
    {"{\"name\":\"a\tb\",\"value\":1}", "line 2, column 11: a control character in a string is not escaped"},
    {R"({"name":"a","value":1,"x":[1 2]})", "line 2, column 30: a comma or ] is missing"},
    {"hello", "line 2, column 1: this is not what JSON has here"},
};

TEST(JsonWriter, ALineThatIsNotJsonIsNamed) {
  const std::string good = "{\"name\":\"ok\",\"value\":1}\n";
  for (const Refused& c : kNotJson) {
    SCOPED_TRACE(c.sample);
    Bench bench;
    const WriteReport report = write(bench, good + std::string(c.sample) + "\n" + good);
    EXPECT_EQ(report.message, "line 2: not JSON at " + std::string(c.words));
    EXPECT_EQ(report.stored, 2U);
  }
}

TEST(JsonWriter, AListThatIsNotJsonIsRefusedAsAWhole) {
  const std::string good = R"({"name":"ok","value":1})";
  for (const Refused& c : kNotJson) {
    SCOPED_TRACE(c.sample);
    Bench bench;
    const auto report = try_write(bench, "[" + good + ",\n" + std::string(c.sample) + "]");
    ASSERT_FALSE(report);
    EXPECT_EQ(report.status().code(), Code::InvalidArgument);
    EXPECT_EQ(report.status().message(), "sample 2: not JSON at " + std::string(c.words));
    EXPECT_EQ(bench.store.appends, 0U);
  }
  Bench bench;
  EXPECT_EQ(try_write(bench, "[" + good).status().message(),
            "sample 1: not JSON at line 1, column 25: a comma or ] is missing");
  EXPECT_EQ(try_write(bench, "[" + good + "]\n5").status().message(),
            "not JSON at line 2, column 1: something follows the list");
}

TEST(JsonWriter, ReadingGoesOnBehindWhatIsNotJson) {
  const Accepted kCases[] = {
      // A line that is cut short, at any place, costs no other.
      {"{\"name\":\"a\",\n{\"name\":\"ok\",\"value\":1}",
       "line 1: not JSON at line 2, column 1: the name of a "
       "member is missing, in quotes"},
      {"{\"name\":\"a\n{\"name\":\"ok\",\"value\":1}",
       "line 1: not JSON at line 1, column 11: a control character in a string is not escaped"},
      {"{\"name\":\"ok\",\"value\":1}\n{\"name\":\"a\",\"value\":1} {\"name\":\"b\",\"value\":1}",
       "line 2: not JSON at line 2, column 24: something follows the object on its line"},
      // An object over several lines is one problem.
      {"{\n \"name\": \"a\",\n \"labels\": {\n  \"x\": 1,\n },\n \"value\": "
       "1\n}\n{\"name\":\"ok\",\"value\":1}",
       "line 1: not JSON at line 5, column 2: the name of a member is missing, in quotes"},
  };
  for (const Accepted& c : kCases) {
    SCOPED_TRACE(c.body);
    Bench bench;
    const WriteReport report = write(bench, c.body);
    EXPECT_EQ(report.message, c.stored);
    EXPECT_EQ(dump(bench.store), "ok 1@1700000000123456789\n");
  }
}

TEST(JsonWriter, NestingIsBounded) {
  const std::string deep = std::string(33, '[') + std::string(33, ']');
  Bench bench;
  EXPECT_EQ(write(bench, "{\"name\":\"a\",\"value\":1,\"x\":" + deep.substr(1, 64) + "}").stored, 1U);
  const WriteReport report = write(bench, "{\"name\":\"a\",\"value\":1,\"x\":" + deep + "}");
  EXPECT_NE(report.message.find("nested more than 32 deep"), std::string::npos) << report.message;
  EXPECT_FALSE(try_write(bench, std::string(1 << 20, '[')));
}

TEST(JsonWriter, FieldsMayHaveOtherNames) {
  Bench bench;
  const JsonOptions options{
      .fields = {.name = "m", .labels = "dims", .value = "v", .timestamp = "@timestamp"}};
  const WriteReport report = write(
      bench, R"({"m":"a","dims":{"x":"1"},"v":2,"@timestamp":"2023-11-14T22:13:20Z","value":"free text"})",
      options);
  EXPECT_TRUE(report.complete()) << report.message;
  EXPECT_EQ(dump(bench.store), "a{x=\"1\"} 2@1700000000000000000\n");

  const auto twice = try_write(bench, "{}", {.fields = {.name = "value"}});
  EXPECT_EQ(twice.status().message(),
            "two fields of a sample are called \"value\"; give each a name of its own");
}

TEST(JsonWriter, KnowsASeriesAgain) {
  Bench bench;
  for (int i = 0; i < 3; ++i) {
    const std::string value = std::to_string(i);
    write(bench, "{\"name\":\"a\",\"labels\":{\"x\":\"1\"},\"value\":" + value + "}\n{\"value\":" + value +
                     ",\"labels\":{\"x\":\"1\"},\"name\":\"a\"}\n{\"name\":\"b\",\"labels\":{\"x\":\"1\"},"
                     "\"value\":1}\n{\"name\":\"b\",\"value\":1}");
  }
  EXPECT_EQ(bench.store.resolved, 3U);
  EXPECT_EQ(bench.store.series.size(), 3U);
}

// Of a name that is called as before no byte is looked at again; it may come later, and another in its place.
TEST(JsonWriter, MembersMayComeInAnyOrder) {
  Bench bench;
  const WriteReport report = write(bench, R"({"name":"a", "value" : 1, "time" : 1}
{"name":"a","value":2,"time":2}
{"name":"a","value":"x","time":2}
{"value":3,"time":3,"name":"a"}
{"names":"b","name":"a","value":4,"time":4}
{"nam\u0065":"a","value":5,"time":5}
{"nam\u0065":"a","value":6,"time":6}
{"1":1,"2":2,"3":3,"4":4,"5":5,"6":6,"7":7,"name":"a","value":7,"time":7}
{"1":1,"2":2,"3":3,"4":4,"5":5,"6":6,"7":7,"name":"a","value":8,"time":8}
{"1":1,"2":2,"3":3,"4":4,"5":5,"6":6,"7":7,"nome":"a","value":9,"time":9})");
  EXPECT_EQ(dump(bench.store),
            "a 1@1000000000 2@2000000000 3@3000000000 4@4000000000 5@5000000000 "
            "6@6000000000 7@7000000000 8@8000000000\n");
  EXPECT_EQ(report.message, "line 3: value: \"x\" is not a number\nline 10: there is no name");
}

TEST(JsonWriter, AFieldIsWhatItsOptionsSay) {
  Bench bench;
  const std::string sample = R"({"a":"one","b":"two","timestamp":3,"value":4})";
  for (const std::string_view name : {"a", "b", "a"})
    write(bench, sample + "\n" + sample + "\n" + sample, {.fields = {.name = name}});
  EXPECT_EQ(dump(bench.store), "one 4@3000000000\ntwo 4@3000000000\n");
}

TEST(JsonWriter, LimitsHold) {
  Bench bench(
      {.max_labels = 2, .max_label_value_bytes = 4, .max_future_ns = kNsPerSecond, .max_problems = 3});
  const WriteReport report = write(bench, R"([{"name":"a","labels":{"x":"1","y":"2"},"value":1},
      {"name":"a","labels":{"x":"12345"},"value":1}, {"name":"a","values":[1,2],"timestamps":[1700000001,1700000009]},
      {"name":"12345","value":1}])");
  EXPECT_EQ(report.stored, 1U);
  EXPECT_EQ(report.refused_because(RefusedBecause::TooLong), 3U);
  EXPECT_EQ(report.refused_because(RefusedBecause::TimeRange), 1U);
  EXPECT_EQ(report.problems.size(), 3U);
  EXPECT_EQ(report.problem_count, 4U);
}

TEST(JsonWriter, TheStoresRefusalsNameTheSample) {
  Bench bench;
  bench.store.max_series = 1;
  const std::string body = "{\"name\":\"a\",\"value\":1}\n{\"name\":\"b\",\"value\":1}";
  EXPECT_EQ(write(bench, body).message, "line 2: tenant is at its limit of series");

  bench.store.failure = Status(Code::Unavailable, "stopping");
  EXPECT_EQ(try_write(bench, body).status().code(), Code::Unavailable);
}

TEST(JsonWriter, AnyCutOfABodyIsRefusedOrShorter) {
  const std::string lines =
      "{\"metric\":{\"__name__\":\"a\",\"x\":\"\\u00fc\\n\"},\"values\":[1,-2.5e3],\"timestamps\":[1,\"2\"]}"
      "\n"
      "{\"name\":\"b\",\"value\":\"NaN\",\"timestamp\":\"2023-11-14T22:13:20Z\",\"more\":[{},null,true]}\n";
  std::string list = "[" + lines + "]";
  list[list.find("}\n{") + 1] = ',';
  Bench whole;
  EXPECT_EQ(write(whole, list).stored, 3U);
  for (std::size_t size = 0; size <= lines.size(); ++size) {
    Bench bench;
    const WriteReport report = write(bench, std::string_view(lines).substr(0, size));
    EXPECT_LE(report.stored, 3U);
    EXPECT_EQ(report.complete(), report.message.empty());
    EXPECT_EQ(static_cast<bool>(try_write(bench, std::string_view(list).substr(0, size))), size == 0);
  }
}

TEST(JsonWriter, WhatIsWrongBehindAGoodLabelIsNotTooLong) {
  Bench bench;
  const WriteReport report = write(bench, R"({"name":"up","labels":{"a":"b","c":{}},"value":1})");
  EXPECT_EQ(report.refused_because(RefusedBecause::Malformed), 1U);
}

}  // namespace
}  // namespace silverback::ingest
