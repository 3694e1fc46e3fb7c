#include "storage/wal_record.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

namespace silverback::storage {
namespace {

constexpr std::int64_t kMs = 1'000'000;

std::string hex(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    out += kDigits[static_cast<unsigned char>(c) >> 4];
    out += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

struct Stored {
  std::vector<SeriesRef> refs;
  std::vector<ValueType> types;
  Batch batch;
  void run(std::uint32_t ref, ValueType type = ValueType::Float64) {
    refs.push_back(SeriesRef{ref});
    types.push_back(type);
    batch.add_series({});
  }
  std::string encode() const { return std::string(SamplesEncoder().encode(refs, batch, types)); }
};

void expect_same(const Stored& stored, std::string_view payload) {
  std::vector<SeriesRef> refs;
  Batch batch;
  ASSERT_TRUE(decode_samples(payload, refs, batch).ok());
  std::size_t run = 0;
  std::size_t sample = 0;
  for (std::size_t i = 0; i < stored.refs.size(); ++i) {
    const SeriesRun& expected = stored.batch.runs[i];
    if (stored.refs[i] == kNoSeries || expected.count == 0) continue;
    ASSERT_LT(run, refs.size());
    ASSERT_EQ(refs[run], stored.refs[i]);
    ASSERT_EQ(batch.runs[run].first, sample);
    ASSERT_EQ(batch.runs[run].count, expected.count);
    for (std::uint32_t k = expected.first; k < expected.first + expected.count; ++k, ++sample) {
      ASSERT_EQ(batch.times_ns[sample], stored.batch.times_ns[k]);
      if (stored.types[i] == ValueType::String) {
        ASSERT_EQ(batch.string_at(sample), stored.batch.string_at(k));
      } else {
        ASSERT_EQ(batch.bits[sample], stored.batch.bits[k]);
      }
    }
    ++run;
  }
  ASSERT_EQ(run, refs.size());
  ASSERT_EQ(sample, batch.times_ns.size());
}

TEST(SamplesRecord, BytesAreAsThePageSays) {
  Stored stored;
  stored.run(5);
  stored.batch.add_sample(1000 * kMs, 1.0);
  stored.run(6);
  stored.batch.add_sample(1000 * kMs, 0.0);
  stored.run(7, ValueType::Int64);
  stored.batch.add_sample(1500 * kMs, std::uint64_t{300});
  stored.batch.add_sample(2000 * kMs, std::uint64_t{1});
  stored.batch.add_sample(2500 * kMs, std::uint64_t{1});
  stored.run(4, ValueType::String);
  stored.batch.add_string(1500 * kMs, "hi");

  EXPECT_EQ(hex(stored.encode()),
            "04"
            "06"
            "00ca9a3b00000000"
            "02"  // 4 runs, 6 samples, from 1 s on, in ms
            "12"
            "0a"
            "f03f"  // ref 0 + 5, 1.0 is 3ff0 and zeros
            "00"    // ref 6, 0.0
            "6a"
            "03"
            "e807"
            "2c01"  // ref 7, 3 samples, 500 ms later, 300
            "49"
            "e807"
            "01"  // 500 ms later, 1
            "09"
            "01"  // the same step, 1
            "90"
            "05"
            "02"
            "6869");  // ref 7 - 3, "hi" at the time of the run before
}

TEST(SamplesRecord, KeepsWhateverABatchHolds) {
  for (std::uint64_t seed = 0; seed < 600; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const std::int64_t unit = std::vector<std::int64_t>{1, 1000, kMs, 1000 * kMs}[seed % 4];
    Stored stored;
    std::uint32_t ref = 1;
    for (std::uint64_t runs = random() % 60; runs > 0; --runs) {
      ref = random() % 3 == 0 ? static_cast<std::uint32_t>(random()) : ref + 1;
      const auto type = static_cast<ValueType>(random() % 5);
      stored.run(random() % 9 == 0 ? 0 : ref, type);
      for (std::uint64_t n = random() % 3 == 0 ? random() % 20 : 1; n > 0; --n) {
        const std::int64_t time = static_cast<std::int64_t>(random() % 1000) * unit - 77;
        if (type == ValueType::String) {
          stored.batch.add_string(time, std::string(random() % 30, static_cast<char>(random())));
        } else {
          stored.batch.add_sample(time, random() >> (random() % 64) << (random() % 64));
        }
      }
    }
    const std::string payload = stored.encode();
    if (!payload.empty()) expect_same(stored, payload);
  }
}

TEST(SamplesRecord, TimesFromEndToEnd) {
  constexpr std::int64_t kEnds[] = {std::numeric_limits<std::int64_t>::min(),
                                    std::numeric_limits<std::int64_t>::max(), 0, -1,
                                    std::numeric_limits<std::int64_t>::min() + 1};
  Stored stored;
  stored.run(0xffff'ffff);
  for (const std::int64_t a : kEnds) {
    for (const std::int64_t b : kEnds) {
      stored.batch.add_sample(a, 1.5);
      stored.batch.add_sample(b, std::uint64_t{0x7ff0000000000002});
    }
  }
  stored.run(1);
  stored.batch.add_sample(kEnds[1], -0.0);
  expect_same(stored, stored.encode());
}

TEST(SamplesRecord, ARefusedRunOfStringsMovesNoOther) {
  Stored stored;
  stored.run(1, ValueType::String);
  stored.batch.add_string(0, "one");
  stored.run(0);  // refused before anybody knew that it holds strings
  stored.batch.add_string(0, "refused");
  stored.run(3, ValueType::String);
  stored.batch.add_string(0, "three");

  std::vector<SeriesRef> refs;
  Batch batch;
  ASSERT_TRUE(decode_samples(stored.encode(), refs, batch).ok());

  EXPECT_EQ(batch.string_at(0), "one");
  EXPECT_EQ(batch.string_at(1), "three");
}

TEST(ProgressRecord, BytesAreAsThePageSays) {
  std::string payload;
  encode_progress(payload, std::vector<Progress>{{"a/0", 5}, {"b", -1}});
  EXPECT_EQ(hex(payload),
            "02"
            "03612f300a"
            "016201");
  payload += "rest";
  std::string_view rest = payload;
  const auto progress = take_progress(rest);
  ASSERT_TRUE(progress);
  EXPECT_EQ(*progress, (std::vector<Progress>{{"a/0", 5}, {"b", -1}}));
  EXPECT_EQ(rest, "rest");
  for (std::size_t n = 0; n + 4 < payload.size(); ++n) {
    std::string_view cut = std::string_view(payload).substr(0, n);
    EXPECT_EQ(take_progress(cut).status().code(), Code::DataLoss) << n;
  }
}

TEST(SamplesRecord, NothingToStoreIsNoPayload) {
  Stored stored;
  stored.run(0);
  stored.batch.add_sample(0, 1.0);
  EXPECT_TRUE(stored.encode().empty());
}

TEST(SamplesRecord, AScrapedSampleCostsItsValueAndAByte) {
  Stored stored;
  for (std::uint32_t ref = 1; ref <= 1000; ++ref) {
    stored.run(ref);
    stored.batch.add_sample(1'700'000'000'123 * kMs,
                            static_cast<double>(ref));  // one to two bytes of mantissa
  }
  EXPECT_LT(stored.encode().size(), 1000 * 4u);
}

TEST(SamplesRecord, MalformedBytesAreRefused) {
  Stored stored;
  stored.run(1);
  stored.batch.add_sample(5, 1.25);
  stored.batch.add_sample(9, 3.0);
  stored.run(9, ValueType::String);
  stored.batch.add_string(5, "text");
  const std::string whole = stored.encode();
  std::vector<SeriesRef> refs;
  Batch batch;

  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(decode_samples(whole.substr(0, size), refs, batch).code(), Code::DataLoss) << size;
  }
  EXPECT_EQ(decode_samples(whole + '\0', refs, batch).code(), Code::DataLoss);
  const std::string boast = std::string("\xff\xff\xff\xff\x0f\xff\xff\xff\xff\x0f", 10) + whole.substr(2);
  EXPECT_EQ(decode_samples(boast, refs, batch).code(), Code::DataLoss);
}

TEST(SeriesRecord, EntriesComeBack) {
  const std::vector<SeriesEntry> entries = {
      {SeriesRef{1}, Tenant{0}, ValueType::Float64, Labels{{"__name__", "up"}, {"job", "a"}}, "", "", ""},
      {SeriesRef{4'000'000'000}, Tenant{7}, ValueType::String, Labels{{"__name__", "m_f"}, {"db", "d"}}, "d",
       "m", "f"}};
  std::string payload;
  for (const SeriesEntry& entry : entries) append_series_entry(payload, entry);

  std::vector<SeriesEntry> decoded;
  ASSERT_TRUE(decode_series_entries(payload, decoded).ok());
  EXPECT_EQ(decoded, entries);
  EXPECT_EQ(hex(payload.substr(0, 24)),
            "010000"
            "12"
            "085f5f6e616d655f5f"
            "027570"
            "036a6f62"
            "0161"
            "0000");
  for (std::size_t cut = 1; cut < 20; ++cut) {
    EXPECT_EQ(decode_series_entries(payload.substr(0, payload.size() - cut), decoded).code(), Code::DataLoss);
  }
}

TEST(OtherRecords, ComeBack) {
  std::string metadata;
  const std::vector<Metadata> entries = {{"up", "gauge", "Is it?", ""}, {"x_total", "counter", "", "bytes"}};
  encode_metadata(metadata, Tenant{3}, entries);
  const auto decoded = decode_metadata(metadata);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->tenant, Tenant{3});
  EXPECT_EQ(decoded->entries, entries);
  EXPECT_FALSE(decode_metadata(metadata.substr(0, metadata.size() - 1)));

  std::string catalog;
  encode_catalog(catalog, {Tenant{1}, "telegraf"});
  EXPECT_EQ(hex(catalog),
            "01"
            "08"
            "74656c6567726166");
  EXPECT_EQ(*decode_catalog(catalog), (CatalogRecord{Tenant{1}, "telegraf"}));
  EXPECT_FALSE(decode_catalog(catalog + "x"));

  std::string mark;
  encode_checkpoint_mark(mark, 300);
  EXPECT_EQ(hex(mark), "ac02");
  EXPECT_EQ(*decode_checkpoint_mark(mark), 300u);
}

}  // namespace
}  // namespace silverback::storage
