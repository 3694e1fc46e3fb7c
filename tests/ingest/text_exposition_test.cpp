// Prometheus text and OpenMetrics through TextWriter.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "base/number.h"
#include "tests/ingest/fake_store.h"

namespace silverback::ingest {
namespace {

WriteReport write(Bench& bench, std::string_view body, const TextOptions& options = {}) {
  const std::vector<char> exact(body.begin(), body.end());
  auto report = bench.text.write(kDefaultTenant, std::string_view(exact.data(), exact.size()), options);
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
  TextFormat format = TextFormat::Prometheus;
};

TEST(TextExposition, StoresWhatALineSays) {
  constexpr TextFormat kOpen = TextFormat::OpenMetrics;
  const Accepted kCases[] = {
      {"up 1", "up 1@1700000000123456789\n"},
      {"up 1 5\r\nup{} 2 6\n\n  up { } 3 7  \n", "up 1@5000000 2@6000000 3@7000000\n"},
      {"a_total{x=\"1\",y=\"2\"} -1.5e3 -7", "a_total{x=\"1\", y=\"2\"} -1500@-7000000\n"},
      {"a{ y = \"2\" , x=\"1\",} 0.25 7", "a{x=\"1\", y=\"2\"} 0.25@7000000\n"},
      {"a{x=\"}\\\"\\\\ \\n#\"}\t3\t7", "a{x=\"}\\\"\\\\ \\n#\"} 3@7000000\n"},
      {"a{x=\"}\"} 3 7", "a{x=\"}\"} 3@7000000\n"},
      {"{\"my.metric\",\"a b\"=\"c\"} 3 7", "{__name__=\"my.metric\", \"a b\"=\"c\"} 3@7000000\n"},
      {"a:b NaN 1\nc +Inf 1\nd -Inf 1\ne 0x1p4 1",
       "a:b NaN@1000000\nc +Inf@1000000\nd -Inf@1000000\ne 16@1000000\n"},
      {"h_bucket{le=\"+Inf\"} 3 1\nh_sum 1 1\nh_count 3 1",
       "h_bucket{le=\"+Inf\"} 3@1000000\nh_count 3@1000000\nh_sum 1@1000000\n"},
      {"a{empty=\"\"} 3 7", "a 3@7000000\n"},
      {"a 1 1.5\nb 1 1700000000.123456789\n# EOF\n", "a 1@1500000000\nb 1@1700000000123456789\n", kOpen},
      {"a 1 -1.5\nb 1 1.7e9", "a 1@-1500000000\nb 1@1700000000000000000\n", kOpen},
      {"a{x=\"#\"} 1 5 # {id=\"a}b\"} 0.5 7\nb 1 # {id=\"c\"} 2",
       "a{x=\"#\"} 1@5000000000\nb 1@1700000000123456789\n", kOpen},
      {"# a comment\n#\n# EOF\nup 1 1", "up 1@1000000\n"},
  };
  for (const Accepted& c : kCases) {
    SCOPED_TRACE(c.body);
    Bench bench;

    const WriteReport report = write(bench, c.body, {.format = c.format});

    EXPECT_TRUE(report.complete()) << report.message;
    EXPECT_EQ(dump(bench.store), c.stored);
  }
}

struct Refused {
  std::string_view body;
  std::string_view words;
  TextFormat format = TextFormat::Prometheus;
};

TEST(TextExposition, NamesABadLineAndKeepsTheOthers) {
  constexpr TextFormat kOpen = TextFormat::OpenMetrics;
  const Refused kCases[] = {
      {"up", "there is no value after \"up\""},
      {"up{a=\"b\"}", "there is no value after \"up{a=\\\"b\\\"}\""},
      {"up x", "value \"x\" is not a number"},
      {"up 1,5", "value \"1,5\" is not a number"},
      {"up 1 x", "timestamp \"x\" is not whole milliseconds"},
      {"up 1 1.5", "timestamp \"1.5\" is not whole milliseconds"},
      {"up 1 -", "timestamp \"-\" is not whole milliseconds"},
      {"up 1 x", "timestamp \"x\" is not seconds", kOpen},
      {"up 1 9223372036854775807", "timestamp \"9223372036854775807\" is outside the years 1677 to 2262"},
      {"up 1 1e300", "timestamp \"1e300\" is out of range", kOpen},
      {"up 1 5 6", "unexpected text \"6\" after the timestamp"},
      {"up{a=\"b\" 1", "the labels have no closing brace: \"up{a=\\\"b\\\" 1\""},
      {"up{a=b} 1", "the value of label \"a\" is not in quotes"},
      {"up{a} 1", "there is no = after label name \"a\""},
      {"up{a=\"b\"c=\"d\"} 1", "there is neither a comma nor a closing brace after label \"a\""},
      {"up{a=\"b\",a=\"c\"} 1", "label name \"a\" is not unique; send each label once"},
      {"up{a-b=\"c\"} 1", "label name \"a-b\" is not one"},
      {"<html> 1",
       "metric name \"<html>\" has other characters than letters, digits, _ and :; write {\"<html>\"}"},
      {"{a=\"b\"} 1", "the series has no metric name; set the label __name__"},
      {"up{a=\"\xff\"} 1", "value \"\xef\xbf\xbd\" of label \"a\" is not valid UTF-8"},
      {"up{a=\"b\"} } 1", "unexpected text \" }\" after the labels"},
      {"# TYPE", "there is no metric name after # TYPE"},
  };
  for (const Refused& c : kCases) {
    SCOPED_TRACE(c.body);
    Bench bench;

    const WriteReport report =
        write(bench, "ok 1 1\n" + std::string(c.body) + "\nok 2 2\n", {.format = c.format});

    std::string words;  // quoted() does not escape
    for (std::size_t i = 0; i < c.words.size(); ++i) {
      if (c.words[i] != '\\') words += c.words[i];
    }
    EXPECT_EQ(report.message, "line 2: " + words);
    EXPECT_EQ(report.stored, 2U);
    ASSERT_EQ(report.problems.size(), 1U);
    EXPECT_EQ(report.problems[0].line, 2U);
  }
}

TEST(TextExposition, MetadataComesFromComments) {
  Bench bench;
  const std::string body =
      "# HELP a Total \\\"x\\\"\\nand\\\\ more\n# TYPE a counter\n# UNIT a seconds\na 1 1\n#TYPE b "
      "untyped\nb 1 1\n";

  EXPECT_EQ(write(bench, body).metadata, 2U);
  EXPECT_EQ(write(bench, body).metadata, 0U);

  EXPECT_EQ(bench.store.metadata,
            (std::vector<Metadata>{{"a", "counter", "Total \"x\"\nand\\ more", "seconds"},
                                   {"b", "unknown", "", ""}}));
}

TEST(TextExposition, ExtraLabelsWinAndMakeOtherSeries) {
  Bench bench;
  const std::vector<std::pair<std::string, std::string>> extra = {{"job", "x"}, {"zone", "z"}};
  write(bench, "up{job=\"y\",a=\"1\"} 1 1");
  write(bench, "up{job=\"y\",a=\"1\"} 2 2", {.extra_labels = extra});

  EXPECT_EQ(dump(bench.store),
            "up{a=\"1\", job=\"x\", zone=\"z\"} 2@2000000\nup{a=\"1\", job=\"y\"} 1@1000000\n");
}

TEST(TextExposition, NothingFollowsTheEndOfOpenMetrics) {
  Bench bench;
  const WriteReport report = write(bench, "a 1 1\n# EOF\nb 1 1", {.format = TextFormat::OpenMetrics});
  EXPECT_EQ(report.message, "line 3: text after # EOF");
  EXPECT_EQ(report.stored, 1U);
}

TEST(TextExposition, KnowsASeriesAgain) {
  Bench bench;
  for (int i = 0; i < 3; ++i) write(bench, "a{x=\"1\"} 1 1\nb 2 2\n");
  EXPECT_EQ(bench.store.resolved, 2U);
}

TEST(TextExposition, AnyCutOfABodyIsRefusedOrShorter) {
  const std::string body =
      "# HELP a b\\n\na{x=\"\\\"}\",y=\"z\"} -1.5e3 1700000000123 # {i=\"j\"} 5\n{\"q\"} NaN\n";
  for (std::size_t size = 0; size <= body.size(); ++size) {
    for (const TextFormat format : {TextFormat::Prometheus, TextFormat::OpenMetrics}) {
      Bench bench;
      const WriteReport report = write(bench, std::string_view(body).substr(0, size), {.format = format});
      EXPECT_LE(report.stored, 2U);
      EXPECT_EQ(report.complete(), report.message.empty());
    }
  }
}

TEST(TextFormatOf, GoesByTheContentType) {
  EXPECT_EQ(text_format("application/openmetrics-text; version=1.0.0"), TextFormat::OpenMetrics);
  EXPECT_EQ(text_format("text/plain"), TextFormat::Prometheus);
}

}  // namespace
}  // namespace silverback::ingest
