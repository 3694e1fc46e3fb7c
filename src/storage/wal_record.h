// Payloads of the log's records: to bytes and back.
//
// A samples record holds what one batch stored: for each run the series, its times and its values.
// Times are deltas in a unit chosen per record (ms when that is exact), values lose the zero bytes at
// one end, and one control byte says which of these fields are there at all: a scraped sample, whose
// series follows the one before it at the same time, costs a byte and its value's own bytes.
// The bytes are described in docs/format/wal.md. Decoders take hostile bytes and answer DataLoss.
//
// Threads: values; a SamplesEncoder belongs to one thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "model/appender.h"
#include "model/labels.h"
#include "model/sample.h"

namespace silverback::storage {

/// Keeps its buffer from batch to batch.
class SamplesEncoder {
 public:
  /// @param refs   one per run of the batch; a run with kNoSeries is left out
  /// @param types  one per run, or empty when no run holds strings; only String or not matters here
  /// @returns the payload, valid until the next call; empty when no run is left
  std::string_view encode(std::span<const SeriesRef> refs, const Batch& batch,
                          std::span<const ValueType> types);

 private:
  std::string buffer_;  // its size only grows
};

/// Clears and fills `refs` (one per run) and `batch` (keys are zero; strings are whole again).
/// @returns DataLoss for anything encode() does not write
Status decode_samples(std::string_view payload, std::vector<SeriesRef>& refs, Batch& batch);

/// How far sources have been taken in: stands before the samples of their batch, in the same record. Clears
/// `payload`.
void encode_progress(std::string& payload, std::span<const Progress> progress);
/// Takes it off the front of `payload`; what is left are samples, or nothing.
Result<std::vector<Progress>> take_progress(std::string_view& payload);

/// One new series as the log remembers it.
struct SeriesEntry {
  SeriesRef ref = kNoSeries;
  Tenant tenant = kDefaultTenant;
  ValueType type = ValueType::Float64;
  Labels labels;
  std::string database;  // the catalogue entry; all three empty when there is none
  std::string measurement;
  std::string field;
  friend bool operator==(const SeriesEntry&, const SeriesEntry&) = default;
};

/// A record holds any number of entries: append each to one payload.
void append_series_entry(std::string& payload, SeriesRef ref, Tenant tenant, ValueType type,
                         const Labels& labels, std::string_view database, std::string_view measurement,
                         std::string_view field);
void append_series_entry(std::string& payload, const SeriesEntry& entry);
/// Clears and fills `entries`.
Status decode_series_entries(std::string_view payload, std::vector<SeriesEntry>& entries);

struct MetadataRecord {
  Tenant tenant = kDefaultTenant;
  std::vector<Metadata> entries;
  friend bool operator==(const MetadataRecord&, const MetadataRecord&) = default;
};
void encode_metadata(std::string& payload, Tenant tenant, std::span<const Metadata> entries);
Result<MetadataRecord> decode_metadata(std::string_view payload);

/// "There is this database." Fields are learnt from the series entries.
struct CatalogRecord {
  Tenant tenant = kDefaultTenant;
  std::string database;
  friend bool operator==(const CatalogRecord&, const CatalogRecord&) = default;
};
void encode_catalog(std::string& payload, const CatalogRecord& record);
Result<CatalogRecord> decode_catalog(std::string_view payload);

/// "The checkpoint of this number is whole."
void encode_checkpoint_mark(std::string& payload, std::uint64_t checkpoint);
Result<std::uint64_t> decode_checkpoint_mark(std::string_view payload);

}  // namespace silverback::storage
