// Bytes and nanoseconds per sample of the codecs.
//
// Shapes: "mix" is 42 made series per host as a device monitor sees them (percentages with one and two
// decimals, integers, counters fast and slow, a histogram's buckets and sum, constants, page-aligned sizes,
// and 5 % of noise in full precision), 8192 samples at 10 s. Recorded data: SILVERBACK_BENCH_DATA names
// files, separated by ':', of lines "SERIES VALUE TIME": the Prometheus text format with times in ms, or,
// ending in .lp, line protocol of one field with times in ns.
//
// Read bytes_per_sample and ns_per_sample (CPU time, one core).
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <map>
#include <random>
#include <sstream>

#include "storage/aggregates.h"
#include "storage/chunk.h"
#include "storage/gorilla.h"
#include "storage/time_codec.h"
#include "storage/value_codec.h"

namespace silverback::storage {
namespace {

struct Series {
  std::vector<std::int64_t> times_ns;
  std::vector<double> values;
};
using DataSet = std::vector<Series>;

double rounded(double x, double power) { return std::nearbyint(x * power) / power; }

DataSet make_mix(int hosts, int n) {
  std::mt19937_64 random(7);
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> uniform;
  DataSet out;
  for (int host = 0; host < hosts; ++host) {
    std::vector<std::int64_t> times;
    const auto offset = static_cast<std::int64_t>(random() % 10'000);
    for (int i = 0; i < n; ++i) times.push_back((1'700'000'000'000 + offset + i * 10'000ll) * 1'000'000);
    const auto add = [&](int count, auto make) {
      for (int c = 0; c < count; ++c) {
        auto next = make(c);
        Series series{times, {}};
        for (int i = 0; i < n; ++i) series.values.push_back(next());
        out.push_back(std::move(series));
      }
    };
    const auto walk = [&](double start, double step) {
      return [&, x = start, step]() mutable { return x = std::clamp(x + normal(random) * step, 0.0, 100.0); };
    };
    add(4, [&](int) { return [w = walk(uniform(random) * 100, 1)]() mutable { return rounded(w(), 10); }; });
    add(4,
        [&](int) { return [w = walk(uniform(random) * 100, 0.3)]() mutable { return rounded(w(), 100); }; });
    add(4, [&](int) { return [w = walk(uniform(random) * 100, 1)]() mutable { return std::floor(w()); }; });
    add(4, [&](int) {
      return [&, x = std::floor(1e9 * uniform(random)), rate = 1e4 * (1 + 50 * uniform(random))]() mutable {
        return x += std::max(0.0, std::floor(rate * (1 + 0.2 * normal(random))));
      };
    });
    add(4, [&](int) {
      return [&, x = 0.0, p = 0.01 + 0.2 * uniform(random)]() mutable {
        return x += uniform(random) < p ? 1 + std::floor(3 * uniform(random)) : 0;
      };
    });
    static constexpr double kBounds[] = {.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 1e9};
    const auto seed = random();
    add(14, [&](int c) {  // the same observations for every bucket, then their sum and count
      return [c, x = 0.0, r = std::mt19937_64(seed), gauss = std::normal_distribution<double>()]() mutable {
        for (int left = static_cast<int>(5 + 3 * std::fabs(gauss(r))); left > 0; --left) {
          const double seconds = std::exp(-3 + gauss(r));
          x += c == 12 ? seconds : c == 13 || seconds <= kBounds[c] ? 1 : 0;
        }
        return x;
      };
    });
    add(4, [&](int c) {
      return [x = c == 0 ? 1 : std::floor(uniform(random) * 1e6) / (c == 3 ? 1000 : 1)] { return x; };
    });
    add(2, [&](int) {
      return [&, x = 1e10 * uniform(random)]() mutable {
        x = std::fabs(x + 4e6 * normal(random));
        return std::floor(x / 4096) * 4096;
      };
    });
    add(2, [&](int) { return [&, x = uniform(random)]() mutable { return x += 0.01 * normal(random); }; });
  }
  return out;
}

DataSet read_lines(const std::string& path) {
  const bool nanoseconds = path.ends_with(".lp");
  std::map<std::string, Series> series;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    const auto time_at = line.rfind(' ');
    const auto value_at = line.rfind(' ', time_at - 1);
    if (time_at == std::string::npos || value_at == std::string::npos) continue;
    std::string value = line.substr(value_at + 1, time_at - value_at - 1);
    if (const auto equals = value.find('='); equals != std::string::npos) value.erase(0, equals + 1);
    Series& to = series[line.substr(0, value_at)];
    to.times_ns.push_back(std::atoll(line.c_str() + time_at) * (nanoseconds ? 1 : 1'000'000));
    to.values.push_back(std::strtod(value.c_str(), nullptr));
  }
  DataSet out;
  for (auto& [name, one] : series) out.push_back(std::move(one));
  return out;
}

/// A chunk of the data, and its series' number.
struct Piece {
  std::size_t series;
  std::span<const std::int64_t> times_ns;
  std::span<const double> values;
  std::span<const std::uint64_t> bits;
};

struct Pieces {
  std::vector<Piece> all;
  std::size_t samples = 0;
  std::size_t series = 0;
};

Pieces cut(const DataSet& data, std::size_t size) {
  Pieces out;
  out.series = data.size();
  for (std::size_t s = 0; s < data.size(); ++s) {
    const auto& [times, values] = data[s];
    for (std::size_t i = 0; i < values.size(); i += size) {
      const std::size_t n = std::min(size, values.size() - i);
      const auto* bits = reinterpret_cast<const std::uint64_t*>(values.data()) + i;
      out.all.push_back({s, std::span(times).subspan(i, n), std::span(values).subspan(i, n), {bits, n}});
      out.samples += n;
    }
  }
  return out;
}

void report(benchmark::State& state, const Pieces& pieces, std::size_t bytes) {
  const auto samples = static_cast<double>(pieces.samples);
  state.counters["bytes_per_sample"] = static_cast<double>(bytes) / samples;
  state.counters["ns_per_sample"] = benchmark::Counter(
      samples * 1e-9, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

template <typename Encode>
std::size_t encode_all(const Pieces& pieces, std::vector<std::string>& out, Encode encode) {
  std::vector<ScaleHint> hints(pieces.series);
  out.resize(pieces.all.size());
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < pieces.all.size(); ++i) {
    out[i].clear();
    encode(pieces.all[i], hints[pieces.all[i].series], out[i]);
    bytes += out[i].size();
  }
  return bytes;
}

template <typename Encode, typename Decode>
void add_codec(const std::string& name, std::shared_ptr<const Pieces> pieces, Encode encode, Decode decode) {
  benchmark::RegisterBenchmark((name + "/encode").c_str(), [=](benchmark::State& state) {
    std::vector<std::string> out;
    std::size_t bytes = 0;
    for (auto _ : state) bytes = encode_all(*pieces, out, encode);
    report(state, *pieces, bytes);
  })->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark((name + "/decode").c_str(), [=](benchmark::State& state) {
    std::vector<std::string> encoded;
    const std::size_t bytes = encode_all(*pieces, encoded, encode);
    for (auto _ : state) {
      for (std::size_t i = 0; i < encoded.size(); ++i) {
        if (!decode(encoded[i], pieces->all[i].values.size())) state.SkipWithError("damaged");
      }
    }
    report(state, *pieces, bytes);
  })->Unit(benchmark::kMillisecond);
}

thread_local std::vector<double> floats(kMaxChunkSamples);
thread_local std::vector<std::int64_t> integers(kMaxChunkSamples);
thread_local std::vector<std::uint64_t> patterns(kMaxChunkSamples);

void add_data(const std::string& name, const DataSet& data, std::size_t size) {
  const auto pieces = std::make_shared<const Pieces>(cut(data, size));
  const std::string suffix = "/" + name + "/" + std::to_string(size);
  for (const Simd simd : {Simd::Baseline, best_simd()}) {
    add_codec((simd == Simd::Baseline ? "floats_baseline" : "floats") + suffix, pieces,
              [=](const Piece& piece, ScaleHint& hint, std::string& out) {
                encode_floats_with(simd, piece.values, hint, out);
              },
              [=](const std::string& bytes, std::size_t n) {
                ByteReader in(bytes);
                return decode_floats_with(simd, in, n, floats.data()).ok();
              });
  }
  add_codec(
      "floats_first_chunk" + suffix, pieces,
      [](const Piece& piece, ScaleHint&, std::string& out) {
        ScaleHint none = 0;
        encode_floats(piece.values, none, out);
      },
      [](const std::string& bytes, std::size_t n) {
        ByteReader in(bytes);
        return decode_floats(in, n, floats.data()).ok();
      });
  add_codec(
      "times" + suffix, pieces,
      [](const Piece& piece, ScaleHint&, std::string& out) { encode_times(piece.times_ns, out); },
      [](const std::string& bytes, std::size_t n) {
        ByteReader in(bytes);
        return decode_times(in, n, TimeUnit::Milliseconds, integers.data()).ok();
      });
  add_codec(
      "chunk_by_reference" + suffix, pieces,
      [](const Piece& piece, ScaleHint& hint, std::string& out) {
        encode_chunk({.type = ValueType::Float64,
                      .times_ns = piece.times_ns,
                      .bits = piece.bits,
                      .strings = {},
                      .times_ref = 1000},
                     hint, out);
      },
      [](const std::string& bytes, std::size_t) {
        const auto chunk = ChunkView::parse(bytes);
        return chunk && chunk->decode_floats(floats.data()).ok();
      });
  add_codec(
      "gorilla_by_16" + suffix, pieces,
      [](const Piece& piece, ScaleHint&, std::string& out) {
        GorillaState state;
        for (std::size_t i = 0; i < piece.bits.size(); i += 16) {
          const std::size_t n = std::min<std::size_t>(16, piece.bits.size() - i);
          gorilla_append(state, out, piece.times_ns.subspan(i, n), piece.bits.subspan(i, n));
        }
      },
      [](const std::string& bytes, std::size_t n) {
        return gorilla_decode(bytes, false, n, integers.data(), patterns.data()).ok();
      });
}

const bool kRegistered = [] {
  static std::vector<std::pair<std::string, DataSet>> sets;  // the pieces look into it
  sets.emplace_back("mix", make_mix(12, 8192));
  if (const char* files = std::getenv("SILVERBACK_BENCH_DATA"); files != nullptr) {
    std::istringstream paths(files);
    for (std::string path; std::getline(paths, path, ':');) {
      sets.emplace_back(path.substr(path.rfind('/') + 1), read_lines(path));
    }
  }
  for (const std::size_t size : {120u, 480u}) {
    for (const auto& [name, data] : sets) add_data(name, data, size);
  }
  return true;
}();

}  // namespace
}  // namespace silverback::storage
