// Evaluation without storage: series lie in memory, 240 samples each (one hour at 15 s), and are asked
// about over that hour at 241 steps, as dashboards do. Reported is time per query; items are windows.
#include <benchmark/benchmark.h>

#include <memory>

#include "query/engine.h"
#include "tests/query/memory_store.h"

namespace silverback::query {
namespace {

constexpr std::int64_t kStartMs = 1'700'000'000'000;
constexpr std::int64_t kIntervalMs = 15'000;

/// Counters with resets in a few of them, as many hosts as series / 4.
std::unique_ptr<MemoryStore> counters(std::int64_t count, std::int64_t samples) {
  auto store = std::make_unique<MemoryStore>();
  for (std::int64_t i = 0; i < count; ++i) {
    auto& series = store->add_series(Labels{{"__name__", "c_total"},
                                            {"host", "host_" + std::to_string(i / 4)},
                                            {"mode", std::to_string(i % 4)},
                                            {"region", "eu-" + std::to_string(i % 7)}});
    double value = 1e6;
    for (std::int64_t t = 0; t < samples; ++t) {
      value += static_cast<double>((i * 7 + t * 13) % 29);
      if (i % 50 == 0 && t == samples / 2) value = 0;
      series.times_ms.push_back(kStartMs + t * kIntervalMs);
      series.values.push_back(value);
    }
  }
  return store;
}

void run(benchmark::State& state, const char* text, std::int64_t samples, std::int64_t step_ms) {
  const auto store = counters(state.range(0), samples);
  Engine engine(*store, {});
  QueryRequest request{.text = text, .instant = step_ms == 0};
  request.start_ms = step_ms == 0 ? kStartMs + samples * kIntervalMs : kStartMs;
  request.end_ms = kStartMs + samples * kIntervalMs;
  request.step_ms = step_ms;
  for (auto _ : state) {
    auto result = engine.run(request);
    if (!result) state.SkipWithError(std::string(result.status().message()).c_str());
    benchmark::DoNotOptimize(result);
  }
  const std::int64_t steps = step_ms == 0 ? 1 : samples * kIntervalMs / step_ms + 1;
  state.SetItemsProcessed(state.iterations() * state.range(0) * steps);
}

void hour(benchmark::State& state, const char* text) { run(state, text, 240, kIntervalMs); }
void half_day(benchmark::State& state, const char* text) { run(state, text, 2880, 3'600'000); }
void now(benchmark::State& state, const char* text) { run(state, text, 240, 0); }

#define HOUR(name, text) BENCHMARK_CAPTURE(hour, name, text)->Arg(1000)->Unit(benchmark::kMillisecond)
HOUR(read_only, "count(c_total offset 1d)");
HOUR(selector, "c_total");
HOUR(sum, "sum(c_total)");
HOUR(sum_rate, "sum(rate(c_total[5m]))");
HOUR(sum_by_host_rate, "sum by (host) (rate(c_total[5m]))");
HOUR(rate, "rate(c_total[5m])");
HOUR(max_over_time, "max_over_time(c_total[5m])");
HOUR(max_over_time_filtered, "max_over_time(c_total[1m]) > 1e9");
HOUR(avg_over_time, "avg_over_time(c_total[5m])");
HOUR(quantile_over_time, "quantile_over_time(0.9, c_total[5m])");
HOUR(stddev_by, "stddev by (region) (c_total)");
HOUR(topk, "topk(10, sum by (host) (rate(c_total[5m])))");
HOUR(ratio, "sum(rate(c_total{mode=\"1\"}[5m])) / sum(rate(c_total[5m]))");
HOUR(one_to_one, "1 - c_total / (c_total + 1)");
HOUR(shared, "rate(c_total[5m]) / rate(c_total[10m])");
HOUR(subquery, "max_over_time(sum(rate(c_total[5m]))[30m:1m])");
BENCHMARK_CAPTURE(half_day, avg_1h, "avg by (host, mode) (avg_over_time(c_total[1h]))")
    ->Arg(1000)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(half_day, max_1h, "max_over_time(c_total[1h])")->Arg(1000)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(now, lastpoint, "{__name__=~\"c_.*\"}")->Arg(10'000)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(now, topk, "topk(5, avg_over_time(c_total[5m]))")
    ->Arg(10'000)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace silverback::query
