// Bodies of several parts: each is read as if it were alone, and the store is called once. For every
// protocol.
#include <gtest/gtest.h>

#include "tests/ingest/line_protocol_vocabulary.h"
#include "tests/ingest/messages.h"

namespace silverback::ingest {
namespace {

constexpr std::int64_t kOptionsTimeNs = 1'600'000'000'000'000'000;

Result<WriteReport> write_lines(Bench& bench, const Body& body, const AppendExtras* extras) {
  return bench.lines.write(kDefaultTenant, body, {.database = "db", .default_time_ns = kOptionsTimeNs},
                           extras);
}
Result<WriteReport> write_text(Bench& bench, const Body& body, const AppendExtras* extras) {
  return bench.text.write(kDefaultTenant, body,
                          {.format = TextFormat::OpenMetrics, .default_time_ns = kOptionsTimeNs}, extras);
}
Result<WriteReport> write_json(Bench& bench, const Body& body, const AppendExtras* extras) {
  return bench.json.write(kDefaultTenant, body, {.default_time_ns = kOptionsTimeNs}, extras);
}
Result<WriteReport> write_v1(Bench& bench, const Body& body, const AppendExtras* extras) {
  return bench.remote.write(kDefaultTenant, body, RemoteWriteVersion::V1, {}, extras);
}
Result<WriteReport> write_v2(Bench& bench, const Body& body, const AppendExtras* extras) {
  return bench.remote.write(kDefaultTenant, body, RemoteWriteVersion::V2, {}, extras);
}

/// Parts put one behind the other.
struct Joined {
  explicit Joined(const std::vector<std::string>& each) {
    for (const std::string& part : each) add(part);
  }
  void add(std::string_view part, std::int64_t time_ns = 0) {
    bytes += part;
    parts.push_back({bytes.size(), time_ns});
  }
  Body body() const { return {bytes, parts}; }

  std::string bytes;
  std::vector<Part> parts;
};

std::string v1(const message::Pairs& labels, double value = 1, std::int64_t time_ms = 5) {
  return message::series(labels, {{time_ms, value}});
}
std::string v1_metadata(std::string_view metric, std::string_view help) {
  return message::bytes_field(
      3, message::varint_field(1, 1) + message::bytes_field(2, metric) + message::bytes_field(4, help));
}
std::string v2(const std::vector<message::Pairs>& all, double value = 1, std::int64_t time_ms = 5) {
  message::RequestV2 request;
  for (const message::Pairs& labels : all)
    request.add(request.refs(labels) + message::sample(value, time_ms));
  return request.bytes();
}

const message::Pairs kA = {{"__name__", "up"}, {"job", "a"}};
const message::Pairs kB = {{"__name__", "up"}, {"job", "b"}, {"zone", "z"}};
const message::Pairs kNameless = {{"job", "c"}};
constexpr std::int64_t kNoTimeMs = std::numeric_limits<std::int64_t>::max();

std::string cut(const std::string& message) { return message.substr(0, message.size() - 3); }

struct Protocol {
  std::string name;
  Result<WriteReport> (*write)(Bench&, const Body&, const AppendExtras*);
  std::vector<std::string> good;      // of different series
  std::string refused;                // by the store, when it asks
  std::vector<std::string> anything;  // what may go wrong between parts, each with one problem at most
};

std::vector<Protocol> protocols() {
  return {
      {"Lines",
       write_lines,
       {"up,job=a v=1 5", "up,job=b v=2 5\n"},
       "up,time=x v=1 5",
       {"cpu,h=a v=1,s=\"x\ny\" 5",
        "cpu s=\"open\nmem v=1 5\n",
        "x\" v=2 5\n",
        "cpu v=1",
        "2 7",
        "cpu v=1",
        "i",
        "cpu v=1 1",
        "7\n",
        "",
        "# no newline",
        "mem v=1 1\nmem v=2 2\nmem\n",
        "cpu,h=b v=3i 9\n",
        "cpu,h=b v=3 9\r",
        "\n\nup,time=x v=1,w=2 1\n",
        "cpu\\",
        " v=1 5",
        "cpu,h=",
        "a v=1 5",
        "\\\n",
        "up\\,",
        "a v=1 1\nup s=\"a\\",
        "\" 5\n"}},
      {"Text",
       write_text,
       {"up{job=\"a\"} 1 5", "up{job=\"b\"} 2 5\n"},
       "{job=\"x\"} 1 5",
       {"# HELP a text", "# TYPE a counter\na 1 1\n# EOF\n", "b 2 2\n", "# EOF\nc 1 1\n", "d{x=\"1",
        "\"} 1 1\n", "e 1", "2 3", "", "f 1 1\n\ng\n", "h 1 1 # {} 2", "{x=\"1\"} 1 1\n", "# TYPE a",
        " counter\n", "i 1 1\r"}},
      {"Json",
       write_json,
       {R"({"name":"up","labels":{"job":"a"},"value":1,"timestamp":5})",
        R"([{"name":"up","labels":{"job":"b"},"value":2,"timestamp":5}])"},
       R"({"labels":{"job":"x"},"value":1})",
       {R"([{"name":"a","value":1},{"name":"b","value":1}])",
        R"([{"name":"a","value":1},{"name":"c","value":"x"},)", R"({"name":"d","value":1}])",
        R"({"name":"d","value":1})", R"({"name":"e",)", R"("value":1})", "", "[]", "[",
        "{\"name\":\"f\",\"value\":1}\n\n{\"name\":\"f\"}\n",
        R"([{"name":"g","value":1},{"name":"g","value":"x"}])",
        R"([{"name":"h","labels":{"a":{}},"value":1}])", "  ", R"({"name":"i","value":1)", "2}"}},
      {"RemoteV1",
       write_v1,
       {v1(kA), v1(kB)},
       v1(kNameless),
       {v1(kA), v1(kB) + cut(v1(kA)), v1(kB), v1(kA) + v1(kNameless), "", v1_metadata("up", "text"),
        v1_metadata("up", "text") + v1_metadata("down", "text") + "\x0a\x7f",
        v1_metadata("up", "text") + v1(kB, 2), v1_metadata("down", "text"), v1(kA) + v1(kB, 1, kNoTimeMs),
        v1(kB, 1, kNoTimeMs) + cut(v1(kB)), "\x0a", "\x7f" + v1(kA), cut(v1(kA))}},
      {"RemoteV2",
       write_v2,
       {v2({kA}), v2({kB})},
       v2({kNameless}),
       {v2({kA}), v2({kA, kB}) + "\x2a\x7f", v2({kB}), v2({kA, kNameless}), "", v2({kNameless, kB}, 2, 6),
        v2({kB, kA}, 1, kNoTimeMs).substr(0, 40), cut(v2({kB})),
        message::bytes_field(5, message::bytes_field(1, {"\1\2", 2})), v2({kA}, 3)}},
  };
}

class PartsOfEveryProtocol : public testing::TestWithParam<Protocol> {
 protected:
  WriteReport write(const Body& body, const AppendExtras* extras = nullptr) {
    auto report = GetParam().write(bench_, body, extras);
    EXPECT_TRUE(report) << report.status().message();
    return report ? *report : WriteReport();
  }

  const std::vector<Progress> progress_ = {{"kafka/a/b/0", 17}};
  const AppendExtras extras_{.progress = progress_};
  Bench bench_;
};
INSTANTIATE_TEST_SUITE_P(Writers, PartsOfEveryProtocol, testing::ValuesIn(protocols()),
                         [](const auto& test) { return test.param.name; });

std::string to_text(const WriteProblem& problem) {
  return "part " + std::to_string(problem.part) + " line " + std::to_string(problem.line) + " " +
         std::string(to_string(problem.reason)) + ": " + problem.text + "\n";
}

TEST_P(PartsOfEveryProtocol, APartIsReadAsIfItWereAlone) {
  Bench alone;
  std::string problems;
  std::uint64_t stored = 0;
  std::uint64_t refused = 0;
  std::uint64_t count = 0;
  const std::vector<std::string>& parts = GetParam().anything;
  for (std::uint32_t i = 0; i < parts.size(); ++i) {
    auto report = GetParam().write(alone, parts[i], nullptr);
    if (!report) {  // a problem of this part, and no other
      WriteProblem problem{.text = std::string(report.status().message())};
      report = WriteReport();
      report->problems.push_back(std::move(problem));
      report->problem_count = report->refused[0] = 1;
    }
    ASSERT_LE(report->problems.size(), 1U) << "part " << i;
    for (WriteProblem& problem : report->problems) {
      problem.part = i;
      problems += to_text(problem);
    }
    stored += report->stored;
    refused += report->refused_samples();
    count += report->problem_count;
  }

  const WriteReport report = write(Joined(parts).body());

  std::string found;
  for (const WriteProblem& problem : report.problems) found += to_text(problem);
  EXPECT_EQ(found, problems);
  EXPECT_NE(found, "");
  EXPECT_EQ(report.stored, stored);
  EXPECT_EQ(report.refused_samples(), refused);
  EXPECT_EQ(report.problem_count, count);
  EXPECT_EQ(dump(bench_.store), dump(alone.store));
  EXPECT_EQ(bench_.store.metadata, alone.store.metadata);
  EXPECT_EQ(bench_.store.appends, 1U);
}

TEST_P(PartsOfEveryProtocol, AWriterIsNoneTheWorseForPartsBefore) {
  write(Joined(GetParam().anything).body());
  Bench fresh;
  for (const std::string& body : GetParam().good) {
    const WriteReport report = write(body);
    EXPECT_EQ(report.stored, 1U);
    EXPECT_TRUE(report.complete()) << report.message;
  }
}

TEST_P(PartsOfEveryProtocol, ProgressIsKeptOnceForAllParts) {
  EXPECT_TRUE(write(Joined(GetParam().good).body(), &extras_).complete());

  EXPECT_EQ(bench_.store.progress, progress_);
  EXPECT_EQ(bench_.store.appends, 1U);
}

TEST_P(PartsOfEveryProtocol, ProgressIsNotKeptWhenOnePartIsBad) {
  for (const std::string& bad : {GetParam().refused, std::string("\x7f{\"=")}) {
    const WriteReport report = write(Joined({GetParam().good[0], bad, GetParam().good[1]}).body(), &extras_);

    EXPECT_EQ(report.stored, 2U);
    ASSERT_EQ(report.problems.size(), 1U);
    EXPECT_EQ(report.problems[0].part, 1U);
  }
  EXPECT_TRUE(bench_.store.progress.empty());
}

TEST_P(PartsOfEveryProtocol, WhenNothingIsLeftTheStoreIsNotCalled) {
  const std::string bad = "\x7f{\"=";

  EXPECT_EQ(write(Joined({bad, bad}).body(), &extras_).problems.size(), 2U);
  EXPECT_EQ(bench_.store.appends, 0U);

  EXPECT_TRUE(write(Joined({"", ""}).body(), &extras_).complete());
  EXPECT_EQ(bench_.store.progress, progress_);
}

TEST_P(PartsOfEveryProtocol, WhatTheStoreRefusesIsOfItsPart) {
  bench_.store.max_series = 1;
  const auto& good = GetParam().good;

  const WriteReport report =
      write(Joined({good[0], good[1], "", good[0], good[1], GetParam().refused}).body());

  EXPECT_EQ(report.stored, 2U);
  ASSERT_EQ(report.problems.size(), 3U);
  EXPECT_EQ(report.problems[0].part, 1U);
  EXPECT_EQ(report.problems[0].reason, RefusedBecause::SeriesLimit);
  EXPECT_EQ(report.problems[1].part, 4U);
  EXPECT_EQ(report.problems[2].part, 5U);
  EXPECT_EQ(report.problems[2].reason, RefusedBecause::Malformed);
}

TEST(Parts, HaveOneProblemEachHoweverManyThereAre) {
  Bench bench({.max_problems = 1});
  const Joined joined({"a v=1 1\nb\nc\n", "d v=1 1", "e\nf v=1i 1\nf v=2 2\n", "g,time=x v=1\n\nh\n"});

  const auto report = write_lines(bench, joined.body(), nullptr);

  ASSERT_TRUE(report);
  EXPECT_EQ(report->stored, 3U);
  EXPECT_EQ(report->problem_count, 6U);
  std::string found;
  for (const WriteProblem& problem : report->problems) found += to_text(problem);
  EXPECT_EQ(found,
            "part 0 line 2 malformed: unable to parse 'b': missing fields\n"
            "part 2 line 1 malformed: unable to parse 'e': missing fields\n"
            "part 3 line 3 malformed: unable to parse 'h': missing fields\n");
}

TEST(Parts, HaveTheirOwnTimesElseTheOptionsElseTheClocks) {
  const std::pair<Result<WriteReport> (*)(Bench&, const Body&, const AppendExtras*), std::string> kCases[] = {
      {write_lines, "up v=1\n"}, {write_text, "up 1\n"}, {write_json, R"({"name":"up","value":1})"}};
  for (const auto& [write, sample] : kCases) {
    Bench bench;
    Joined joined({});
    joined.add(sample, 7);
    joined.add(sample);
    joined.add(sample, 9);

    ASSERT_TRUE(write(bench, joined.body(), nullptr));

    ASSERT_EQ(bench.store.series.size(), 1U);
    std::vector<std::int64_t> times;
    for (const auto& [time, bits] : bench.store.series.begin()->second.numbers) times.push_back(time);
    EXPECT_EQ(times, (std::vector<std::int64_t>{7, 9, kOptionsTimeNs})) << sample;
  }
  Bench bench;
  Joined joined({"up 1\n"});
  ASSERT_TRUE(bench.text.write(kDefaultTenant, joined.body(), {}));
  EXPECT_EQ(dump(bench.store), "up 1@1700000000123456789\n");
}

TEST(Parts, AreCutToThePrecisionOfLines) {
  Bench bench;
  Joined joined({});
  joined.add("up v=1", 1'999'999'999);

  ASSERT_TRUE(
      bench.lines.write(kDefaultTenant, joined.body(), {.database = "db", .precision = Precision::Seconds}));

  EXPECT_EQ(dump(bench.store), "up_v{__field__=\"v\", db=\"db\"} 1@1000000000\n");
}

TEST(Parts, OfWhichTheStoreGetsNothingSetNoTypes) {
  Bench bench;
  const Joined joined({"m,time=x v=1 1\n", "m v=1i,w=2 2\n", "m v=3 3\n"});

  const auto report = write_lines(bench, joined.body(), nullptr);

  ASSERT_TRUE(report);
  EXPECT_EQ(dump(bench.store), "m_v{__field__=\"v\", db=\"db\"} 1i@2\nm_w{__field__=\"w\", db=\"db\"} 2@2\n");
  ASSERT_EQ(report->problems.size(), 2U);
  EXPECT_EQ(report->problems[0].part, 0U);
  EXPECT_EQ(report->problems[1].part, 2U);
  EXPECT_EQ(report->problems[1].reason, RefusedBecause::TypeConflict);
}

TEST(Parts, FailTogetherWhenTheStoreTakesNothing) {
  Bench bench;
  bench.store.failure = {Code::Unavailable, "stopping"};
  const auto report = write_text(bench, Joined({"a 1 1\n", "b\n"}).body(), nullptr);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.status().code(), Code::Unavailable);
}

}  // namespace
}  // namespace silverback::ingest
