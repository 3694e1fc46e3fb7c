// The index with series like a fleet's: 12 labels, some 195 bytes, 42 metrics a host, in the order in which
// hosts are scraped. One million of them, the figure that memory and restart are judged by.
#include <benchmark/benchmark.h>
#include <rocksdb/db.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <random>

#include "storage/label_index.h"
#include "storage/registry.h"

namespace silverback::storage {
namespace {

constexpr std::uint32_t kSeries = 1'000'000;

Labels labels_of(std::uint32_t i) {
  const std::uint32_t host = i / 42;
  const std::uint32_t metric = i % 42;
  char pod[32];
  std::snprintf(pod, sizeof pod, "svc-7d9f8b6c5-%05u", host);
  std::string bytes;
  append_label(bytes, "__name__", "node_metric_name_" + std::to_string(metric / 4) + "_total");
  append_label(bytes, "cluster", "cluster-" + std::to_string(host % 5));
  append_label(bytes, "cpu", std::to_string(metric % 4));
  append_label(bytes, "env", "prod-" + std::to_string(host % 2));
  append_label(bytes, "host", "host_" + std::to_string(host));
  append_label(bytes, "job", "node-exporter-" + std::to_string(host % 3));
  append_label(bytes, "namespace", "ns-" + std::to_string(host % 50));
  append_label(bytes, "os", "debian12");
  append_label(bytes, "pod", pod);
  append_label(bytes, "rack", std::to_string(host % 40));
  append_label(bytes, "region", "eu-west-" + std::to_string(host % 3));
  append_label(bytes, "service", "svc" + std::to_string(host % 17));
  return *Labels::from_bytes(std::move(bytes));
}

const std::vector<Labels>& fleet() {
  static const std::vector<Labels> labels = [] {
    std::vector<Labels> out;
    out.reserve(kSeries);
    for (std::uint32_t i = 0; i < kSeries; ++i) out.push_back(labels_of(i));
    return out;
  }();
  return labels;
}

void fill(LabelIndex& index) {
  std::vector<SeriesToAdd> series;
  for (std::uint32_t i = 0; i < kSeries; i += 2'000) {
    series.clear();
    for (std::uint32_t k = i; k < std::min(i + 2'000, kSeries); ++k) series.push_back({&fleet()[k]});
    index.add(kDefaultTenant, series);
  }
}
const LabelIndex& filled() {
  static LabelIndex index;
  static const bool once = (fill(index), true);
  benchmark::DoNotOptimize(once);
  return index;
}

void per_series(benchmark::State& state) {
  state.SetItemsProcessed(state.iterations() * kSeries);
  state.counters["ns_per_series"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * kSeries * 1e-9,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void add_series(benchmark::State& state) {
  fleet();
  IndexMemory memory;
  for (auto _ : state) {
    LabelIndex index;
    fill(index);
    state.PauseTiming();
    memory = index.memory();
    state.ResumeTiming();
  }
  per_series(state);
  state.counters["series_B"] = static_cast<double>(memory.series_bytes) / kSeries;
  state.counters["lookup_B"] = static_cast<double>(memory.lookup_bytes) / kSeries;
  state.counters["postings_B"] = static_cast<double>(memory.postings_bytes) / kSeries;
  state.counters["symbols_B"] = static_cast<double>(memory.symbol_bytes) / kSeries;
  state.counters["total_B"] = static_cast<double>(memory.total()) / kSeries;
}
BENCHMARK(add_series)->Unit(benchmark::kMillisecond);

void find_series(benchmark::State& state) {
  const LabelIndex& index = filled();
  std::vector<std::uint32_t> order(kSeries);
  for (std::uint32_t i = 0; i < kSeries; ++i) order[i] = i;
  std::mt19937 random(1);
  if (state.range(0) != 0) std::shuffle(order.begin(), order.end(), random);
  for (auto _ : state) {
    for (const std::uint32_t i : order)
      benchmark::DoNotOptimize(index.find(kDefaultTenant, fleet()[i], ValueType::Float64));
  }
  per_series(state);
}
BENCHMARK(find_series)->Arg(0)->Arg(1)->ArgName("random")->Unit(benchmark::kMillisecond);

void read_labels(benchmark::State& state) {
  const LabelIndex& index = filled();
  std::vector<SeriesRef> refs;
  for (std::uint32_t i = 1; i <= 10'000; ++i) refs.push_back(SeriesRef{i * 97});
  std::vector<Labels> labels;
  for (auto _ : state) index.labels(refs, labels);
  state.SetItemsProcessed(state.iterations() * 10'000);
}
BENCHMARK(read_labels)->Unit(benchmark::kMicrosecond);

void select(benchmark::State& state, const std::vector<Matcher>& matchers) {
  const LabelIndex& index = filled();
  std::size_t found = 0;
  for (auto _ : state) found = index.select(kDefaultTenant, matchers).size();
  state.counters["series"] = static_cast<double>(found);
}
Matcher regex(MatchOp op, const char* name, const char* pattern) { return *Matcher::make(op, name, pattern); }
BENCHMARK_CAPTURE(select, metric, {Matcher::equal("__name__", "node_metric_name_2_total")})
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(select, three_of_the_lab,
                  {Matcher::equal("__name__", "node_metric_name_2_total"),
                   Matcher::equal("cluster", "cluster-1"), Matcher::equal("namespace", "ns-1")})
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(select, one_host,
                  {Matcher::equal("host", "host_777"),
                   Matcher::equal("__name__", "node_metric_name_2_total")})
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(select, regex_of_all_hosts,
                  {Matcher::equal("__name__", "node_metric_name_2_total"),
                   regex(MatchOp::Regex, "host", "host_1.*7")})
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(select, regex_of_one_host,
                  {Matcher::equal("host", "host_777"), regex(MatchOp::Regex, "pod", "svc-.*[0-9]7")})
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(select, alternatives_and_not,
                  {Matcher::equal("__name__", "node_metric_name_2_total"),
                   regex(MatchOp::Regex, "cluster", "cluster-1|cluster-3"),
                   regex(MatchOp::NotEqual, "env", "prod-1")})
    ->Unit(benchmark::kMicrosecond);

void label_values(benchmark::State& state) {
  const LabelIndex& index = filled();
  const Matcher metric[] = {Matcher::equal("__name__", "node_metric_name_2_total")};
  const std::vector<SeriesRef> refs = index.select(kDefaultTenant, metric);
  for (auto _ : state) benchmark::DoNotOptimize(index.label_values(kDefaultTenant, "namespace", refs));
}
BENCHMARK(label_values)->Unit(benchmark::kMicrosecond);

class Database {
 public:
  Database() {
    std::string name = (std::filesystem::temp_directory_path() / "index-bench-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
    rocksdb::Options options;
    options.create_if_missing = true;
    options.compression = rocksdb::kZSTD;
    options.info_log_level = rocksdb::FATAL_LEVEL;
    if (!rocksdb::DB::Open(options, path_, &db).ok()) db = nullptr;
  }
  ~Database() {
    delete db;
    std::filesystem::remove_all(path_);
  }
  rocksdb::DB* db = nullptr;

 private:
  std::string path_;
};

void save_registry(benchmark::State& state) {
  for (auto _ : state) {
    state.PauseTiming();
    Database database;
    LabelIndex index;
    fill(index);
    Registry registry(database.db, database.db->DefaultColumnFamily());
    state.ResumeTiming();
    if (!registry.save(index, FieldCatalog()).ok()) state.SkipWithError("not saved");
  }
  per_series(state);
}
BENCHMARK(save_registry)->Unit(benchmark::kMillisecond)->Iterations(1);

void load_registry(benchmark::State& state) {
  Database database;
  {
    LabelIndex index;
    fill(index);
    Registry registry(database.db, database.db->DefaultColumnFamily());
    if (!registry.save(index, FieldCatalog()).ok() || !database.db->Flush({}).ok())
      state.SkipWithError("not saved");
  }
  for (auto _ : state) {
    LabelIndex index;
    FieldCatalog catalog;
    Registry registry(database.db, database.db->DefaultColumnFamily());
    if (!registry.load(index, catalog)) state.SkipWithError("not loaded");
  }
  per_series(state);
}
BENCHMARK(load_registry)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace silverback::storage
