// The two decoders of remote write: a protobuf message to a Batch, in place.
//
// A series is recognised by a hash of its labels as they stand in the message; they are decoded only when
// the store asks. 1.0: XXH3 over the bytes of the label fields. 2.0: a sum over the labels of a product of
// the hashes of name and value, each symbol being hashed once per request; so the key does not depend on
// where a symbol stands in the table, nor on the order of the labels.
//
// Of a body in parts each is a message of its own, with its own symbols.
//
// Both sizes and counts come from outside: nothing is allocated by them, except in proportion to bytes that
// have arrived.
//
// Sources: prometheus/prompb types and remote.proto (1.0), io/prometheus/write/v2 (2.0), as specified at
// https://prometheus.io/docs/specs/prw/
//
// Threads: one. Views point into the body given to parse() and last as long as it does.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/hash.h"
#include "ingest/label_set.h"
#include "ingest/metadata_filter.h"
#include "ingest/parts.h"
#include "ingest/raw_hash.h"
#include "ingest/seen_keys.h"
#include "ingest/tally.h"
#include "ingest/write.h"
#include "model/appender.h"

namespace silverback::ingest {

/// "counter", "gauge", ...; "unknown" for 0 and for what a later version may add.
std::string_view metric_type_name(std::uint64_t number);

/// What both versions share: samples, and where the series stand in the body.
class RemoteWriteDecoder : public Resolver {
 public:
  explicit RemoteWriteDecoder(const WriteLimits& limits)
      : labels_(limits), limits_(limits), hash_(process_hash_seed()) {}

  /// Clears and fills `batch`; counts into `tally`; `metadata` gets what is new.
  /// @returns InvalidArgument with the byte offset when the bytes are damaged; nothing may be stored then
  Status parse(const Body& body, ExtraLabels extra_labels, std::int64_t now_ns, Batch& batch, Tally& tally,
               std::vector<Metadata>& metadata);

  /// "series 17 of the request", for texts about a run: of its part, when there are parts.
  std::string describe(std::size_t run) const;
  std::uint32_t part_of(std::size_t run) const { return parts_.part_of(run); }
  /// Forgets which metadata was stored (because storing failed).
  void forget_metadata() { filter_.clear(); }

 protected:
  struct Counts {
    std::uint32_t histograms = 0;
    std::uint32_t exemplars = 0;
    std::uint32_t start_timestamps = 0;
    bool any() const { return (histograms | exemplars | start_timestamps) != 0; }
  };

  virtual Status parse_message(std::string_view body) = 0;
  /// Sets body_ for a run that the store asks about. @returns true when it was another part's
  bool go_to(std::size_t run) {
    if (!parts_.go_to(run)) return false;
    body_ = parts_.bytes();
    return true;
  }

  /// At `p`, where the bytes of `what` are cut short or wrong.
  Status damaged(const char* p, std::string_view what) const;
  /// One Sample message into the batch. False when it is damaged.
  bool add_sample(const char*& p, const char* end, Counts& counts);
  /// A time that does not fit is refused here.
  void add_sample(std::int64_t time_ms, std::uint64_t bits) {
    std::int64_t time_ns = 0;
    if (__builtin_mul_overflow(time_ms, kNsPerMs, &time_ns) || time_ns > latest_ns_) [[unlikely]] {
      refuse_time(time_ms);
    } else {
      batch_->add_sample(time_ns, bits);
    }
  }
  void refuse_time(std::int64_t time_ms);
  Status parse_part();
  /// `hash` of all of it tells whether it was handed over before.
  void add_metadata(std::uint64_t type, std::string_view metric, std::string_view help, std::string_view unit,
                    std::uint64_t hash);
  void begin_run(const Hash128& key, const char* series, std::size_t size) {
    batch_->add_series(key);
    extents_.push_back({static_cast<std::uint32_t>(series - body_.data()), static_cast<std::uint32_t>(size),
                        series_count_ - 1});
  }
  /// Takes a run without samples away again.
  void end_run() {
    if (batch_->runs.back().count == 0) [[unlikely]] {
      batch_->runs.pop_back();
      extents_.pop_back();
    }
  }
  /// What a series had besides samples.
  void report(const Counts& counts);

  LabelSet labels_;
  const WriteLimits limits_;
  MetadataFilter filter_;
  const RawHash hash_;

  struct Extent {
    std::uint32_t at = 0;  // of a TimeSeries message in its part
    std::uint32_t size = 0;
    std::uint32_t number = 0;  // among the part's series, from 0
  };
  std::vector<Extent> extents_;  // parallel to batch.runs

  // Of the part.
  Parts parts_;
  std::string_view body_;
  std::uint32_t series_count_ = 0;

  // Of the request being parsed.
  std::int64_t latest_ns_ = 0;
  Batch* batch_ = nullptr;
  Tally* tally_ = nullptr;
  std::vector<Metadata>* metadata_ = nullptr;
};

class RemoteWriteV1 final : public RemoteWriteDecoder {
 public:
  using RemoteWriteDecoder::RemoteWriteDecoder;

 private:
  Status parse_message(std::string_view body) override;
  Status parse_series(const char* p, const char* end);
  Status parse_metadata(std::string_view message);
  Hash128 scattered_key(std::string_view series);
  Result<NewSeries> decode(std::size_t run, RefusedBecause& reason) override;

  SeenKeys keys_;
  std::string scratch_;
};

class RemoteWriteV2 final : public RemoteWriteDecoder {
 public:
  using RemoteWriteDecoder::RemoteWriteDecoder;

 private:
  struct Series;
  Status read_symbols(std::string_view body);
  Status parse_message(std::string_view body) override;
  Status parse_series(std::string_view series);
  Status read_refs(std::string_view refs, Series& series) const;
  Status parse_metadata(const Series& series);
  Result<NewSeries> decode(std::size_t run, RefusedBecause& reason) override;

  void take_symbols(std::size_t part);

  std::vector<std::string_view> all_symbols_;  // those of one part behind those of another
  std::vector<std::size_t> first_symbols_;     // of the parts, in all_symbols_
  std::span<const std::string_view> symbols_;  // of the part
  std::vector<Hash128> hashes_;                // of the part's symbols
  std::uint32_t name_symbol_ = 0;              // of "__name__"; symbols_.size() when there is none
};

}  // namespace silverback::ingest
