// What a crash, a power failure or a bad disk leaves behind.
#include <gtest/gtest.h>

#include "storage/wal_segment.h"
#include "tests/storage/temp_dir.h"
#include "tests/storage/wal_vocabulary.h"

namespace silverback::storage {
namespace {

using Strings = std::vector<std::string>;
constexpr std::size_t kHeader = kSegmentHeaderBytes;

std::string record(std::string_view payload) {
  std::string bytes;
  append_record_header(bytes, RecordType::Samples, static_cast<std::uint32_t>(payload.size()),
                       record_checksum(RecordType::Samples, payload));
  return bytes.append(payload);
}
std::string segment(const SegmentHeader& header, const Strings& payloads) {
  std::string bytes = encode_segment_header(header);
  for (const std::string& payload : payloads) bytes += record(payload);
  return bytes;
}

TEST(WalCrash, CutAnywhereTheLastSegmentGivesItsWholeRecords) {
  const Strings payloads = {"first", "", "third record", "4"};
  const std::string whole = segment({1, 0, 0, 1}, payloads);
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    SCOPED_TRACE(size);
    const TempDir dir;
    overwrite(dir / segment_name(1), whole.substr(0, size));

    const auto read = read_log(dir.path());

    ASSERT_TRUE(read) << read.status().message();
    std::size_t end = kHeader;
    std::size_t expected = 0;
    while (expected < payloads.size() && end + 9 + payloads[expected].size() <= size)
      end += 9 + payloads[expected++].size();
    ASSERT_EQ(read->payloads,
              Strings(payloads.begin(), payloads.begin() + static_cast<std::ptrdiff_t>(expected)));
    ASSERT_EQ(read->stats.dropped_bytes, size < kHeader ? size : size - end);
    ASSERT_EQ(read->stats.next_segment, 2u);
    if (size >= kHeader) {
      ASSERT_EQ(std::filesystem::file_size(dir / segment_name(1)), end) << "the tail is cut off";
    }

    // And the log goes on behind it, whatever was there.
    EXPECT_TRUE(put(*start_log(dir.path()), "next").ok());
    const auto again = read_log(dir.path());
    ASSERT_TRUE(again) << again.status().message();
    ASSERT_EQ(again->payloads.size(), expected + 1);
    ASSERT_EQ(again->payloads.back(), "next");
  }
}

TEST(WalCrash, AFlippedByteNeverYieldsAWrongRecord) {
  const Strings payloads = {"first", "second", "third"};
  const std::string whole = segment({1, 0, 0, 1}, payloads);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const int flip : {0x01, 0x80, 0xff}) {
      SCOPED_TRACE(at);
      const TempDir dir;
      std::string bytes = whole;
      bytes[at] = static_cast<char>(bytes[at] ^ flip);
      overwrite(dir / segment_name(1), bytes);

      const auto read = read_log(dir.path());

      if (at < kHeader) {
        ASSERT_FALSE(read) << "a damaged header is not a torn one";
        continue;
      }
      ASSERT_TRUE(read);
      ASSERT_LE(read->payloads.size(), 2u);
      for (std::size_t i = 0; i < read->payloads.size(); ++i) ASSERT_EQ(read->payloads[i], payloads[i]);
    }
  }
}

TEST(WalCrash, GarbageAndZeroesBehindTheLastRecordAreCutOff) {
  for (const std::string& tail :
       {std::string(4096, '\0'), std::string(100, '\xff'), std::string("torn rec")}) {
    const TempDir dir;
    overwrite(dir / segment_name(1), segment({1, 0, 0, 1}, {"a", "b"}) + tail);

    const auto read = read_log(dir.path());

    ASSERT_TRUE(read);
    EXPECT_EQ(read->payloads, (Strings{"a", "b"}));
    EXPECT_EQ(read->stats.dropped_bytes, tail.size());
    EXPECT_FALSE(read->stats.dropped_why.empty());
  }
}

TEST(WalCrash, ANewestFileWithoutAHeaderIsEmpty) {
  for (const std::size_t size : {0u, 1u, 20u, 47u, 48u, 5000u}) {
    SCOPED_TRACE(size);
    const TempDir dir;
    overwrite(dir / segment_name(1), segment({1, 0, 0, 1}, {"a"}));
    overwrite(dir / segment_name(2), std::string(size, '\0'));

    EXPECT_TRUE(put(*start_log(dir.path()), "b").ok());

    const auto read = read_log(dir.path());
    ASSERT_TRUE(read) << read.status().message();
    EXPECT_EQ(read->payloads, (Strings{"a", "b"}));
    EXPECT_EQ(read->positions.back().segment, 3u) << "number 2 is not used again";
  }
}

// Segment 1 was given up in the middle of a record; segment 2 says so.
TEST(WalCrash, ATailThatTheWriterGaveUpIsNoDamage) {
  const std::string counted = segment({1, 0, 0, 1}, {"a", "b"});
  const TempDir dir;
  overwrite(dir / segment_name(1), counted + record("never acknowledged").substr(0, 20));
  overwrite(dir / segment_name(2), segment({2, 1, counted.size(), 2}, {"c"}));

  const auto read = read_log(dir.path());

  ASSERT_TRUE(read) << read.status().message();
  EXPECT_EQ(read->payloads, (Strings{"a", "b", "c"}));
}

class TwoSegments : public testing::Test {
 protected:
  // The second says whether the first was on the disk by then.
  void write(bool first_synced) {
    first_ = segment({1, 0, 0, 1}, {"a", "b", "c"});
    overwrite(dir_ / segment_name(1), first_);
    overwrite(dir_ / segment_name(2), segment({2, 1, first_.size(), first_synced ? 2u : 1u}, {"d"}));
  }
  void damage_b() {
    std::string bytes = first_;
    bytes[kHeader + record("a").size() + 9] = 'B';
    overwrite(dir_ / segment_name(1), bytes);
  }

  TempDir dir_;
  std::string first_;
};

TEST_F(TwoSegments, DamageInASyncedSegmentStopsTheReplayAndTouchesNothing) {
  write(true);
  damage_b();
  const std::string before = bytes_of(dir_ / segment_name(1));

  const auto read = read_log(dir_.path());

  ASSERT_FALSE(read);
  EXPECT_EQ(read.status().code(), Code::DataLoss);
  EXPECT_NE(read.status().message().find("00000001.log offset 58"), std::string_view::npos)
      << read.status().message();
  EXPECT_EQ(bytes_of(dir_ / segment_name(1)), before);
}

TEST_F(TwoSegments, SalvageSkipsTheDamagedRecordOnly) {
  write(true);
  damage_b();

  const auto read = read_log(dir_.path(), {}, {.salvage = true});

  ASSERT_TRUE(read);
  EXPECT_EQ(read->payloads, (Strings{"a", "c", "d"}));
  EXPECT_EQ(read->stats.dropped_bytes, record("b").size());
}

TEST_F(TwoSegments, ATearByPowerLossEndsTheLogAndSetsTheRestAside) {
  write(false);
  damage_b();

  const auto read = read_log(dir_.path());

  ASSERT_TRUE(read) << read.status().message();
  EXPECT_EQ(read->payloads, Strings{"a"});
  EXPECT_EQ(read->stats.dropped_segments, 1u);
  EXPECT_TRUE(std::filesystem::exists(dir_ / (segment_name(2) + ".lost")));
  EXPECT_TRUE(put(*start_log(dir_.path()), "e").ok());
  EXPECT_EQ(read_log(dir_.path())->payloads, (Strings{"a", "e"}));
  EXPECT_EQ(read_log(dir_.path())->positions.back().segment, 3u);
}

TEST_F(TwoSegments, AShortenedSegmentIsDamage) {
  write(true);
  overwrite(dir_ / segment_name(1), first_.substr(0, first_.size() - 10));

  EXPECT_EQ(read_log(dir_.path()).status().code(), Code::DataLoss);
}

TEST_F(TwoSegments, AMissingSegmentIsDamageWhenItIsWanted) {
  write(true);
  const std::string second = bytes_of(dir_ / segment_name(2));
  overwrite(dir_ / segment_name(3), segment({3, 2, second.size(), 3}, {"e"}));
  std::filesystem::remove(dir_ / segment_name(2));

  EXPECT_EQ(read_log(dir_.path(), {2, 0}).status().code(), Code::DataLoss);
  EXPECT_EQ(read_log(dir_.path(), {3, 0})->payloads, Strings{"e"});
  EXPECT_EQ(read_log(dir_.path(), {1, 0}, {.salvage = true})->payloads, (Strings{"a", "b", "c", "e"}));
}

TEST_F(TwoSegments, ANewerFormatIsRefusedInWords) {
  write(true);
  std::string bytes = bytes_of(dir_ / segment_name(2));
  bytes[8] = 9;
  overwrite(dir_ / segment_name(2), bytes);

  const auto read = read_log(dir_.path());

  ASSERT_FALSE(read);
  EXPECT_EQ(read.status().code(), Code::InvalidArgument);
  EXPECT_NE(read.status().message().find("newer"), std::string_view::npos);
}

TEST(WalFormat, SegmentBytesAreAsThePageSays) {
  const std::string bytes = segment({7, 5, 300, 4}, {"hi"});

  std::string hex;
  for (const char c : bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    hex += kDigits[static_cast<unsigned char>(c) >> 4];
    hex += kDigits[static_cast<unsigned char>(c) & 15];
  }
  EXPECT_EQ(hex,
            "534257414c534547"  // SBWALSEG
            "01000000"          // version
            "0700000000000000"  // number
            "0500000000000000"  // previous
            "2c01000000000000"  // previous bytes
            "0400000000000000"  // synced before
            "a033eb95"          // checksum
            "02000000"
            "675ff72b"
            "02"
            "6869");  // a record
}

}  // namespace
}  // namespace silverback::storage
