#include "ingest/seen_keys.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/ingest/fake_store.h"

namespace silverback::ingest {
namespace {

/// Of a line: a blank ends the key.
struct BeforeBlank {
  const char* end;
  bool operator()(const char* at) const { return at != end && *at == ' '; }
};

/// As the decoder asks: what is expected, else hashed and learned.
struct Reader {
  SeenKeys keys;
  std::size_t expected = 0;

  Hash128 hash_of(const std::string& line, std::uint64_t seed) {
    const char* const end = line.data() + line.size();
    if (const SeenKeys::Known* known = keys.expect(line.data(), end, seed, BeforeBlank{end})) {
      ++expected;
      EXPECT_EQ(line[known->size], ' ');
      return known->hash;
    }
    const std::string key = line.substr(0, line.find(' '));
    const Hash128 hash = hash128(key, seed);
    if (const SeenKeys::Known* known = keys.learn(key, seed, hash)) {
      EXPECT_TRUE(known->hash == hash);
      EXPECT_EQ(known->seed, seed);
      EXPECT_EQ(known->size, key.size());
    }
    return hash;
  }
};

const SeenKeys::Known* expect(SeenKeys& keys, const std::string& line, std::uint64_t seed) {
  const char* const end = line.data() + line.size();
  return keys.expect(line.data(), end, seed, BeforeBlank{end});
}

TEST(SeenKeys, GiveEveryLineItsOwnHash) {
  for (std::uint32_t seed = 0; seed < 30; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    Reader reader;
    for (int i = 0; i < 20'000; ++i) {
      // Often the same order, keys that begin alike, and some that are as long as others.
      const auto k = random() % 8 == 0 ? random() % 300 : static_cast<std::uint32_t>(i) % 300;
      const std::string key = "cpu,host=" + std::string(k % 7, 'a') + std::to_string(k);
      const std::uint64_t of = random() % 50 == 0 ? 2 : 1;
      ASSERT_TRUE(reader.hash_of(key + " v=1", of) == hash128(key, of)) << key;
    }
    EXPECT_GT(reader.expected, 5'000u);
  }
}

TEST(SeenKeys, AreExpectedFromTheSecondRoundOn) {
  Reader reader;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 1'000; ++i) reader.hash_of("m,i=" + std::to_string(i) + " v=1", 1);
  }

  EXPECT_EQ(reader.expected, 2'000u - 1);  // not the first of the second round: nobody came before it
}

TEST(SeenKeys, AreNotExpectedWithinALongerOneOrACutOne) {
  SeenKeys keys;
  for (int i = 0; i < 2; ++i) {
    keys.learn("first", 1, {1, 1});
    keys.learn("second", 1, {2, 2});
  }
  for (const std::string line : {"first,x=y v", "firs", "first", "first\n", "first\tv=1", "fir st"}) {
    SCOPED_TRACE(line);
    EXPECT_EQ(expect(keys, line, 1), nullptr);
  }
  const std::string other = "first v=1";
  EXPECT_EQ(expect(keys, other, 2), nullptr) << "another database";
  EXPECT_NE(expect(keys, other, 1), nullptr);
}

// Two million different keys would take half a gigabyte.
TEST(SeenKeys, RestWhenThereAreTooMany) {
  SeenKeys keys;
  std::size_t learned = 0;
  for (std::uint64_t i = 0; i < 2'000'000; ++i)
    learned += keys.learn("key " + std::to_string(i), 1, {i, i}) ? 1 : 0;

  EXPECT_LT(learned, 30'000u);
  EXPECT_GT(learned, 8'000u);
}

TEST(SeenKeys, ANewMeasurementInAnOldPlaceFindsItsFields) {
  Bench bench;
  for (int round = 0; round < 3; ++round) {
    std::string body;
    for (int i = 0; i < 2'000; ++i) {  // more measurements than there are shapes
      const std::string n = std::to_string(i);
      body += "m" + n + ",t=" + n + " a" + n + "=" + std::to_string(round) + ",b=1 " +
              std::to_string(round + 1) + "\n";
    }
    const auto report = bench.lines.write(kDefaultTenant, body, {.database = "db0"});
    ASSERT_TRUE(report);
    EXPECT_TRUE(report->complete()) << report->message;
  }

  EXPECT_EQ(bench.store.series.size(), 4'000u);
  for (const auto& [name, series] : bench.store.series) EXPECT_EQ(series.numbers.size(), 3u) << name.first;
}

}  // namespace
}  // namespace silverback::ingest
