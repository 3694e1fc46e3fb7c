// What a caller of the writers says beside a body: extra labels, the time of samples without one, and how far
// a source has been taken in. The same for every protocol.
#include <gtest/gtest.h>

#include "tests/ingest/line_protocol_vocabulary.h"
#include "tests/ingest/messages.h"

namespace silverback::ingest {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

constexpr std::int64_t kMessageTimeNs = 1'600'000'000'987'654'321;

struct Options {
  Pairs extra_labels = {};
  std::int64_t default_time_ns = 0;
  Precision precision = Precision::Nanoseconds;
};

Result<WriteReport> write_text(Bench& bench, std::string_view body, const Options& options,
                               const AppendExtras* extras) {
  return bench.text.write(kDefaultTenant, body,
                          {.extra_labels = options.extra_labels, .default_time_ns = options.default_time_ns},
                          extras);
}
Result<WriteReport> write_lines(Bench& bench, std::string_view body, const Options& options,
                                const AppendExtras* extras) {
  return bench.lines.write(kDefaultTenant, body,
                           {.database = "db0",
                            .precision = options.precision,
                            .default_time_ns = options.default_time_ns,
                            .extra_labels = options.extra_labels},
                           extras);
}
Result<WriteReport> write_json(Bench& bench, std::string_view body, const Options& options,
                               const AppendExtras* extras) {
  return bench.json.write(kDefaultTenant, body,
                          {.extra_labels = options.extra_labels, .default_time_ns = options.default_time_ns},
                          extras);
}
Result<WriteReport> write_v1(Bench& bench, std::string_view body, const Options& options,
                             const AppendExtras* extras) {
  return bench.remote.write(kDefaultTenant, body, RemoteWriteVersion::V1, options.extra_labels, extras);
}
Result<WriteReport> write_v2(Bench& bench, std::string_view body, const Options& options,
                             const AppendExtras* extras) {
  return bench.remote.write(kDefaultTenant, body, RemoteWriteVersion::V2, options.extra_labels, extras);
}

std::string remote_v1(const Pairs& labels) { return message::series(labels, {{5, 1}}); }
std::string remote_v2(const Pairs& labels) {
  message::RequestV2 request;
  request.add(request.refs(labels) + message::sample(1, 5));
  return request.bytes();
}

struct Protocol {
  std::string name;
  Result<WriteReport> (*write)(Bench&, std::string_view, const Options&, const AppendExtras*);
  std::string body;   // one sample of up{a="1", job="y"} at 5 ms
  std::string empty;  // nothing that can be stored
};

std::vector<Protocol> protocols() {
  const Pairs labels = {{"__name__", "up"}, {"a", "1"}, {"job", "y"}};
  return {{"Text", write_text, "up{a=\"1\",job=\"y\"} 1 5\n", "up{a=\"1\" 1 5\n"},
          {"Lines", write_lines, "up,a=1,job=y v=1 5000000\n", "up,a=1,job=y\n"},
          {"Json", write_json, R"({"name":"up","labels":{"a":"1","job":"y"},"value":1,"timestamp":0.005})",
           R"({"name":"up","value":"x"})"},
          {"RemoteV1", write_v1, remote_v1(labels), remote_v1({{"a", "1"}})},
          {"RemoteV2", write_v2, remote_v2(labels), remote_v2({{"a", "1"}})}};
}

class EveryProtocol : public testing::TestWithParam<Protocol> {
 protected:
  WriteReport write(std::string_view body, const Options& options = {},
                    const AppendExtras* extras = nullptr) {
    auto report = GetParam().write(bench_, body, options, extras);
    EXPECT_TRUE(report) << report.status().message();
    return report ? *report : WriteReport();
  }
  // The labels of all series, one a line, without what line protocol adds.
  std::string series() const {
    std::string out;
    for (const auto& [name, unused] : bench_.store.series) {
      for (const LabelView& label : bench_.store.series.at(name).labels) {
        if (label.name == kFieldLabel || label.name == kDatabaseLabel || label.name == kMetricName) continue;
        out += std::string(label.name) + "=" + std::string(label.value) + " ";
      }
      out += '\n';
    }
    return out;
  }

  Bench bench_;
};
INSTANTIATE_TEST_SUITE_P(Writers, EveryProtocol, testing::ValuesIn(protocols()),
                         [](const auto& test) { return test.param.name; });

TEST_P(EveryProtocol, ExtraLabelsWinAndMakeOtherSeries) {
  write(GetParam().body);
  write(GetParam().body, {.extra_labels = {{"job", "x"}, {"zone", "z"}}});
  write(GetParam().body, {.extra_labels = {{"job", ""}}});
  write(GetParam().body);

  EXPECT_EQ(series(), "a=1 job=x zone=z \na=1 job=y \na=1 \n");
  EXPECT_EQ(bench_.store.resolved, 3U);
}

TEST_P(EveryProtocol, AnExtraLabelThatIsNoneIsNamed) {
  const WriteReport report = write(GetParam().body, {.extra_labels = {{"__rp__", "x"}}});
  if (GetParam().name == "Lines") return;  // there it is a tag, which gets another name
  EXPECT_EQ(report.stored, 0U);
  EXPECT_NE(report.message.find("label name \"__rp__\" is reserved"), std::string::npos) << report.message;
}

TEST_P(EveryProtocol, ProgressIsKeptWithTheSamples) {
  const std::vector<Progress> progress = {{"kafka/a/b/0", 17}};
  const AppendExtras extras{.progress = progress};

  write(GetParam().body, {}, &extras);

  EXPECT_EQ(bench_.store.progress, progress);
  EXPECT_EQ(bench_.store.appends, 1U);
}

TEST_P(EveryProtocol, ProgressIsKeptAlsoWhenThereIsNothingToStore) {
  const std::vector<Progress> progress = {{"kafka/a/b/0", 17}};
  const AppendExtras extras{.progress = progress};

  write("", {}, &extras);

  EXPECT_EQ(bench_.store.progress, progress);
}

TEST_P(EveryProtocol, ProgressIsNotKeptWhenSomethingIsRefused) {
  const std::vector<Progress> progress = {{"kafka/a/b/0", 17}};
  const AppendExtras extras{.progress = progress};

  const WriteReport report = write(GetParam().empty, {}, &extras);

  EXPECT_EQ(report.stored, 0U);
  EXPECT_EQ(report.refused_samples(), 1U);
  EXPECT_TRUE(bench_.store.progress.empty());
}

TEST(Progress, IsLeftToTheCallerWhenABodyIsRefusedAsAWhole) {
  const std::vector<Progress> progress = {{"kafka/a/b/0", 17}};
  const AppendExtras extras{.progress = progress};
  Bench bench;

  EXPECT_FALSE(write_json(bench, R"([{"name":"up","value":1},)", {}, &extras));
  EXPECT_FALSE(write_v1(bench, "\x0a\x7f", {}, &extras));
  EXPECT_FALSE(write_v2(bench, "\x2a\x7f", {}, &extras));

  EXPECT_EQ(bench.store.appends, 0U);
  EXPECT_TRUE(bench.store.progress.empty());
}

TEST_P(EveryProtocol, AnEmptyBodyWithoutProgressAsksNothingOfTheStore) {
  write("");
  EXPECT_EQ(bench_.store.appends, 0U);
}

TEST_P(EveryProtocol, TheCallersSaltMakesOtherKeys) {
  const AppendExtras extras{.key_salt = 5};
  write(GetParam().body);
  write(GetParam().body, {}, &extras);
  EXPECT_EQ(bench_.store.resolved, 2U);
}

TEST(DefaultTime, StandsInForTheClock) {
  Bench bench;
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(write_text(bench, "up 1\n", {.default_time_ns = kMessageTimeNs}, nullptr));
    ASSERT_TRUE(write_lines(bench, "up v=1", {.default_time_ns = kMessageTimeNs}, nullptr));
    ASSERT_TRUE(
        write_json(bench, R"({"name":"down","value":1})", {.default_time_ns = kMessageTimeNs}, nullptr));
    bench.clock.advance(std::chrono::seconds(1));
  }
  EXPECT_EQ(dump(bench.store),
            "down 1@1600000000987654321\nup 1@1600000000987654321\nup_v{__field__=\"v\", db=\"db0\"} "
            "1@1600000000987654321\n");
}

TEST(DefaultTime, IsCutToThePrecisionOfLines) {
  Bench bench;
  ASSERT_TRUE(write_lines(bench, "up v=1",
                          {.default_time_ns = kMessageTimeNs, .precision = Precision::Seconds}, nullptr));
  ASSERT_TRUE(write_lines(
      bench, "low v=1",
      {.default_time_ns = std::numeric_limits<std::int64_t>::min(), .precision = Precision::Hours}, nullptr));
  EXPECT_EQ(dump(bench.store),
            "low_v{__field__=\"v\", db=\"db0\"} 1@-9223369200000000000\n"
            "up_v{__field__=\"v\", db=\"db0\"} 1@1600000000000000000\n");
}

TEST(DefaultTime, MayBeTooFarInTheFuture) {
  Bench bench({.max_future_ns = kNsPerSecond});
  const Options late{.default_time_ns = bench.clock.now_ns() + 2 * kNsPerSecond};
  const auto text = write_text(bench, "up 1\n", late, nullptr);
  const auto lines = write_lines(bench, "up v=1", late, nullptr);
  const auto json = write_json(bench, R"({"name":"up","value":1})", late, nullptr);
  ASSERT_TRUE(text && lines && json);
  EXPECT_EQ(json->refused_because(RefusedBecause::TimeRange), 1U);
  EXPECT_EQ(text->refused_because(RefusedBecause::TimeRange), 1U);
  EXPECT_EQ(lines->refused_because(RefusedBecause::TimeRange), 1U);
}

TEST(ExtraTags, AreNamedAsTagsOfALineAre) {
  Bench bench;
  ASSERT_TRUE(
      write_lines(bench, "up,db=x,a\\ b=1 v=1 5", {.extra_labels = {{"db", "y"}, {"a b", "2"}}}, nullptr));
  EXPECT_EQ(dump(bench.store), "up_v{__field__=\"v\", __tag_db=\"y\", \"a b\"=\"2\", db=\"db0\"} 1@5\n");

  const auto refused = write_lines(bench, "up v=1 5", {.extra_labels = {{"time", "y"}}}, nullptr);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->stored, 0U);
  EXPECT_NE(refused->message.find("input tag \"time\" on measurement \"up\" is invalid"), std::string::npos);
}

}  // namespace
}  // namespace silverback::ingest
