// Kill -9 at any moment, also within flushes and checkpoints: what was acknowledged is there, nothing is
// wrong.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <random>
#include <string>
#include <thread>

#include "base/log.h"
#include "tests/storage/tsdb_vocabulary.h"

namespace silverback::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kSeries = 40;

Labels labels_of(std::size_t i) { return Labels{{"__name__", "numbered"}, {"number", std::to_string(i)}}; }
std::int64_t time_of(std::uint64_t n) { return static_cast<std::int64_t>(n) * 300 * kNsPerSecond; }
double value_of(std::size_t series, std::uint64_t n) { return static_cast<double>(series * 1'000'003 + n); }

/// Writes rounds from `next` on for ever, telling each acknowledged one through the pipe.
[[noreturn]] void write_until_killed(const TsdbOptions& options, std::uint64_t next, int pipe) {
  configure_log(LogLevel::Error, LogFormat::Logfmt);
  const ManualClock clock(time_of(next));
  auto tsdb = Tsdb::open(options, clock);
  if (!tsdb) ::_exit(1);
  std::jthread flusher([&](const std::stop_token& stop) {
    for (int i = 0; !stop.stop_requested(); ++i) {
      if (!(i % 3 == 2 ? (*tsdb)->flush() : (*tsdb)->checkpoint()).ok()) ::_exit(2);
    }
  });
  for (;; ++next) {
    Request request;
    for (std::size_t i = 0; i < kSeries; ++i)
      request.series(labels_of(i)).sample(time_of(next), value_of(i, next));
    request.series(labels_of(next + 1'000)).sample(time_of(next), value_of(0, next));  // and always a new one
    const Progress progress{"rounds", static_cast<std::int64_t>(next) + 1};
    const auto outcome =
        (*tsdb)->append_with(kDefaultTenant, request.batch, request, {std::span(&progress, 1), 0});
    if (!outcome || outcome->stored != kSeries + 1) ::_exit(3);
    if (::write(pipe, &next, sizeof next) != sizeof next) ::_exit(4);
  }
}

class TsdbCrash : public TsdbTest {
 public:
  using TsdbTest::options_in;

 protected:
  /// @returns one more than the last round that was acknowledged before the kill
  std::uint64_t run_and_kill(std::uint64_t next, std::chrono::milliseconds after) {
    int ends[2];
    EXPECT_EQ(::pipe(ends), 0);
    ::setenv("CRASH_PATH", options().path.c_str(), 1);
    ::setenv("CRASH_NEXT", std::to_string(next).c_str(), 1);
    ::setenv("CRASH_PIPE", std::to_string(ends[1]).c_str(), 1);
    const pid_t child = ::fork();
    if (child == 0) {
      ::execl("/proc/self/exe", "writer", "--gtest_also_run_disabled_tests", "--gtest_filter=CrashWriter.*",
              "--gtest_brief=1", nullptr);
      ::_exit(127);
    }
    ::close(ends[1]);
    std::this_thread::sleep_for(after);
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status)) << "the writer gave up with " << WEXITSTATUS(status);
    std::uint64_t round = 0;
    while (::read(ends[0], &round, sizeof round) == sizeof round) next = round + 1;
    ::close(ends[0]);
    return next;
  }
  void expect_rounds(std::uint64_t acknowledged, std::uint64_t& stored) {
    open();
    const auto all = read_all(*tsdb_);
    stored = acknowledged;
    for (std::size_t i = 0; i < kSeries && acknowledged > 0; ++i) {
      const auto it = all.find(labels_of(i).to_string());
      ASSERT_NE(it, all.end());
      for (std::uint64_t n = 0; n < acknowledged; ++n) {
        ASSERT_TRUE(it->second.contains(time_of(n)))
            << "series " << i << " lost round " << n << " of " << acknowledged;
      }
      for (const auto& [time, value] : it->second) {
        const auto n = static_cast<std::uint64_t>(time / (300 * kNsPerSecond));
        ASSERT_EQ(value, number(value_of(i, n)));
        stored = std::max(stored, n + 1);  // written and killed before it could be said
      }
    }
    for (std::uint64_t n = 0; n < acknowledged; ++n)
      ASSERT_TRUE(all.contains(labels_of(n + 1'000).to_string())) << n;
    // Exactly: neither behind the samples nor before them.
    const auto progress = tsdb_->progress("rounds");
    ASSERT_EQ(progress.size(), stored > 0 ? 1u : 0u);
    if (stored > 0) {
      ASSERT_EQ(progress[0].position, static_cast<std::int64_t>(stored));
    }
    tsdb_.reset();
  }
};

// Not a test: the program that TsdbCrash starts and kills. It is executed anew, since a child that is only
// forked may start no threads under ThreadSanitizer.
TEST(CrashWriter, DISABLED_WritesUntilKilled) {
  const char* path = std::getenv("CRASH_PATH");
  if (path == nullptr) GTEST_SKIP() << "TsdbCrash starts this";
  write_until_killed(TsdbCrash::options_in(path), std::stoull(std::getenv("CRASH_NEXT")),
                     std::stoi(std::getenv("CRASH_PIPE")));
}

TEST_F(TsdbCrash, KeepsWhatWasAcknowledgedThroughKillsInFlushesAndCheckpoints) {
  std::mt19937 random(1);
  std::uint64_t next = 0;
  for (int cycle = 0; cycle < 12; ++cycle) {
    SCOPED_TRACE(cycle);
    next = run_and_kill(next, std::chrono::milliseconds(100 + random() % 500));
    ASSERT_NO_FATAL_FAILURE(expect_rounds(next, next));
  }
  EXPECT_GT(next, 0u);
}

TEST_F(TsdbCrash, GoesBackToTheCheckpointBeforeADamagedOne) {
  open();
  Request request;
  request.series(labels_of(0));
  for (std::uint64_t n = 0; n < 500; ++n) request.sample(time_of(n), value_of(0, n));
  write(request);
  ASSERT_TRUE(tsdb_->checkpoint().ok());
  Request more;
  more.series(labels_of(0)).sample(time_of(500), value_of(0, 500));
  write(more);
  ASSERT_TRUE(tsdb_->checkpoint().ok());
  const auto before = read_all(*tsdb_);
  tsdb_.reset();
  std::vector<fs::path> checkpoints;
  for (const auto& entry : fs::directory_iterator(dir_.path() / "data" / "checkpoint"))
    checkpoints.push_back(entry.path());
  std::sort(checkpoints.begin(), checkpoints.end());
  ASSERT_GE(checkpoints.size(), 2u);
  fs::resize_file(checkpoints.back(), fs::file_size(checkpoints.back()) / 2);

  open();

  EXPECT_EQ(read_all(*tsdb_), before);
}

TEST_F(TsdbCrash, RefusesANewerFormatInWords) {
  open();
  tsdb_.reset();
  std::ofstream(dir_.path() / "data" / "FORMAT") << "silverback storage format 2\n";

  const auto opened = Tsdb::open(options(), clock_);

  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.status().code(), Code::InvalidArgument);
  EXPECT_NE(opened.status().message().find("format 2"), std::string_view::npos);
}

}  // namespace
}  // namespace silverback::storage
