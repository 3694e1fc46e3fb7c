// Writing a range result as JSON: 100 series of 720 steps (3 h at 15 s), the size of a busy panel.
// Whole numbers are counters, decimals are percentages with two digits, mixed digits are rates.
#include <benchmark/benchmark.h>

#include <cmath>
#include <random>

#include "api/gzip.h"
#include "api/result_json.h"

namespace {

using namespace silverback;

enum class Values { Whole, Decimals, Rates };

query::QueryResult result_of(Values kind) {
  query::QueryResult result;
  result.type = query::ResultType::Matrix;
  result.matrix = query::Matrix({.start_ms = 1'700'000'000'000, .step_ms = 15'000, .steps = 720});
  std::mt19937_64 random(1);
  for (int row = 0; row < 100; ++row) {
    const std::string host = "host-" + std::to_string(row);
    result.matrix.add_row(Labels{{"__name__", "cpu_usage"}, {"hostname", host}, {"region", "eu-west-1"}});
    double value = 50;
    for (std::size_t step = 0; step < 720; ++step) {
      value += static_cast<double>(random() % 200) / 100 - 1;
      const double rounded = std::round(value * 100) / 100;
      result.matrix.set(static_cast<std::size_t>(row), step,
                        kind == Values::Whole      ? std::floor(value * 1000)
                        : kind == Values::Decimals ? rounded
                                                   : value / 3);
    }
  }
  return result;
}

void write_matrix(benchmark::State& state) {
  const auto kind = static_cast<Values>(state.range(0));
  std::string out;
  std::size_t bytes = 0;
  for (auto _ : state) {
    state.PauseTiming();
    auto stream = api::stream_result(result_of(kind), {});
    state.ResumeTiming();
    out.clear();
    while (stream->next(out, 256 << 10)) {
    }
    bytes += out.size();
    benchmark::DoNotOptimize(out.data());
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
  state.counters["ns_per_value"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * 72'000,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(write_matrix)->Arg(0)->Arg(1)->Arg(2)->ArgName("kind")->Unit(benchmark::kMillisecond);

void gzip_matrix(benchmark::State& state) {
  std::string text;
  auto stream = api::stream_result(result_of(Values::Decimals), {});
  while (stream->next(text, 256 << 10)) {
  }
  std::size_t packed = 0;
  for (auto _ : state) {
    std::string body = text;
    benchmark::DoNotOptimize(api::gzip_in_place(body));
    packed = body.size();
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(text.size()) * state.iterations());
  state.counters["ratio"] = static_cast<double>(text.size()) / static_cast<double>(packed);
}
BENCHMARK(gzip_matrix)->Unit(benchmark::kMillisecond);

}  // namespace
