// Parsing, checking and printing one query, as each request to /api/v1/query does: a short one, one of a
// dashboard, and a long chain. Bytes per second, and nanoseconds per query.
#include <benchmark/benchmark.h>

#include <string>

#include "query/promql/parser.h"
#include "query/promql/printer.h"

namespace silverback::query::promql {
namespace {

std::string query_of(std::int64_t shape) {
  if (shape == 0) return "rate(http_requests_total{job=\"api\"}[5m])";
  const std::string dashboard =
      "histogram_quantile(0.99, sum by (le, cluster, job) "
      "(rate(http_request_duration_seconds_bucket{cluster=\"eu\", "
      "job=~\"api|web\", code!~\"5..\"}[5m] offset 1d))) > 0.5 and on (cluster) sum without (instance) (up) "
      "/ 2 >= bool 3";
  if (shape == 1) return dashboard;
  std::string chain = "a";
  for (int i = 0; i < 500; ++i) chain += " or metric_" + std::to_string(i) + "{job=\"x\"} * 2";
  return chain;
}

void parse(benchmark::State& state) {
  const std::string text = query_of(state.range(0));
  for (auto _ : state) {
    auto expr = parse_expr(text, {});
    if (!expr) state.SkipWithError("does not parse");
    benchmark::DoNotOptimize(expr);
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(text.size()) * state.iterations());
}
BENCHMARK(parse)->DenseRange(0, 2);

void print(benchmark::State& state) {
  const auto expr = parse_expr(query_of(state.range(0)), {});
  for (auto _ : state) benchmark::DoNotOptimize(pretty(**expr));
}
BENCHMARK(print)->DenseRange(0, 1);

}  // namespace
}  // namespace silverback::query::promql
