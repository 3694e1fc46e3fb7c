// The ingest room's door: bytes of a write request to samples in an Appender.
//
//   std::string buffer;                                     // one per worker, reused
//   const auto body = decode_body(*parse_content_encoding("snappy"), bytes, limits.max_decompressed_bytes,
//   buffer); if (!body) return body.status();                        // nothing was stored const auto report
//   = remote_writer.write(tenant, *body, RemoteWriteVersion::V1); if (!report) return report.status(); //
//   nothing was stored if (report->complete()) answer 2xx; else answer 400 with report->message;
//
// A failed Result means that nothing was stored, or (Unavailable, ResourceExhausted) that nothing is
// promised: the client sends again, which is harmless. A report means that everything good in the body
// was stored; what was left out is counted, and the first problems are spelled out.
//
//   code of the failed Result     what it means                                             HTTP
//   InvalidArgument               not this protocol, damaged; sending again will not help   400
//   OutOfBounds                   decompressed body over its limit                          413
//   NotFound                      line protocol: no such database and auto-create is off    404
//   ResourceExhausted             the store is over a budget                                429
//   Unavailable                   the store cannot take it now                              503
//
// How each protocol maps to series is in docs/ingest.md.
//
// Threads: a writer belongs to one thread at a time (one per worker); it keeps its buffers, so a steady
// load allocates nothing. What it was given in WriteTargets must outlive it. Functions: any.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "model/appender.h"

namespace silverback::ingest {

struct WriteLimits {
  std::size_t max_decompressed_bytes = std::size_t{64} << 20;  // for decode_body(); 413 beyond
  std::uint32_t max_labels = 256;                              // of one series; the series is refused beyond
  std::uint32_t max_label_name_bytes = 1024;
  std::uint32_t max_label_value_bytes = 65'535;
  std::uint32_t max_line_key_bytes = 65'535;  // measurement and tags of a line, as InfluxDB
  std::uint32_t max_string_bytes = 1U << 20;  // a string field's value, as InfluxDB
  std::int64_t max_future_ns = 0;             // refuse samples further ahead than this; 0 takes all
  std::uint32_t max_problems = 100;           // spelled out in a report; the others are counted
};

// ---- Content-Encoding ---------------------------------------------------------------------------

enum class ContentEncoding : std::uint8_t { Identity, Gzip, Zstd, Snappy };  // snappy: the block format

/// "", "identity", "gzip", "x-gzip", "zstd", "snappy", in any case.
/// @returns InvalidArgument naming the text and what is understood (HTTP 415)
Result<ContentEncoding> parse_content_encoding(std::string_view text);

/// The decoded body: `bytes` themselves for Identity, else a view of `buffer`, which is overwritten.
/// A declared size is checked before memory is taken, an undeclared one while decoding: memory never
/// passes `max_bytes`, or 256 times the size of the body, by more than a block.
///
/// @returns InvalidArgument when the bytes are damaged, cut short or not of this encoding;
///          OutOfBounds when they decode to more than `max_bytes`
Result<std::string_view> decode_body(ContentEncoding encoding, std::string_view bytes, std::size_t max_bytes,
                                     std::string& buffer);

// ---- what came of a request ---------------------------------------------------------------------

/// Why a sample was left out.
enum class RefusedBecause : std::uint8_t {
  Malformed,     // a line that does not parse; labels missing, repeated, not UTF-8
  TooLong,       // over a limit of WriteLimits
  TimeRange,     // not an int64 of nanoseconds, older than retention, or too far ahead
  TypeConflict,  // field of another type in the catalogue
  SeriesLimit,   // the tenant is at its limit of series
  Unsupported,   // native histograms
};
inline constexpr std::size_t kRefusedReasons = 6;
std::string_view to_string(RefusedBecause reason);  // "malformed", "too_long", ...: a metric's label value

struct WriteProblem {
  std::uint32_t line = 0;  // from 1; 0: not a protocol of lines. In the part, when there are parts
  std::uint32_t part = 0;  // from 0
  RefusedBecause reason = RefusedBecause::Malformed;
  std::string text;  // for line protocol InfluxDB's words, "unable to parse 'cpu v': missing field value"
};

struct WriteReport {
  std::uint64_t stored = 0;                     // float samples (fields, lines of text) accepted
  std::uint64_t histograms = 0;                 // native ones stored: always 0, they are refused
  std::uint64_t exemplars = 0;                  // stored: always 0, they are left out and counted
  std::uint64_t metadata = 0;                   // entries handed to the MetadataStore
  std::uint64_t exemplars_ignored = 0;          // seen and not stored; no reason to answer other than 2xx
  std::uint64_t start_timestamps_ignored = 0;   // likewise (remote write 2.0)
  std::uint64_t refused[kRefusedReasons] = {};  // samples by reason; a line that does not parse counts as one
  std::vector<WriteProblem> problems;  // the first WriteLimits::max_problems; or the first of each part
  std::uint64_t problem_count = 0;     // all of them
  /// The protocol's text for an answer that is not 2xx; empty when complete. Line protocol: InfluxDB's
  /// `error` ("partial write: ... dropped=N" or "unable to parse ..."), JSON-escaping left to the caller.
  std::string message;

  bool complete() const { return problem_count == 0; }
  bool nothing_stored() const { return stored == 0 && histograms == 0; }
  std::uint64_t refused_samples() const;
  std::uint64_t refused_because(RefusedBecause reason) const {
    return refused[static_cast<std::size_t>(reason)];
  }
};

// ---- the writers --------------------------------------------------------------------------------
//
// Each write() may be given `extras`: how far a source has been taken in with this body, kept in the same
// record of the log as its samples, but only when nothing of the body is refused, be it here or by the store.
// A body without samples has it kept too. When nothing can be stored and it is not kept, the store is not
// called.

/// A body that was sent by itself, such as a message of a topic.
struct Part {
  std::size_t end = 0;  // in the bytes; it begins where the one before ends. The last ends with them
  std::int64_t default_time_ns = 0;  // of its samples without a time; 0: as the options say
};

/// What is written: one body, or several put one behind the other, for which the store is called once. Each
/// of these is read as if it were alone: nothing of it reaches into the next. One that would make write()
/// fail, as it is not of the protocol, is one problem and leaves the others be. When anything of any part is
/// refused, what is good is stored without the progress in `extras`, as for a body alone: what becomes of the
/// rest comes first. The report's problems are the first of each part that has any, by part.
struct Body {
  template <std::convertible_to<std::string_view> Text>
  Body(const Text& text) : bytes(text) {}  // NOLINT: bytes are a body
  Body(std::string_view all, std::span<const Part> cuts) : bytes(all), parts(cuts) {}

  std::string_view bytes;
  std::span<const Part> parts = {};  // none: it is one body
};

struct WriteTargets {
  Appender& appender;
  MetadataStore& metadata;
  Catalog& catalog;
  const Clock& clock;
};

/// Labels set on every series of a body, over what the body says ("extra_label=job=x"); an empty value takes
/// the label away. They must last until write() returns.
using ExtraLabels = std::span<const std::pair<std::string, std::string>>;

enum class RemoteWriteVersion : std::uint8_t { V1, V2 };

/// By the `proto` parameter of the content type: prometheus.WriteRequest (or none) is 1.0,
/// io.prometheus.write.v2.Request is 2.0. An empty content type counts as application/x-protobuf.
/// @returns InvalidArgument for anything else (HTTP 415)
Result<RemoteWriteVersion> remote_write_version(std::string_view content_type);

/// Prometheus remote write 1.0 and 2.0: `body` is the protobuf message, decompressed.
/// For 2.0's X-Prometheus-Remote-Write-{Samples,Histograms,Exemplars}-Written headers: the report's
/// stored, histograms and exemplars.
class RemoteWriter {
 public:
  RemoteWriter(const WriteTargets& targets, const WriteLimits& limits);
  ~RemoteWriter();
  Result<WriteReport> write(Tenant tenant, const Body& body, RemoteWriteVersion version,
                            ExtraLabels extra_labels = {}, const AppendExtras* extras = nullptr);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

enum class Precision : std::uint8_t { Nanoseconds, Microseconds, Milliseconds, Seconds, Minutes, Hours };

enum class InfluxApi : std::uint8_t { V1, V2 };

/// V1 (/write): "", n, ns, u, µ, ms, s, m, h. V2 (/api/v2/write): "", ns, us, ms, s. Empty is nanoseconds.
/// @returns InvalidArgument in InfluxDB's words
Result<Precision> parse_precision(std::string_view text, InfluxApi api);

struct LineOptions {
  std::string_view database = {};
  std::string_view retention_policy =
      {};  // empty or "autogen" is the default one; that it exists is the caller's
  Precision precision = Precision::Nanoseconds;
  bool create_database = true;  // else NotFound: database not found: "x"
  /// Of points without a time, cut to the precision; 0 is the clock's. A message that is read again gives the
  /// same points with its own time.
  std::int64_t default_time_ns = 0;
  ExtraLabels extra_labels = {};  // tags; called `db` or `time` they are treated as tags of the line are
};

/// InfluxDB line protocol, as InfluxDB 1.8 and 2.x read it.
class LineWriter {
 public:
  LineWriter(const WriteTargets& targets, const WriteLimits& limits);
  ~LineWriter();
  Result<WriteReport> write(Tenant tenant, const Body& body, const LineOptions& options,
                            const AppendExtras* extras = nullptr);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

enum class TextFormat : std::uint8_t { Prometheus, OpenMetrics };

/// OpenMetrics for application/openmetrics-text, else the Prometheus format 0.0.4.
TextFormat text_format(std::string_view content_type);

struct TextOptions {
  TextFormat format = TextFormat::Prometheus;
  ExtraLabels extra_labels = {};
  std::int64_t default_time_ns = 0;  // of samples without a time; 0 is the clock's
};

/// Prometheus text exposition format and OpenMetrics text.
class TextWriter {
 public:
  TextWriter(const WriteTargets& targets, const WriteLimits& limits);
  ~TextWriter();
  Result<WriteReport> write(Tenant tenant, const Body& body, const TextOptions& options,
                            const AppendExtras* extras = nullptr);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Names of a sample's members; empty: those named here. One that is set stands for its usual names.
struct JsonFields {
  std::string_view name = {};       // name, metric
  std::string_view labels = {};     // labels, tags; and a name that is an object holds labels
  std::string_view value = {};      // value, values
  std::string_view timestamp = {};  // timestamp, time, timestamps
};

/// Auto goes by the size of the number, sign aside: below 1e10 seconds, below 1e13 milliseconds, below 1e16
/// microseconds, else nanoseconds. Each of them reaches beyond 2262 and back to 26 April 1970.
enum class JsonTimeUnit : std::uint8_t { Auto, Seconds, Milliseconds, Microseconds, Nanoseconds };

/// auto, s, ms, us, ns. @returns InvalidArgument naming the text and what is understood
Result<JsonTimeUnit> parse_json_time_unit(std::string_view text);

struct JsonOptions {
  JsonFields fields = {};
  JsonTimeUnit time_unit = JsonTimeUnit::Auto;
  ExtraLabels extra_labels = {};
  std::int64_t default_time_ns = 0;  // of samples without a time; 0 is the clock's
};

/// Samples as JSON: one object, a list of them, or an object a line.
///   {"name": "cpu_usage", "labels": {"host": "a"}, "value": 0.64, "timestamp": 1700000000000}
///   {"metric": {"__name__": "up", "job": "x"}, "values": [1, 2], "timestamps": [1000, 2000]}
/// A list that is not JSON to its end is InvalidArgument, and nothing of it is stored; lines stand alone.
/// WriteProblem.line is the sample's number in a list, else the line that its object begins in.
class JsonWriter {
 public:
  JsonWriter(const WriteTargets& targets, const WriteLimits& limits);
  ~JsonWriter();
  Result<WriteReport> write(Tenant tenant, const Body& body, const JsonOptions& options,
                            const AppendExtras* extras = nullptr);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace silverback::ingest
