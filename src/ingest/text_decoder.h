// TextDecoder: Prometheus text exposition and OpenMetrics text to a Batch.
//
//   name{label="value",...} value [timestamp] [# exemplar]
//   {"any name", "any label"="value"} value
//   # HELP name text        # TYPE name type        # UNIT name unit        # EOF
//
// The key of a series is a hash of its bytes up to the closing brace as they stand; what is inside is read
// when the store asks. A line that is wrong is left out and named.
//
// Sources: https://prometheus.io/docs/instrumenting/exposition_formats/ and
// https://github.com/prometheus/OpenMetrics (1.0). Departures: any order of lines; a missing "# EOF" is not
// an error; histograms and summaries are plain series.
//
// Of a body in parts each is read as a body of its own.
//
// Threads: one. Views point into the body given to parse() and last as long as it does.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "ingest/label_set.h"
#include "ingest/metadata_filter.h"
#include "ingest/parts.h"
#include "ingest/raw_hash.h"
#include "ingest/tally.h"
#include "ingest/write.h"
#include "model/appender.h"

namespace silverback::ingest {

class TextDecoder final : public Resolver {
 public:
  explicit TextDecoder(const WriteLimits& limits)
      : limits_(limits), hash_(process_hash_seed() + 2), labels_(limits) {}

  /// Clears and fills `batch` and `metadata`. @returns InvalidArgument when the body is too large
  Status parse(const Body& body, const TextOptions& options, std::int64_t now_ns, Batch& batch, Tally& tally,
               std::vector<Metadata>& metadata);

  /// Takes the store's answer into the tally and writes the report's message.
  void finish(const AppendOutcome& outcome, Tally& tally);
  void forget_metadata() { filter_.clear(); }

 private:
  struct Series {
    std::uint32_t at = 0;  // in its part
    std::uint32_t size = 0;
    std::uint32_t line = 0;
  };

  void parse_lines();
  Status parse_line(std::string_view line);
  Status parse_sample(std::string_view line);
  Status parse_comment(std::string_view line);
  Status parse_time(std::string_view text, std::int64_t& time_ns) const;
  void end_family();
  Status read_labels(std::string_view text, RefusedBecause& reason);
  Result<NewSeries> decode(std::size_t run, RefusedBecause& reason) override;

  const WriteLimits limits_;
  const RawHash hash_;
  LabelSet labels_;
  MetadataFilter filter_;

  // Of the request.
  TextOptions options_;
  std::int64_t latest_ns_ = 0;
  Batch* batch_ = nullptr;
  Tally* tally_ = nullptr;
  std::vector<Metadata>* metadata_ = nullptr;
  std::vector<Series> series_;  // parallel to batch.runs

  // Of the part.
  Parts parts_;
  std::string_view body_;
  std::int64_t default_time_ns_ = 0;
  std::uint32_t line_ = 0;
  Metadata family_;      // of the comments last seen
  bool ended_ = false;   // "# EOF"
  std::string storage_;  // label values without their escapes
};

}  // namespace silverback::ingest
