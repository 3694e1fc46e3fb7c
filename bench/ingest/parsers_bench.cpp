// The parsers on the bodies that the load generator sends, labels hashed, nothing stored.
//
// Shapes: a request of 2,000 series with 12 labels and one sample each; 1,000 lines with 12 tags and one
// float field; 100 lines with 10 tags and 10 integer fields; scrapes as text; the same samples as JSON, a
// thousand a body (a line each, or a list) and one a body, as messages have them. Values are short decimals,
// as exporters print them. Reported: ns per sample and bytes per second of the body as it is parsed
// (decompressed). Figures and how they were taken: docs/performance.md, "Parsers".
#include <benchmark/benchmark.h>
#include <snappy.h>

#include <charconv>
#include <random>

#include "bench/ingest/null_store.h"
#include "ingest/write.h"
#include "tests/ingest/messages.h"

namespace silverback::ingest {
namespace {

constexpr std::size_t kSeries = 10'000;
constexpr std::int64_t kTimeMs = 1'700'000'000'000;

message::Pairs labels_of(std::size_t i) {
  return {{"__name__", "node_memory_usage_" + std::to_string(i % 40)},
          {"arch", "x86_64"},
          {"cluster", "production-eu-1"},
          {"datacenter", "eu-central-1a"},
          {"env", "production"},
          {"instance", "host-" + std::to_string(i / 40) + ".example.net:9100"},
          {"job", "node"},
          {"os", "Ubuntu22.04"},
          {"rack", std::to_string(i / 40 % 97)},
          {"region", "eu-central-1"},
          {"service", std::to_string(i / 40 % 20)},
          {"team", "platform"}};
}

std::string decimal(std::mt19937_64& random) {
  char text[32];
  const double value = static_cast<double>(random() % 1'000'000) / 100;
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

std::vector<std::string> remote_write_bodies(RemoteWriteVersion version, std::size_t per_body) {
  std::mt19937_64 random(1);
  std::vector<std::string> bodies;
  for (std::size_t first = 0; first < kSeries; first += per_body) {
    std::string v1;
    message::RequestV2 v2;
    for (std::size_t i = first; i < first + per_body; ++i) {
      const double value = std::stod(decimal(random));
      if (version == RemoteWriteVersion::V1) {
        v1 += message::series(labels_of(i), {{kTimeMs, value}});
      } else {
        v2.add(v2.refs(labels_of(i)) + message::sample(value, kTimeMs));
      }
    }
    bodies.push_back(version == RemoteWriteVersion::V1 ? v1 : v2.bytes());
  }
  return bodies;
}

std::vector<std::string> one_field_bodies() {
  std::mt19937_64 random(1);
  std::vector<std::string> bodies;
  for (std::size_t first = 0; first < kSeries; first += 1000) {
    std::string body;
    for (std::size_t i = first; i < first + 1000; ++i) {
      const message::Pairs pairs = labels_of(i);
      body += pairs[0].second;
      for (std::size_t k = 1; k < pairs.size(); ++k) body += "," + pairs[k].first + "=" + pairs[k].second;
      body += ",zone=a value=" + decimal(random) + " " + std::to_string(kTimeMs) + "000000\n";
    }
    bodies.push_back(body);
  }
  return bodies;
}

std::vector<std::string> ten_field_bodies() {
  constexpr const char* kFields[] = {"usage_user",   "usage_system",    "usage_idle",    "usage_nice",
                                     "usage_iowait", "usage_irq",       "usage_softirq", "usage_steal",
                                     "usage_guest",  "usage_guest_nice"};
  std::mt19937_64 random(1);
  std::vector<std::string> bodies;
  for (std::size_t first = 0; first < 1000; first += 100) {
    std::string body;
    for (std::size_t host = first; host < first + 100; ++host) {
      body += "cpu,hostname=host_" + std::to_string(host) +
              ",region=eu-central-1,datacenter=eu-central-1a,rack=" + std::to_string(host % 97) +
              ",os=Ubuntu15.10,arch=x86,team=SF,service=" + std::to_string(host % 20) +
              ",service_version=1,service_environment=test ";
      for (const char* field : kFields) {
        if (body.back() != ' ') body += ',';
        body += std::string(field) + "=" + std::to_string(random() % 101) + "i";
      }
      body += " " + std::to_string(kTimeMs) + "000000\n";
    }
    bodies.push_back(body);
  }
  return bodies;
}

std::vector<std::string> text_bodies() {
  std::mt19937_64 random(1);
  std::vector<std::string> bodies;
  for (std::size_t first = 0; first < kSeries; first += 1000) {
    std::string body;
    for (std::size_t i = first; i < first + 1000; ++i) {
      const message::Pairs pairs = labels_of(i);
      body += pairs[0].second + "{";
      for (std::size_t k = 1; k < pairs.size(); ++k) body += pairs[k].first + "=\"" + pairs[k].second + "\",";
      body.back() = '}';
      body += " " + decimal(random) + " " + std::to_string(kTimeMs) + "\n";
    }
    bodies.push_back(body);
  }
  return bodies;
}

std::string json_sample(std::size_t i, std::mt19937_64& random) {
  const message::Pairs pairs = labels_of(i);
  std::string out = R"({"name":")" + pairs[0].second + R"(","labels":{)";
  for (std::size_t k = 1; k < pairs.size(); ++k) {
    out += (k > 1 ? ",\"" : "\"") + pairs[k].first + "\":\"" + pairs[k].second + "\"";
  }
  return out + R"(},"value":)" + decimal(random) + R"(,"timestamp":)" + std::to_string(kTimeMs) + "}";
}

std::vector<std::string> json_bodies(std::size_t per_body, bool list) {
  std::mt19937_64 random(1);
  std::vector<std::string> bodies;
  for (std::size_t first = 0; first < kSeries; first += per_body) {
    std::string body;
    for (std::size_t i = first; i < first + per_body; ++i) {
      body += (list ? (i == first ? "[" : ",") : "") + json_sample(i, random) + (list ? "" : "\n");
    }
    bodies.push_back(list ? body + "]" : body);
  }
  return bodies;
}

struct World {
  NullStore store;
  ManualClock clock{kTimeMs * kNsPerMs};
  WriteTargets targets{store, store, store, clock};
};

template <typename Write>
void run(benchmark::State& state, const std::vector<std::string>& bodies, Write write) {
  std::uint64_t samples = 0;
  std::uint64_t bytes = 0;
  std::size_t next = 0;
  for (auto _ : state) {
    const std::string& body = bodies[next++ % bodies.size()];
    const auto [stored, size] = write(body);
    samples += stored;
    bytes += size;
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
  state.counters["ns/sample"] = benchmark::Counter(static_cast<double>(samples) / 1e9,
                                                   benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void remote_write(benchmark::State& state, RemoteWriteVersion version, bool packed) {
  World world;
  RemoteWriter writer(world.targets, {});
  std::vector<std::string> bodies = remote_write_bodies(version, 2000);
  if (packed) {
    for (std::string& body : bodies) {
      std::string out;
      snappy::Compress(body.data(), body.size(), &out);
      body = out;
    }
  }
  std::string buffer;
  run(state, bodies, [&](std::string_view bytes) {
    const auto encoding = packed ? ContentEncoding::Snappy : ContentEncoding::Identity;
    const auto body = decode_body(encoding, bytes, std::size_t{64} << 20, buffer);
    const auto report = writer.write(kDefaultTenant, *body, version);
    return std::pair(report->stored, body->size());
  });
}

void BM_RemoteWriteV1(benchmark::State& state) { remote_write(state, RemoteWriteVersion::V1, false); }
void BM_RemoteWriteV1Snappy(benchmark::State& state) { remote_write(state, RemoteWriteVersion::V1, true); }
void BM_RemoteWriteV2(benchmark::State& state) { remote_write(state, RemoteWriteVersion::V2, false); }
void BM_RemoteWriteV2Snappy(benchmark::State& state) { remote_write(state, RemoteWriteVersion::V2, true); }

void lines(benchmark::State& state, const std::vector<std::string>& bodies) {
  World world;
  LineWriter writer(world.targets, {});
  run(state, bodies, [&](std::string_view body) {
    const auto report = writer.write(kDefaultTenant, body, {.database = "db0"});
    return std::pair(report->stored, body.size());
  });
}

void BM_LinesOneField(benchmark::State& state) { lines(state, one_field_bodies()); }
void BM_LinesTenFields(benchmark::State& state) { lines(state, ten_field_bodies()); }

void BM_Text(benchmark::State& state) {
  World world;
  TextWriter writer(world.targets, {});
  run(state, text_bodies(), [&](std::string_view body) {
    const auto report = writer.write(kDefaultTenant, body, {});
    return std::pair(report->stored, body.size());
  });
}

void json(benchmark::State& state, const std::vector<std::string>& bodies) {
  World world;
  JsonWriter writer(world.targets, {});
  run(state, bodies, [&](std::string_view body) {
    const auto report = writer.write(kDefaultTenant, body, {});
    return std::pair(report->stored, body.size());
  });
}

void BM_JsonLines(benchmark::State& state) { json(state, json_bodies(1000, false)); }
void BM_JsonList(benchmark::State& state) { json(state, json_bodies(1000, true)); }
// The same with every line a part, as the messages of a run are.
std::vector<Part> parts_by_line(std::string_view body) {
  std::vector<Part> parts;
  for (std::size_t end = body.find('\n'); end != std::string_view::npos; end = body.find('\n', end + 1)) {
    parts.push_back({end + 1, kTimeMs * kNsPerMs});
  }
  return parts;
}

template <typename Writer, typename Options>
void in_parts(benchmark::State& state, const std::vector<std::string>& bodies, const Options& options) {
  World world;
  Writer writer(world.targets, {});
  std::vector<std::vector<Part>> parts;
  for (const std::string& body : bodies) parts.push_back(parts_by_line(body));
  std::size_t next = 0;
  run(state, bodies, [&](std::string_view body) {
    const auto report = writer.write(kDefaultTenant, Body(body, parts[next++ % parts.size()]), options);
    return std::pair(report->stored, body.size());
  });
}

void BM_LinesInParts(benchmark::State& state) {
  in_parts<LineWriter>(state, one_field_bodies(), LineOptions{.database = "db0"});
}
void BM_JsonInParts(benchmark::State& state) {
  in_parts<JsonWriter>(state, json_bodies(1000, false), JsonOptions{});
}

void BM_JsonOne(benchmark::State& state) { json(state, json_bodies(1, false)); }

void BM_SnappyAlone(benchmark::State& state) {
  std::vector<std::string> bodies = remote_write_bodies(RemoteWriteVersion::V1, 2000);
  for (std::string& body : bodies) {
    std::string out;
    snappy::Compress(body.data(), body.size(), &out);
    body = out;
  }
  std::string buffer;
  run(state, bodies, [&](std::string_view bytes) {
    const auto body = decode_body(ContentEncoding::Snappy, bytes, std::size_t{64} << 20, buffer);
    return std::pair(std::uint64_t{2000}, body->size());
  });
}

BENCHMARK(BM_SnappyAlone);
BENCHMARK(BM_RemoteWriteV1);
BENCHMARK(BM_RemoteWriteV1Snappy);
BENCHMARK(BM_RemoteWriteV2);
BENCHMARK(BM_RemoteWriteV2Snappy);
BENCHMARK(BM_LinesOneField);
BENCHMARK(BM_LinesTenFields);
BENCHMARK(BM_LinesInParts);
BENCHMARK(BM_Text);
BENCHMARK(BM_JsonLines);
BENCHMARK(BM_JsonList);
BENCHMARK(BM_JsonOne);
BENCHMARK(BM_JsonInParts);

}  // namespace
}  // namespace silverback::ingest
