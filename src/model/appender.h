// Appender: the contract by which samples enter the store.
//
// One request is one Batch and one call. A series seen before is recognised by the 128-bit hash of
// its raw label bytes as they stood in the request, so labels are decoded only for a series that the
// store asks about:
//
//   batch.clear();
//   for (each series in the request) {
//     batch.add_series(raw_series_key(bytes, type));
//     batch.add_sample(time_ns, bits);                   // one or more
//   }
//   const auto outcome = appender.append(kDefaultTenant, batch, resolver);
//   // 2xx only now: what outcome counts as stored survives kill -9
//
// Threads: Appender any; Batch and SeriesResolver belong to the caller's thread.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/status.h"
#include "model/labels.h"
#include "model/sample.h"

namespace silverback {

/// The samples of one series, consecutive in the batch.
struct SeriesRun {
  Hash128 key;              // of the raw label bytes, seeded with process_hash_seed(); differs by value type
  std::uint32_t first = 0;  // index of its first sample
  std::uint32_t count = 0;
};

/// Columns; reused from request to request, so that a steady load allocates nothing.
///
/// bits: Float64 the double's bits, Int64 and Uint64 the number, Bool 0 or 1, String where the value stands
/// in `strings`: offset << 32 | size. So a refused run, whose type nobody may know, moves no other value.
struct Batch {
  std::vector<SeriesRun> runs;
  std::vector<std::int64_t> times_ns;
  std::vector<std::uint64_t> bits;
  std::string strings;

  void clear() {
    runs.clear();
    times_ns.clear();
    bits.clear();
    strings.clear();
  }
  void add_series(const Hash128& key) {
    runs.push_back({key, static_cast<std::uint32_t>(times_ns.size()), 0});
  }
  void add_sample(std::int64_t time_ns, std::uint64_t value_bits) {
    times_ns.push_back(time_ns);
    bits.push_back(value_bits);
    ++runs.back().count;
  }
  void add_sample(std::int64_t time_ns, double value) {
    add_sample(time_ns, std::bit_cast<std::uint64_t>(value));
  }
  void add_string(std::int64_t time_ns, std::string_view value) {
    add_sample(time_ns, std::uint64_t{strings.size()} << 32 | value.size());
    strings.append(value);
  }
  /// Of a string sample. Valid until `strings` changes.
  std::string_view string_at(std::size_t sample) const {
    return std::string_view(strings).substr(bits[sample] >> 32, bits[sample] & 0xffff'ffff);
  }
};

/// What the store needs to know of a series it has not seen.
struct NewSeries {
  Labels labels;  // hidden labels included
  ValueType type = ValueType::Float64;
  // From line protocol only, else empty: the catalogue entry. A conflict of field types is refused
  // with InfluxDB's words.
  std::string database;
  std::string measurement;
  std::string field;
};

class SeriesResolver {
 public:
  virtual ~SeriesResolver() = default;
  /// Decodes the labels of batch.runs[run]. A failure refuses this run and no other.
  virtual Result<NewSeries> resolve(std::size_t run) = 0;
};

/// A run that was not stored, or not wholly.
struct Refusal {
  std::uint32_t run = 0;
  std::uint32_t samples = 0;  // how many of its samples were refused
  Status why;                 // InvalidArgument, OutOfBounds, ResourceExhausted (series limit)
};

struct AppendOutcome {
  std::uint64_t stored = 0;  // samples accepted, an exact repeat included
  std::vector<Refusal> refused;
};

/// How far a source, which can be read again from a position, has been taken in.
struct Progress {
  std::string source;         // "kafka/telemetry/metrics/3"
  std::int64_t position = 0;  // of what comes next
  friend bool operator==(const Progress&, const Progress&) = default;
};

struct AppendExtras {
  /// Kept with the samples or not at all: they are in the same record of the log. Not kept when some of the
  /// batch is refused, so that what becomes of that can be kept first. A batch may hold nothing else.
  std::span<const Progress> progress = {};
  /// Mixed into the keys, for a resolver that gives other labels than the bytes say.
  std::uint64_t key_salt = 0;
};

class ProgressStore {
 public:
  virtual ~ProgressStore() = default;
  /// Of sources whose names begin with `prefix`, by name: what survives kill -9. Threads: any.
  virtual std::vector<Progress> progress(std::string_view prefix) const = 0;
};

class Appender {
 public:
  virtual ~Appender() = default;
  /// Stores every sample it can, then answers. Later samples win over earlier ones at the same time.
  ///
  /// @returns Unavailable or ResourceExhausted when nothing of the batch is promised (disk full, log
  ///          failed, stopping, over the memory budget): the caller answers 503 or 429 and the client
  ///          sends again, which is harmless.
  Result<AppendOutcome> append(Tenant tenant, const Batch& batch, SeriesResolver& resolver) {
    return append_with(tenant, batch, resolver, {});
  }
  virtual Result<AppendOutcome> append_with(Tenant tenant, const Batch& batch, SeriesResolver& resolver,
                                            const AppendExtras& extras) = 0;
};

/// Type, help and unit of a metric.
struct Metadata {
  std::string metric;
  std::string type;  // counter, gauge, histogram, gaugehistogram, summary, info, stateset or unknown
  std::string help;
  std::string unit;
  friend bool operator==(const Metadata&, const Metadata&) = default;
};

class MetadataStore {
 public:
  virtual ~MetadataStore() = default;
  /// Remembers the newest for each metric, durably. Bounded: beyond the bound the oldest go.
  virtual Status put(Tenant tenant, std::vector<Metadata> entries) = 0;
  /// Of one metric, or of all when `metric` is empty; sorted by name; limit 0 is no limit.
  virtual std::vector<Metadata> get(Tenant tenant, std::string_view metric, std::size_t limit) const = 0;
};

/// The databases that line-protocol writes and InfluxQL name.
class Catalog {
 public:
  virtual ~Catalog() = default;
  virtual bool has_database(Tenant tenant, std::string_view name) const = 0;
  virtual Status create_database(Tenant tenant, std::string_view name) = 0;
  virtual std::vector<std::string> databases(Tenant tenant) const = 0;
  /// Type of a field that exists. Line protocol drops the whole point when one of its fields has another
  /// type; the store, which sees fields as series, could refuse only that one. Asked only for fields that a
  /// writer has not seen, so it may take a lock.
  virtual std::optional<ValueType> field_type(Tenant /*tenant*/, std::string_view /*database*/,
                                              std::string_view /*measurement*/,
                                              std::string_view /*field*/) const {
    return std::nullopt;
  }
};

}  // namespace silverback
