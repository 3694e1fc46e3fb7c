// Remote write 1.0 and 2.0 through RemoteWriter.
#include <gtest/gtest.h>

#include <bit>
#include <limits>
#include <map>

#include "tests/ingest/fake_store.h"
#include "tests/ingest/messages.h"

namespace silverback::ingest {
namespace {

using message::bytes_field;
using message::Pairs;
using message::RequestV2;
using message::varint_field;

constexpr RemoteWriteVersion kV1 = RemoteWriteVersion::V1;
constexpr RemoteWriteVersion kV2 = RemoteWriteVersion::V2;

Result<WriteReport> try_write(Bench& bench, std::string_view body, RemoteWriteVersion version = kV1) {
  const std::vector<char> exact(body.begin(), body.end());
  return bench.remote.write(kDefaultTenant, std::string_view(exact.data(), exact.size()), version);
}
WriteReport write(Bench& bench, std::string_view body, RemoteWriteVersion version = kV1) {
  auto report = try_write(bench, body, version);
  EXPECT_TRUE(report) << report.status().message();
  return report ? *report : WriteReport();
}

// The same series in either version.
std::string request(RemoteWriteVersion version, const std::vector<std::pair<Pairs, double>>& all,
                    std::int64_t time_ms) {
  std::string v1;
  RequestV2 v2;
  for (const auto& [pairs, value] : all) {
    v1 += message::series(pairs, {{time_ms, value}});
    v2.add(v2.refs(pairs) + message::sample(value, time_ms));
  }
  return version == kV1 ? v1 : v2.bytes();
}

double value_at(const FakeStore& store, const std::string& labels, std::int64_t time_ms) {
  return std::bit_cast<double>(store.series.at({labels, ValueType::Float64}).numbers.at(time_ms * 1'000'000));
}

class BothVersions : public testing::TestWithParam<RemoteWriteVersion> {};
INSTANTIATE_TEST_SUITE_P(RemoteWrite, BothVersions, testing::Values(kV1, kV2));

TEST_P(BothVersions, StoresSamplesAndKnowsTheSeriesAgain) {
  Bench bench;
  const std::vector<std::pair<Pairs, double>> all = {{{{"__name__", "up"}, {"job", "a"}}, 1.5},
                                                     {{{"__name__", "up"}, {"job", "\xc3\xbc\n\"x"}}, 2}};

  EXPECT_EQ(write(bench, request(GetParam(), all, 1000), GetParam()).stored, 2U);
  EXPECT_EQ(write(bench, request(GetParam(), all, 2000), GetParam()).stored, 2U);

  EXPECT_EQ(bench.store.resolved, 2U);
  EXPECT_EQ(value_at(bench.store, "up{job=\"a\"}", 2000), 1.5);
  EXPECT_EQ(value_at(bench.store, "up{job=\"\xc3\xbc\\n\\\"x\"}", 1000), 2);
}

TEST_P(BothVersions, KeepsEveryBitOfAValue) {
  const std::uint64_t kBits[] = {kStaleNanBits,      0x7ff8000000000001, 0x7ff0000000000000,
                                 0xfff0000000000000, 0x8000000000000000, 1,
                                 0x7fefffffffffffff};
  for (const std::uint64_t bits : kBits) {
    SCOPED_TRACE(bits);
    Bench bench;

    write(bench, request(GetParam(), {{{{"__name__", "m"}}, std::bit_cast<double>(bits)}}, 5), GetParam());

    EXPECT_EQ(bench.store.series.at({"m", ValueType::Float64}).numbers.at(5'000'000), bits);
  }
}

TEST_P(BothVersions, ReadsTimesOfEveryWidth) {
  for (int shift = 0; shift < 43; ++shift) {
    for (const std::int64_t time_ms :
         {std::int64_t{1} << shift, (std::int64_t{1} << shift) - 1, -(std::int64_t{1} << shift)}) {
      SCOPED_TRACE(time_ms);
      Bench bench;
      EXPECT_TRUE(
          write(bench, request(GetParam(), {{{{"__name__", "m"}}, 1}}, time_ms), GetParam()).complete());
      EXPECT_EQ(value_at(bench.store, "m", time_ms), 1);
    }
  }
}

TEST_P(BothVersions, RefusesOnlyTheSampleWhoseTimeDoesNotFit) {
  for (const std::int64_t time_ms :
       {std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min()}) {
    Bench bench;
    RequestV2 v2;
    const std::string samples = message::sample(1, time_ms) + message::sample(2, 7);
    v2.add(v2.refs({{"__name__", "m"}}) + samples);
    const std::string v1 = bytes_field(1, message::labels({{"__name__", "m"}}) + samples);

    const WriteReport report = write(bench, GetParam() == kV1 ? v1 : v2.bytes(), GetParam());

    EXPECT_EQ(report.stored, 1U);
    EXPECT_EQ(report.refused_because(RefusedBecause::TimeRange), 1U);
    EXPECT_EQ(report.message, "series 1 of the request: timestamp " + std::to_string(time_ms) +
                                  " ms is outside the years 1677 to 2262");
    EXPECT_EQ(value_at(bench.store, "m", 7), 2);
  }
}

struct BadLabels {
  Pairs pairs;
  std::string words;
};

TEST_P(BothVersions, RefusesASeriesWithBadLabelsAndStoresTheRest) {
  const BadLabels kCases[] = {
      {{{"a", "b"}}, "the series has no metric name; set the label __name__"},
      {{}, "the series has no metric name; set the label __name__"},
      {{{"__name__", ""}}, "the series has no metric name; set the label __name__"},
      {{{"__name__", "m"}, {"a", "1"}, {"a", "2"}}, "label name \"a\" is not unique; send each label once"},
      {{{"__name__", "m"}, {"", "v"}}, "a label name is empty; give it a name or leave the label out"},
      {{{"__name__", "m"}, {"a", "\xff\xfe"}},
       "value \"\xef\xbf\xbd\xef\xbf\xbd\" of label \"a\" is not valid UTF-8"},
      {{{"__name__", "m"}, {"\xc0\xaf", "a"}}, "label name \"\xef\xbf\xbd\xef\xbf\xbd\" is not valid UTF-8"},
      {{{"__name__", "m"}, {"__field__", "x"}}, "label name \"__field__\" is reserved; rename the label"},
      {{{"__name__", "m"}, {"a", std::string(65'536, 'x')}},
       "value of label \"a\" is 65536 bytes long, the limit is 65535"},
  };
  for (const BadLabels& c : kCases) {
    SCOPED_TRACE(c.words);
    Bench bench;

    const WriteReport report = write(
        bench, request(GetParam(), {{{{"__name__", "ok"}}, 1}, {c.pairs, 2}, {{{"__name__", "ok2"}}, 3}}, 5),
        GetParam());

    EXPECT_EQ(report.message, "series 2 of the request: " + c.words);
    EXPECT_EQ(report.stored, 2U);
    EXPECT_EQ(report.refused_samples(), 1U);
    EXPECT_EQ(bench.store.series.size(), 2U);
  }
}

TEST_P(BothVersions, AnotherOrderOfLabelsAndEmptyValuesAreTheSameSeries) {
  Bench bench;
  write(bench, request(GetParam(), {{{{"__name__", "m"}, {"a", "1"}, {"b", "2"}}, 1}}, 1), GetParam());
  write(bench, request(GetParam(), {{{{"b", "2"}, {"__name__", "m"}, {"a", "1"}}, 2}}, 2), GetParam());
  write(bench, request(GetParam(), {{{{"__name__", "m"}, {"a", "1"}, {"b", "2"}, {"c", ""}}, 3}}, 3),
        GetParam());

  ASSERT_EQ(bench.store.series.size(), 1U);
  EXPECT_EQ(bench.store.series.begin()->second.numbers.size(), 3U);
}

TEST_P(BothVersions, NamesMayBeAnyUtf8) {
  Bench bench;
  const Pairs pairs = {{"__name__", "resource.cpu usage"}, {"job.n\xc3\xa4me", "1"}};
  EXPECT_TRUE(write(bench, request(GetParam(), {{pairs, 1}}, 1), GetParam()).complete());
}

TEST_P(BothVersions, UnknownFieldsAreSteppedOver) {
  Bench bench;
  std::string group = varint_field(98, 7);
  group[0] = static_cast<char>(group[0] | 3);  // a start of group 98, a varint tag inside, then its end
  std::string end_of_group = varint_field(98, 0);
  end_of_group.pop_back();
  end_of_group[0] = static_cast<char>(end_of_group[0] | 4);
  std::string start_of_group = end_of_group;
  start_of_group[0] = static_cast<char>((start_of_group[0] & ~7) | 3);
  const std::string body = bytes_field(99, "future") + start_of_group + varint_field(1, 2) + start_of_group +
                           end_of_group + end_of_group + request(GetParam(), {{{{"__name__", "m"}}, 1}}, 1) +
                           message::double_field(90, 1);
  EXPECT_EQ(write(bench, body, GetParam()).stored, 1U);
}

TEST_P(BothVersions, EveryCutIsRefusedOrWhole) {
  const std::string body = request(
      GetParam(), {{{{"__name__", "m"}, {"a", "1"}}, 1}, {{{"__name__", "n"}}, 2}}, 1'700'000'000'000);
  for (std::size_t size = 0; size < body.size(); ++size) {
    SCOPED_TRACE(size);
    Bench bench;
    const auto report = try_write(bench, std::string_view(body).substr(0, size), GetParam());
    if (report) {
      EXPECT_LE(report->stored, 1U);
    } else {
      EXPECT_EQ(report.status().code(), Code::InvalidArgument);
      EXPECT_NE(report.status().message().find(" at byte "), std::string::npos);
      EXPECT_EQ(bench.store.appends, 0U);
    }
  }
}

TEST_P(BothVersions, DamageIsRefusedWithItsPlace) {
  const std::string_view kBad[] = {"\x0a\xff\xff\xff\x0f garbage",
                                   "\x0b\x0b\x0b",
                                   "\x2b\x2b\x2b\x2b",
                                   "\xff\xff\xff",
                                   "\x7a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
                                   "\x07",
                                   std::string_view("\0 ", 2),
                                   "\x0c"};
  for (const std::string_view bad : kBad) {
    Bench bench;
    EXPECT_EQ(try_write(bench, bad, GetParam()).status().code(), Code::InvalidArgument);
  }
  Bench bench;
  EXPECT_FALSE(try_write(bench, std::string(200'000, '\x0b'), GetParam()));
  EXPECT_FALSE(try_write(bench, std::string(200'000, '\x7b'), GetParam()));
}

TEST_P(BothVersions, AnEmptyMessageIsFine) {
  Bench bench;
  EXPECT_TRUE(write(bench, "", GetParam()).complete());
  EXPECT_EQ(bench.store.appends, 0U);
}

TEST_P(BothVersions, HistogramsAreRefusedAndExemplarsCounted) {
  Bench bench;
  const bool v1 = GetParam() == kV1;
  RequestV2 v2;
  const std::string rest = message::sample(1, 5) + bytes_field(v1 ? 3 : 4, "") + bytes_field(v1 ? 4 : 3, "") +
                           bytes_field(v1 ? 4 : 3, "");
  v2.add(v2.refs({{"__name__", "m"}}) + rest);

  const WriteReport report =
      write(bench, v1 ? bytes_field(1, message::labels({{"__name__", "m"}}) + rest) : v2.bytes(), GetParam());

  EXPECT_EQ(report.stored, 1U);
  EXPECT_EQ(report.exemplars_ignored, 1U);
  EXPECT_EQ(report.histograms, 0U);
  EXPECT_EQ(report.refused_because(RefusedBecause::Unsupported), 2U);
  EXPECT_EQ(report.message,
            "series 1 of the request: 2 native histogram samples are not stored; send classic histograms");
}

TEST_P(BothVersions, TheFutureIsTakenUnlessItIsBounded) {
  const std::string body = request(GetParam(), {{{{"__name__", "m"}}, 1}}, 1'700'000'700'000);
  Bench open;
  EXPECT_TRUE(write(open, body, GetParam()).complete());
  Bench bounded({.max_future_ns = 600 * kNsPerSecond});
  EXPECT_EQ(write(bounded, body, GetParam()).refused_because(RefusedBecause::TimeRange), 1U);
}

TEST_P(BothVersions, TheStoresRefusalsArePassedOn) {
  Bench bench;
  bench.store.max_series = 1;
  const WriteReport report =
      write(bench, request(GetParam(), {{{{"__name__", "m"}}, 1}, {{{"__name__", "n"}}, 1}}, 5), GetParam());
  EXPECT_EQ(report.refused_because(RefusedBecause::SeriesLimit), 1U);
  EXPECT_EQ(report.message, "series 2 of the request: tenant is at its limit of series");

  bench.store.failure = Status(Code::Unavailable, "disk full");
  EXPECT_EQ(try_write(bench, request(GetParam(), {{{{"__name__", "m"}}, 1}}, 5), GetParam()).status().code(),
            Code::Unavailable);
}

// One is the beginning of another, they change their order, and some come and go.
TEST_P(BothVersions, SeriesAreTheirOwnWhateverCameBefore) {
  Bench bench;
  constexpr int kRounds = 60;
  std::map<std::string, int> sent;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<std::pair<Pairs, double>> all;
    for (int i = 0; i < 40; ++i) {
      if ((i + round) % 11 == 0) continue;
      const int k = round % 5 == 4 ? 39 - i : i;
      Pairs pairs = {{"__name__", "m"}, {"i", std::to_string(k / 2)}};
      if (k % 2 == 1) pairs.emplace_back("more", "x");
      all.emplace_back(pairs, k);
      ++sent["m{i=\"" + std::to_string(k / 2) + "\"" + (k % 2 == 1 ? ", more=\"x\"" : "") + "}"];
    }
    write(bench, request(GetParam(), all, 1000 + round), GetParam());
  }

  EXPECT_EQ(bench.store.series.size(), 40U);
  for (const auto& [key, series] : bench.store.series) {
    EXPECT_EQ(series.numbers.size(), static_cast<std::size_t>(sent[key.first])) << key.first;
    for (const auto& [time, bits] : series.numbers)
      EXPECT_EQ(bits, series.numbers.begin()->second) << key.first;
  }
}

TEST(RemoteWriteV1, LabelsMayStandBehindSamples) {
  Bench bench;
  const std::string first = message::labels({{"__name__", "m"}});
  const std::string second = message::labels({{"a", "1"}});
  write(bench, bytes_field(1, first + second + message::sample(1, 5)));
  write(bench, bytes_field(1, first + message::sample(2, 6) + second));
  write(bench, bytes_field(1, message::sample(3, 7) + first + second));

  EXPECT_EQ(bench.store.resolved, 1U);
  EXPECT_EQ(value_at(bench.store, "m{a=\"1\"}", 7), 3);
}

TEST(RemoteWriteV1, FieldsOfASampleMayStandInAnyOrderOrBeLeftOut) {
  Bench bench;
  const std::string labels = message::labels({{"__name__", "m"}});
  write(bench, bytes_field(1, labels + bytes_field(2, varint_field(2, 5) + message::double_field(1, 2))));
  write(bench, bytes_field(1, labels + bytes_field(2, varint_field(2, 6))));
  write(bench, bytes_field(1, labels + bytes_field(2, message::double_field(1, 7)) + varint_field(9, 1)));

  EXPECT_EQ(value_at(bench.store, "m", 5), 2);
  EXPECT_EQ(value_at(bench.store, "m", 6), 0);
  EXPECT_EQ(value_at(bench.store, "m", 0), 7);
}

TEST(RemoteWriteV1, MetadataIsStoredOnce) {
  Bench bench;
  const std::string body =
      bytes_field(3, varint_field(1, 1) + bytes_field(2, "m") + bytes_field(4, "help") + bytes_field(5, "s"));
  EXPECT_EQ(write(bench, body).metadata, 1U);
  EXPECT_EQ(write(bench, body).metadata, 0U);
  ASSERT_EQ(bench.store.metadata.size(), 1U);
  EXPECT_EQ(bench.store.metadata[0], (Metadata{"m", "counter", "help", "s"}));
}

TEST(RemoteWriteV1, TheOtherVersionsMessageStoresNothing) {
  Bench bench;
  write(bench, request(kV2, {{{{"__name__", "m"}}, 1}}, 5), kV1);
  EXPECT_TRUE(bench.store.series.empty());
}

TEST(RemoteWriteV2, KeysDoNotDependOnTheSymbolTable) {
  Bench bench;
  RequestV2 one;
  RequestV2 other;
  other.symbol("padding");
  for (RequestV2* r : {&one, &other})
    r->add(r->refs({{"__name__", "m"}, {"a", "b"}}) + message::sample(1, 5));
  write(bench, one.bytes(), kV2);
  write(bench, other.bytes(), kV2);
  EXPECT_EQ(bench.store.resolved, 1U);

  RequestV2 crossed;
  crossed.add(crossed.refs({{"__name__", "m"}, {"b", "a"}}) + message::sample(1, 5));
  write(bench, crossed.bytes(), kV2);
  EXPECT_EQ(bench.store.series.size(), 2U);
}

TEST(RemoteWriteV2, BadReferencesAndEmptySeriesAreRefused) {
  const auto words = [](const std::string& refs, const std::string& rest) {
    Bench bench;
    RequestV2 r;
    r.symbol("__name__");
    r.symbol("m");
    r.add(bytes_field(1, refs) + rest);
    const auto report = try_write(bench, r.bytes(), kV2);
    return report ? report->message : std::string(report.status().message());
  };
  EXPECT_NE(words("\x01\x09", message::sample(1, 5)).find("label reference 9 into a table of 3 symbols"),
            std::string::npos);
  EXPECT_NE(words("\x01\x02\x01", message::sample(1, 5)).find("an odd number of label references"),
            std::string::npos);
  EXPECT_NE(words("\x01\x82", message::sample(1, 5)).find("a label reference is cut short"),
            std::string::npos);
  EXPECT_EQ(words("\x01\x02", ""), "series 1 of the request has neither samples nor histograms");
  EXPECT_NE(words("\x01\x02", message::sample(1, 5) + bytes_field(5, varint_field(3, 9)))
                .find("metadata reference 9"),
            std::string::npos);
  EXPECT_EQ(words("\x01\x02", message::sample(1, 5)), "");
}

TEST(RemoteWriteV2, MetadataOfASeriesIsStoredOnce) {
  Bench bench;
  RequestV2 r;
  for (const char* job : {"a", "b"}) {
    r.add(r.refs({{"__name__", "m"}, {"job", job}}) + message::sample(1, 5) +
          bytes_field(5, varint_field(1, 2) + varint_field(3, r.symbol("some help")) +
                             varint_field(4, r.symbol("bytes"))));
  }
  EXPECT_EQ(write(bench, r.bytes(), kV2).metadata, 1U);
  EXPECT_EQ(write(bench, r.bytes(), kV2).metadata, 0U);
  EXPECT_EQ(bench.store.metadata, (std::vector<Metadata>{{"m", "gauge", "some help", "bytes"}}));
}

TEST(RemoteWriteV2, StartTimestampsAreCounted) {
  Bench bench;
  RequestV2 r;
  r.add(r.refs({{"__name__", "m"}}) +
        bytes_field(2, message::double_field(1, 1) + varint_field(2, 5) + varint_field(3, 2)) +
        varint_field(6, 9));
  const WriteReport report = write(bench, r.bytes(), kV2);
  EXPECT_TRUE(report.complete());
  EXPECT_EQ(report.start_timestamps_ignored, 2U);
}

TEST(RemoteWriteVersionOf, GoesByTheContentType) {
  EXPECT_EQ(*remote_write_version(""), kV1);
  EXPECT_EQ(*remote_write_version("application/x-protobuf"), kV1);
  EXPECT_EQ(*remote_write_version("application/x-protobuf; proto=prometheus.WriteRequest"), kV1);
  EXPECT_EQ(*remote_write_version("Application/X-Protobuf;proto=io.prometheus.write.v2.Request"), kV2);
  for (const char* bad :
       {"application/json", "application/x-protobuf;proto=io.prometheus.write.v3.Request"}) {
    EXPECT_EQ(remote_write_version(bad).status().code(), Code::InvalidArgument);
  }
}

}  // namespace
}  // namespace silverback::ingest
