// What messages cost beside a body: the same lines as one body for the writer, and as messages for the
// intake.
//
// A point has 6 tags and 10 fields; a run is 10,000 points in 10,000, 100 or 10 messages. The store believes
// every series to be known. Figures: docs/performance.md, "Kafka".
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "bench/ingest/null_store.h"
#include "kafka/intake.h"

namespace silverback::kafka {
namespace {

constexpr std::size_t kPoints = 10'000;
constexpr std::size_t kFields = 10;

std::string point(std::size_t number) {
  const std::string host = std::to_string(number % 1000);
  std::string line = "cpu,hostname=host_" + host +
                     ",region=eu-west-1,datacenter=eu-west-1a,rack=7,os=Ubuntu16.10,service=" + host + " ";
  for (std::size_t i = 0; i < kFields; ++i)
    line +=
        (i == 0 ? "usage_" : ",usage_") + std::to_string(i) + "=" + std::to_string(number % 97 + i) + ".5";
  return line + " 1700000000000000000\n";
}

std::vector<std::string> bodies(std::size_t points_each) {
  std::vector<std::string> out(kPoints / points_each);
  for (std::size_t i = 0; i < kPoints; ++i) out[i / points_each] += point(i);
  return out;
}

void BM_OneBody(benchmark::State& state) {
  ingest::NullStore store;
  const SystemClock clock;
  ingest::LineWriter writer({store, store, store, clock}, {});
  const std::string body = bodies(kPoints)[0];
  for (auto _ : state) {
    const auto report = writer.write(kDefaultTenant, body, {.database = "db"});
    benchmark::DoNotOptimize(report);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kPoints * kFields));
}

void BM_Messages(benchmark::State& state) {
  ingest::NullStore store;
  const SystemClock clock;
  ConsumerConfig config;
  config.database = "db";
  config.batch_bytes = 64 << 20;
  Intake intake(config, {.store = {store, store, store, clock}});
  const std::vector<std::string> values = bodies(static_cast<std::size_t>(state.range(0)));
  std::vector<Message> messages;
  for (const std::string& value : values) {
    Message& message = messages.emplace_back();
    message.topic = "metrics";
    message.offset = static_cast<std::int64_t>(messages.size());
    message.time_ms = 1'700'000'000'000;
    message.value = value;
  }
  for (auto _ : state) {
    const auto taken = intake.take(messages, "kafka/c/metrics/0");
    benchmark::DoNotOptimize(taken);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kPoints * kFields));
}

BENCHMARK(BM_OneBody);
BENCHMARK(BM_Messages)->Arg(1)->Arg(100)->Arg(1000);

}  // namespace
}  // namespace silverback::kafka
