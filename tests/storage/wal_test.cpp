#include "storage/wal.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <thread>

#include "base/bytes.h"
#include "tests/storage/temp_dir.h"
#include "tests/storage/wal_vocabulary.h"

namespace silverback::storage {
namespace {

using Strings = std::vector<std::string>;

TEST(Wal, GivesBackWhatWasAppendedInOrder) {
  const TempDir dir;
  {
    const auto wal = start_log(dir / "wal");
    EXPECT_TRUE(put(*wal, "one").ok());
    EXPECT_TRUE(put(*wal, "").ok());
    EXPECT_TRUE(put(*wal, "three").ok());
  }

  const auto read = read_log(dir / "wal");

  ASSERT_TRUE(read) << read.status().message();
  EXPECT_EQ(read->payloads, (Strings{"one", "", "three"}));
  EXPECT_EQ(read->stats.records, 3u);
  EXPECT_EQ(read->stats.dropped_bytes, 0u);
}

TEST(Wal, AnEmptyOrAbsentDirectoryIsAnEmptyLog) {
  const TempDir dir;

  const auto read = read_log(dir / "nowhere");

  ASSERT_TRUE(read);
  EXPECT_TRUE(read->payloads.empty());
  EXPECT_EQ(read->stats.next_segment, 1u);
}

TEST(Wal, ANewProcessWritesANewSegment) {
  const TempDir dir;
  for (const char* text : {"a", "b", "c"}) EXPECT_TRUE(put(*start_log(dir.path()), text).ok());

  const auto read = read_log(dir.path());

  ASSERT_TRUE(read);
  EXPECT_EQ(read->payloads, (Strings{"a", "b", "c"}));
  EXPECT_EQ(read->positions.back().segment, 3u);
}

TEST(Wal, RefusesToOpenWhatWasNotReplayed) {
  const TempDir dir;
  EXPECT_TRUE(put(*start_log(dir.path()), "a").ok());

  const auto wal = Wal::open(dir.path(), {}, ReplayStats{});

  ASSERT_FALSE(wal);
  EXPECT_EQ(wal.status().code(), Code::InvalidArgument);
}

TEST(Wal, SegmentsEndAtTheirSizeAndRecordsAreNeverSplit) {
  const TempDir dir;
  Strings written;
  {
    const auto wal = start_log(dir.path(), {.segment_bytes = 200});
    for (int i = 0; i < 50; ++i) {
      written.push_back(std::string(static_cast<std::size_t>(i * 7 % 90), static_cast<char>('a' + i % 26)));
      EXPECT_TRUE(put(*wal, written.back()).ok());
    }
  }

  const auto read = read_log(dir.path());

  ASSERT_TRUE(read) << read.status().message();
  EXPECT_EQ(read->payloads, written);
  EXPECT_GT(read->stats.segments, 10u);
}

TEST(Wal, ReplayBeginsWhereItIsTold) {
  const TempDir dir;
  WalPosition noted;
  {
    const auto wal = start_log(dir.path(), {.segment_bytes = 100});
    for (const char* text : {"1", "2", "3", "4", "5"}) EXPECT_TRUE(put(*wal, text).ok());
    noted = wal->position();
    for (const char* text : {"6", "7", "8", "9", "10", "11"}) EXPECT_TRUE(put(*wal, text).ok());
  }

  const auto read = read_log(dir.path(), noted);

  ASSERT_TRUE(read) << read.status().message();
  EXPECT_EQ(read->payloads, (Strings{"6", "7", "8", "9", "10", "11"}));
  EXPECT_GE(read->positions.front(), noted);
}

TEST(Wal, APositionLiesBetweenBufferedAndLaterRecords) {
  const TempDir dir;
  const auto wal = start_log(dir.path());
  const WalTicket first = wal->append(RecordType::Samples, "before");
  const WalPosition noted = wal->position();
  const WalTicket second = wal->append(RecordType::Samples, "after");
  EXPECT_TRUE(wal->wait(second).ok());
  EXPECT_TRUE(wal->wait(first).ok());

  const auto read = read_log(dir.path(), noted, {.repair = false});

  ASSERT_TRUE(read);
  EXPECT_EQ(read->payloads, Strings{"after"});
  EXPECT_EQ(read->positions.front(), noted);
}

TEST(Wal, CutBeginsASegmentAndOlderOnesCanGo) {
  const TempDir dir;
  {
    const auto wal = start_log(dir.path());
    EXPECT_TRUE(put(*wal, "old").ok());
    const WalPosition cut = wal->cut();
    EXPECT_EQ(wal->cut(), cut) << "an empty segment is not cut again";
    EXPECT_TRUE(put(*wal, "new").ok());
    EXPECT_TRUE(wal->remove_before(cut.segment).ok());
    EXPECT_EQ(wal->stats().bytes, std::filesystem::file_size(dir / segment_name(2)));
  }

  const auto read = read_log(dir.path());

  ASSERT_TRUE(read) << read.status().message();
  EXPECT_EQ(read->payloads, Strings{"new"});
}

TEST(Wal, NumbersGoOnThoughAllSegmentsWereRemoved) {
  const TempDir dir;
  WalPosition cut;
  {
    const auto wal = start_log(dir.path());
    for (int i = 0; i < 3; ++i) {
      EXPECT_TRUE(put(*wal, "x").ok());
      cut = wal->cut();
    }
    EXPECT_TRUE(wal->remove_before(cut.segment).ok());
  }
  std::filesystem::remove(dir / segment_name(3));

  const auto wal = start_log(dir.path(), {}, cut);
  EXPECT_TRUE(put(*wal, "y").ok());

  EXPECT_GE(wal->stats().segment, cut.segment) << "else replay from the cut would miss it";
}

TEST(Wal, ARecordOverTheLimitIsRefusedAndTheLogGoesOn) {
  const TempDir dir;
  const auto wal = start_log(dir.path());
  const std::string huge(kMaxRecordBytes + 1, 'x');

  const Status refused = put(*wal, huge);

  EXPECT_EQ(refused.code(), Code::InvalidArgument);
  EXPECT_TRUE(put(*wal, "small").ok());
}

TEST(Wal, ARecordLargerThanBufferAndSegmentIsKept) {
  const TempDir dir;
  const std::string large(5000, 'L');
  {
    const auto wal = start_log(dir.path(), {.segment_bytes = 1000, .buffer_bytes = 500});
    EXPECT_TRUE(put(*wal, "before").ok());
    EXPECT_TRUE(put(*wal, large).ok());
    EXPECT_TRUE(put(*wal, "after").ok());
  }

  const auto read = read_log(dir.path());

  ASSERT_TRUE(read);
  EXPECT_EQ(read->payloads, (Strings{"before", large, "after"}));
}

TEST(Wal, AppendsThatNobodyWaitsForDoNotPileUp) {
  const TempDir dir;
  {
    const auto wal = start_log(dir.path(), {.buffer_bytes = 1000});
    for (int i = 0; i < 1000; ++i) wal->append(RecordType::Samples, std::string(90, 'x'));
    EXPECT_GT(wal->stats().writes, 80u);
  }
  EXPECT_EQ(read_log(dir.path())->payloads.size(), 1000u);
}

TEST(Wal, SeveralEntriesStandNextToEachOther) {
  const TempDir dir;
  const Wal::Entry entries[] = {{RecordType::NewSeries, "s"}, {RecordType::Samples, "v"}};
  const auto wal = start_log(dir.path());
  EXPECT_TRUE(wal->wait(wal->append(entries)).ok());

  std::vector<RecordType> types;
  const auto replayed =
      replay_wal(dir.path(), {}, {.repair = false}, [&](WalPosition, RecordType type, std::string_view) {
        types.push_back(type);
        return Status();
      });

  ASSERT_TRUE(replayed);
  EXPECT_EQ(types, (std::vector{RecordType::NewSeries, RecordType::Samples}));
}

class WalModes : public testing::TestWithParam<WalSync> {};
INSTANTIATE_TEST_SUITE_P(Sync, WalModes, testing::Values(WalSync::Write, WalSync::Interval, WalSync::Always));

TEST_P(WalModes, ManyWritersLoseNothingAndKeepTheirOrder) {
  constexpr unsigned kWriters = 4;
  constexpr unsigned kRecords = 300;
  const TempDir dir;
  {
    const auto wal = start_log(dir.path(), {.segment_bytes = 4000,
                                            .buffer_bytes = 300,
                                            .sync = GetParam(),
                                            .sync_interval = std::chrono::milliseconds(3)});
    std::vector<std::jthread> writers;
    for (unsigned w = 0; w < kWriters; ++w) {
      writers.emplace_back([&wal, w] {
        for (unsigned i = 0; i < kRecords; ++i) {
          std::string payload;
          put_fixed(payload, w);
          put_fixed(payload, i);
          ASSERT_TRUE(put(*wal, payload).ok());
          if (i % 100 == 50) wal->cut();
          if (i % 100 == 70) {
            ASSERT_TRUE(wal->sync().ok());
          }
        }
      });
    }
  }

  const auto read = read_log(dir.path());

  ASSERT_TRUE(read) << read.status().message();
  unsigned next[kWriters] = {};
  for (const std::string& payload : read->payloads) {
    ByteReader reader(payload);
    const auto writer = reader.fixed<unsigned>();
    ASSERT_EQ(reader.fixed<unsigned>(), next[writer]++);
  }
  for (const unsigned count : next) EXPECT_EQ(count, kRecords);
}

TEST(Wal, IntervalModeSyncsInTheBackground) {
  const TempDir dir;
  const auto wal =
      start_log(dir.path(), {.sync = WalSync::Interval, .sync_interval = std::chrono::milliseconds(2)});
  EXPECT_TRUE(put(*wal, "x").ok());

  for (int i = 0; i < 2000 && wal->stats().syncs == 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));

  EXPECT_EQ(wal->stats().syncs, 1u);
}

// A limit on file size stands in for a full disk: write() stops in the middle of a record.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    before_signal_ = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, before_signal_);
  }

 private:
  rlimit before_{};
  void (*before_signal_)(int);
};

TEST(Wal, AFailedWriteFailsItsBatchAndTheLogRecovers) {
  const TempDir dir;
  {
    const auto wal = start_log(dir.path());
    EXPECT_TRUE(put(*wal, "kept").ok());
    {
      const FileSizeLimit full(100);
      const Status failed = put(*wal, std::string(500, 'x'));
      EXPECT_EQ(failed.code(), Code::Unavailable);
      EXPECT_NE(failed.message().find("00000001.log"), std::string_view::npos) << failed.message();
      EXPECT_NE(failed.message().find("errno 27"), std::string_view::npos) << failed.message();
      EXPECT_FALSE(put(*wal, std::string(500, 'y')).ok());
    }
    EXPECT_TRUE(put(*wal, "space is back").ok());
    EXPECT_EQ(wal->stats().write_failures, 2u);
  }

  const auto read = read_log(dir.path());

  ASSERT_TRUE(read) << read.status().message();
  EXPECT_EQ(read->payloads, (Strings{"kept", "space is back"}));
}

TEST(Wal, AFullDiskMakesNoFilesAndReusesTheNumber) {
  const TempDir dir;
  const auto wal = start_log(dir.path());
  {
    const FileSizeLimit full(10);  // not even a header
    for (int i = 0; i < 5; ++i) EXPECT_FALSE(put(*wal, "x").ok());
    EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
  }

  EXPECT_TRUE(put(*wal, "y").ok());

  EXPECT_EQ(wal->stats().segment, 1u);
}

}  // namespace
}  // namespace silverback::storage
