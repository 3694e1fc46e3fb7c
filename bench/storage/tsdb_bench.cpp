// The store as a whole, in process: what a sample costs to take in, to flush, to recover and to read, and
// what a series costs in memory. Scrape-like data: 12 labels, one float every 15 s with the jitter of
// milliseconds, a third constants, a third counters, a third walks with two decimals; one sample per run, as
// remote write brings them. CPU time counts; the log is written (WalSync::Write), not synced.
//
//   storage_bench --benchmark_filter=Tsdb
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "storage/tsdb.h"

namespace silverback::storage {
namespace {

constexpr std::int64_t kStart = 1'800'000'000 * kNsPerSecond;
constexpr std::int64_t kStep = 15 * kNsPerSecond;
constexpr std::size_t kBatch = 2'000;

class Dir {
 public:
  Dir() {
    std::string name = (std::filesystem::temp_directory_path() / "silverback-bench-XXXXXX").string();
    path_ = mkdtemp(name.data()) != nullptr ? name : std::string();
  }
  ~Dir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

double resident_bytes() {
  std::ifstream in("/proc/self/statm");
  double pages = 0;
  in >> pages >> pages;
  return pages * 4096;
}

Labels labels_of(std::size_t i) {
  const std::string number = std::to_string(i);
  const std::string host = "host_" + std::to_string(i / 50);
  return Labels{{"__name__", "metric_" + std::to_string(i % 50)},
                {"cluster", "production-eu-west-1"},
                {"container", "application"},
                {"env", "prod"},
                {"host", host},
                {"instance", host + ".example.com:9100"},
                {"job", "node"},
                {"namespace", "team-" + std::to_string(i / 5000)},
                {"pod", "application-" + std::to_string(i / 50) + "-7c9f8d"},
                {"region", "eu-west-1"},
                {"service", "service-" + std::to_string(i / 1000)},
                {"zone", "eu-west-1" + std::string(1, static_cast<char>('a' + i % 3))}};
}

class Load final : public SeriesResolver {
 public:
  explicit Load(std::size_t series) : keys_(series), values_(series) {
    for (std::size_t i = 0; i < series; ++i) keys_[i] = hash128(std::to_string(i), process_hash_seed());
  }
  Result<NewSeries> resolve(std::size_t run) override {
    return NewSeries{labels_of(begin_ + run), ValueType::Float64, {}, {}, {}};
  }

  /// One sample of every series. @returns false when the store refuses
  bool round(Tsdb& tsdb, std::size_t number) {
    for (begin_ = 0; begin_ < keys_.size(); begin_ += kBatch) {
      batch_.clear();
      for (std::size_t i = begin_; i < std::min(begin_ + kBatch, keys_.size()); ++i) {
        const std::int64_t jitter =
            static_cast<std::int64_t>((i / 50 * 7'919 + number * 104'729) % 5) * kNsPerMs;
        if (i % 3 == 1) values_[i] += static_cast<double>((i * 31 + number * 17) % 100);
        if (i % 3 == 2)
          values_[i] +=
              static_cast<double>(static_cast<std::int64_t>((i * 37 + number * number * 13) % 201) - 100) /
              100;
        batch_.add_series(keys_[i]);
        batch_.add_sample(kStart + static_cast<std::int64_t>(number) * kStep + jitter, values_[i]);
      }
      if (!tsdb.append(kDefaultTenant, batch_, *this)) return false;
    }
    return true;
  }
  std::size_t series() const { return keys_.size(); }

 private:
  std::vector<Hash128> keys_;
  std::vector<double> values_;
  std::size_t begin_ = 0;
  Batch batch_;
};

TsdbOptions options(const Dir& dir) {
  TsdbOptions options;
  options.path = dir.path();
  options.wal_sync = WalSync::Write;
  options.background = false;
  options.head_memory_bytes = 8ull << 30;
  return options;
}

std::unique_ptr<Tsdb> open(const Dir& dir, const Clock& clock) {
  configure_log(LogLevel::Error, LogFormat::Logfmt);
  auto tsdb = Tsdb::open(options(dir), clock);
  if (!tsdb) std::fprintf(stderr, "%s\n", std::string(tsdb.status().message()).c_str());
  return tsdb ? std::move(*tsdb) : nullptr;
}

void per_sample(benchmark::State& state, double samples) {
  state.SetItemsProcessed(static_cast<std::int64_t>(samples));
  state.counters["ns_per_sample"] =
      benchmark::Counter(samples * 1e-9, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

/// Known series, 300 rounds at most: sealing included.
void BM_TsdbAppend(benchmark::State& state) {
  const Dir dir;
  const ManualClock clock(kStart);
  const auto tsdb = open(dir, clock);
  Load load(static_cast<std::size_t>(state.range(0)));
  std::size_t round = 0;
  load.round(*tsdb, round++);
  for (auto _ : state) load.round(*tsdb, round++);
  per_sample(state, static_cast<double>(state.iterations()) * static_cast<double>(load.series()));
}
BENCHMARK(BM_TsdbAppend)->Arg(10'000)->Iterations(300)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_TsdbAppend)->Arg(100'000)->Iterations(140)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_TsdbAppend)->Arg(500'000)->Iterations(30)->Unit(benchmark::kMillisecond);

/// First contact; memory after 12 samples each.
void BM_TsdbNewSeries(benchmark::State& state) {
  for (auto _ : state) {
    const Dir dir;
    const ManualClock clock(kStart);
    auto load = std::make_unique<Load>(static_cast<std::size_t>(state.range(0)));
    malloc_trim(0);
    const double before = resident_bytes();
    auto tsdb = open(dir, clock);
    load->round(*tsdb, 0);
    state.PauseTiming();
    const auto series = static_cast<double>(load->series());
    state.counters["bytes_after_1"] = (resident_bytes() - before) / series;
    for (std::size_t round = 1; round < 4; ++round) load->round(*tsdb, round);
    state.counters["bytes_after_4"] = (resident_bytes() - before) / series;
    for (std::size_t round = 4; round < 12; ++round) load->round(*tsdb, round);
    state.counters["bytes_after_12"] = (resident_bytes() - before) / series;
    state.counters["head_bytes_12"] = static_cast<double>(tsdb->stats(0).head_bytes) / series;
    tsdb.reset();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_TsdbNewSeries)->Arg(500'000)->Arg(1'000'000)->Iterations(1)->Unit(benchmark::kMillisecond);

/// Everything in memory to windows on disk: 480 samples of each series.
void BM_TsdbFlush(benchmark::State& state) {
  constexpr std::size_t kRounds = 480;
  for (auto _ : state) {
    state.PauseTiming();
    const Dir dir;
    const ManualClock clock(kStart);
    auto tsdb = open(dir, clock);
    Load load(static_cast<std::size_t>(state.range(0)));
    for (std::size_t round = 0; round < kRounds; ++round) load.round(*tsdb, round);
    const double samples = static_cast<double>(kRounds * load.series());
    state.counters["head_bytes_per_sample"] = static_cast<double>(tsdb->stats(0).head_bytes) / samples;
    state.ResumeTiming();
    if (!tsdb->flush().ok()) state.SkipWithError("flush failed");
    state.PauseTiming();
    double bytes = 0;
    for (const auto& file : std::filesystem::recursive_directory_iterator(dir.path())) {
      if (file.is_regular_file()) bytes += static_cast<double>(file.file_size());
    }
    state.counters["disk_bytes_per_sample"] = bytes / samples;
    tsdb.reset();
    per_sample(state, samples * static_cast<double>(state.iterations()));
    state.ResumeTiming();
  }
}
BENCHMARK(BM_TsdbFlush)->Arg(10'000)->Iterations(1)->Unit(benchmark::kMillisecond);

/// Open after a kill: everything comes from the log. The copy of the directory stands for the kill.
void BM_TsdbRecover(benchmark::State& state) {
  const Dir dir;
  const Dir killed;
  const ManualClock clock(kStart);
  const auto series = static_cast<std::size_t>(state.range(0));
  const auto rounds = static_cast<std::size_t>(state.range(1));
  {
    const auto tsdb = open(dir, clock);
    Load load(series);
    for (std::size_t round = 0; round < rounds; ++round) load.round(*tsdb, round);
    std::filesystem::copy(
        dir.path(), killed.path(),
        std::filesystem::copy_options::recursive | std::filesystem::copy_options::overwrite_existing);
  }
  malloc_trim(0);
  for (auto _ : state) {
    auto tsdb = open(killed, clock);
    state.PauseTiming();
    if (tsdb->stats(0).head_samples != series * rounds) state.SkipWithError("samples were lost");
    tsdb.reset();
    state.ResumeTiming();
  }
  per_sample(state, static_cast<double>(series * rounds));
}
BENCHMARK(BM_TsdbRecover)
    ->ArgNames({"series", "rounds"})
    ->Args({100'000, 20})
    ->Args({1'000'000, 20})
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

/// sum(rate(c[5m])) over an hour reads this: 240 samples of each of 1000 series.
void BM_TsdbRead(benchmark::State& state) {
  const Dir dir;
  const ManualClock clock(kStart);
  const auto tsdb = open(dir, clock);
  Load load(10'000);
  for (std::size_t round = 0; round < 240; ++round) load.round(*tsdb, round);
  if (state.range(0) == 1 && !tsdb->flush().ok()) state.SkipWithError("flush failed");
  const std::vector<Matcher> matchers{Matcher::equal("__name__", "metric_7")};  // 200 series, scattered
  const std::vector<Matcher> dense{Matcher::equal("service", "service-3")};     // 1000, neighbours
  std::size_t samples = 0;
  for (auto _ : state) {
    auto cursor = tsdb->querier(kDefaultTenant, {})->select(state.range(1) == 1 ? dense : matchers, {});
    Columns columns;
    while ((*cursor)->next()) {
      if (!(*cursor)->read(columns).ok()) state.SkipWithError("read failed");
      samples += columns.size();
    }
  }
  per_sample(state, static_cast<double>(samples));
}
BENCHMARK(BM_TsdbRead)
    ->ArgNames({"flushed", "dense"})
    ->Args({0, 0})
    ->Args({0, 1})
    ->Args({1, 0})
    ->Args({1, 1})
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace silverback::storage
