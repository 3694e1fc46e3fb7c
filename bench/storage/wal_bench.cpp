// The log: bytes and nanoseconds per sample of its samples records, and what an acknowledged batch costs.
//
// The batch is a remote-write request: 2000 series with one sample each, a fifth of them counters, the rest
// gauges with one or two decimals, as scrapes have them; all at the same millisecond. "rows" is 10 fields
// a line, one time a line; "backfill" is 50 samples a series, 15 s apart.
#include <benchmark/benchmark.h>
#include <stdlib.h>

#include <cmath>
#include <filesystem>
#include <random>

#include "storage/wal.h"
#include "storage/wal_record.h"

namespace silverback::storage {
namespace {

struct Request {
  std::vector<SeriesRef> refs;
  Batch batch;
};

double value(std::mt19937_64& random, std::uint32_t ref) {
  switch (ref % 5) {
    case 0: return static_cast<double>(random() % 5'000'000);
    case 1: return static_cast<double>(random() % 100);
    case 2: return std::round(static_cast<double>(random() % 100'000)) / 100;
    case 3: return ref % 2 == 0 ? 0.0 : 1.0;
    default: return static_cast<double>(random() % (1 << 30)) * 1.37e-3;
  }
}

Request scrape() {
  std::mt19937_64 random(1);
  Request request;
  for (std::uint32_t ref = 5'000; ref < 7'000; ++ref) {
    request.refs.push_back(SeriesRef{ref});
    request.batch.add_series({});
    request.batch.add_sample(1'700'000'000'123'000'000, value(random, ref));
  }
  return request;
}
Request rows() {
  std::mt19937_64 random(2);
  Request request;
  for (std::uint32_t row = 0; row < 500; ++row) {
    for (std::uint32_t field = 0; field < 10; ++field) {
      request.refs.push_back(SeriesRef{row * 10 + field + 1});
      request.batch.add_series({});
      request.batch.add_sample(1'700'000'000'000'000'000 + row / 10 * 10'000'000'000, value(random, 1));
    }
  }
  return request;
}
Request backfill() {
  std::mt19937_64 random(3);
  Request request;
  for (std::uint32_t ref = 1; ref <= 100; ++ref) {
    request.refs.push_back(SeriesRef{ref});
    request.batch.add_series({});
    for (std::int64_t i = 0; i < 50; ++i) {
      request.batch.add_sample(1'700'000'000'000'000'000 + i * 15'000'000'000, value(random, ref));
    }
  }
  return request;
}

void report(benchmark::State& state, const Request& request, std::size_t bytes) {
  const auto samples = request.batch.times_ns.size();
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(samples));
  state.counters["bytes_per_sample"] = static_cast<double>(bytes) / static_cast<double>(samples);
  state.counters["ns_per_sample"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * static_cast<double>(samples) * 1e-9,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void encode(benchmark::State& state, const Request& request) {
  SamplesEncoder encoder;
  std::size_t bytes = 0;
  for (auto _ : state) {
    bytes = encoder.encode(request.refs, request.batch, {}).size();
    benchmark::DoNotOptimize(bytes);
  }
  report(state, request, bytes);
}
BENCHMARK_CAPTURE(encode, scrape, scrape());
BENCHMARK_CAPTURE(encode, rows, rows());
BENCHMARK_CAPTURE(encode, backfill, backfill());

void decode(benchmark::State& state, const Request& request) {
  SamplesEncoder encoder;
  const std::string payload(encoder.encode(request.refs, request.batch, {}));
  std::vector<SeriesRef> refs;
  Batch batch;
  for (auto _ : state) {
    if (!decode_samples(payload, refs, batch).ok()) state.SkipWithError("does not decode");
    benchmark::DoNotOptimize(batch.bits.data());
  }
  report(state, request, payload.size());
}
BENCHMARK_CAPTURE(decode, scrape, scrape());
BENCHMARK_CAPTURE(decode, rows, rows());
BENCHMARK_CAPTURE(decode, backfill, backfill());

class Directory {
 public:
  Directory() {
    std::string name = (std::filesystem::temp_directory_path() / "wal-bench-XXXXXX").string();
    path = ::mkdtemp(name.data());
  }
  ~Directory() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

// Encode, checksum, write() (and fdatasync) per batch of 2000 samples, one or more writers.
std::unique_ptr<Directory> shared_directory;
std::unique_ptr<Wal> shared_wal;
void acknowledge(benchmark::State& state, WalSync sync) {
  const Request request = scrape();
  if (state.thread_index() == 0) {
    shared_directory = std::make_unique<Directory>();
    auto wal = Wal::open(shared_directory->path, {.sync = sync}, {});
    shared_wal = std::move(*wal);
  }
  SamplesEncoder encoder;
  std::size_t bytes = 0;
  for (auto _ : state) {
    const std::string_view payload = encoder.encode(request.refs, request.batch, {});
    bytes = payload.size();
    if (!shared_wal->wait(shared_wal->append(RecordType::Samples, payload)).ok())
      state.SkipWithError("not written");
    if (shared_wal->stats().bytes > (512u << 20)) {
      if (!shared_wal->remove_before(shared_wal->stats().segment).ok()) state.SkipWithError("not removed");
    }
  }
  report(state, request, bytes);
  if (state.thread_index() == 0) {
    const WalStats stats = shared_wal->stats();
    state.counters["records_per_write"] =
        static_cast<double>(stats.records) / static_cast<double>(stats.writes);
    shared_wal.reset();
    shared_directory.reset();
  }
}
BENCHMARK_CAPTURE(acknowledge, write, WalSync::Write)->MeasureProcessCPUTime()->Threads(1)->Threads(4);
BENCHMARK_CAPTURE(acknowledge, interval, WalSync::Interval)->MeasureProcessCPUTime()->Threads(1)->Threads(4);
BENCHMARK_CAPTURE(acknowledge, always, WalSync::Always)->MeasureProcessCPUTime()->Threads(1)->Threads(8);

// Reading a warm log of 4 M samples: checksums and decoding, no head.
void replay(benchmark::State& state) {
  const Request request = scrape();
  const Directory directory;
  SamplesEncoder encoder;
  const std::string_view payload = encoder.encode(request.refs, request.batch, {});
  {
    auto wal = Wal::open(directory.path, {.sync = WalSync::Write}, {});
    for (int i = 0; i < 2'000; ++i) (*wal)->append(RecordType::Samples, payload);
  }
  std::vector<SeriesRef> refs;
  Batch batch;
  for (auto _ : state) {
    const auto replayed = replay_wal(
        directory.path, {}, {},
        [&](WalPosition, RecordType, std::string_view bytes) { return decode_samples(bytes, refs, batch); });
    if (!replayed || replayed->records != 2'000) state.SkipWithError("not replayed");
  }
  state.SetItemsProcessed(state.iterations() * 4'000'000);
  state.counters["ns_per_sample"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * 4'000'000e-9,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(replay)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace silverback::storage
