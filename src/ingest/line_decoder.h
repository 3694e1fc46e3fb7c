// LineDecoder: a body of line protocol to a Batch, one run for each field.
//
// The key of a run is a sum of three hashes, all seeded with the process's secret: of the line's raw bytes
// before its first unescaped blank (with database and retention policy), of the field's raw key, and of its
// type. The bytes before the blank are looked into only when the store asks for the labels of a new series.
// So a line's errors come from two places: values and times while parsing, measurement and tags when the
// store asks; finish() puts them together in the order of the lines.
//
// Lines of one measurement mostly have the same fields in the same order: a Shape remembers them by position,
// with the hashes of their keys and the types that were found right. Lines mostly follow each other as they
// did the last time: SeenKeys then knows a key's end, its hash and its shape.
//
// Of a body in parts each is read as a body of its own; only what fields are of which type is known from part
// to part, as it would be from body to body.
//
// Threads: one. Views point into the body given to parse() and last as long as it does.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/hash.h"
#include "ingest/label_set.h"
#include "ingest/line_protocol.h"
#include "ingest/parts.h"
#include "ingest/raw_hash.h"
#include "ingest/seen_keys.h"
#include "ingest/tally.h"
#include "ingest/write.h"
#include "model/appender.h"

namespace silverback::ingest {

class LineDecoder final : public Resolver {
 public:
  LineDecoder(const Catalog& catalog, const WriteLimits& limits);

  /// Clears and fills `batch`; a line that is wrong is left out and counted.
  /// @returns InvalidArgument when the body is too large to be addressed
  Status parse(const Body& body, Tenant tenant, const LineOptions& options, std::int64_t now_ns, Batch& batch,
               Tally& tally);

  /// Takes the store's answer into the tally and writes the report's message, in InfluxDB's words.
  void finish(const AppendOutcome& outcome, Tally& tally);

  /// The store took nothing: what was learned about field types may be wrong.
  void forget();

 private:
  static constexpr std::size_t kTypes = 5;
  static constexpr std::uint8_t kUnknownType = 0xff;

  struct KnownField {
    std::string key;  // raw, with the '=' after it
    Hash128 hash;
    std::uint8_t type = kUnknownType;  // the catalogue agrees to this one
  };
  struct Shape {
    std::string measurement;  // raw
    std::uint64_t context = 0;
    std::vector<KnownField> fields;
    std::uint64_t last_used = 0;
  };
  struct Claim {  // a field that the catalogue does not know, of a line
    std::string field;
    std::size_t run = 0;
  };
  struct Line {
    std::uint32_t at = 0;  // its key in its part
    std::uint32_t key_size = 0;
    std::uint32_t first_run = 0;
  };

  void enter(std::string_view part);
  void go_to(std::size_t run);
  void parse_lines();
  bool parse_line(const char*& p);
  bool parse_fields(const char*& p, Shape& shape);
  bool parse_field(const char*& p, Shape& shape, KnownField& field);
  bool parse_new_field(const char*& p, Shape& shape, std::size_t position);
  bool find_field(const char* p, const Shape& shape, std::size_t& position) const;
  bool parse_time(const char*& p, std::int64_t& time_ns);
  bool add_string(const line::Value& value, const Shape& shape, const KnownField& field);
  Shape& shape_of(std::string_view key);
  Shape& shape_of(std::string_view key, SeenKeys::Known* known);
  void remember(Shape& shape, std::size_t position, KnownField&& field);
  bool type_agrees(const Shape& shape, KnownField& field, ValueType type);

  bool fail(std::string words);
  std::string key_too_long(std::size_t size) const;
  void reject_line(std::size_t at);
  void drop_line(RefusedBecause reason, std::string words, std::size_t at);
  void roll_back();
  void take_back_claims();
  void check_claims();
  std::uint32_t line_number(std::size_t at);
  static std::string unable_to_parse(std::string_view whole, std::string_view words);

  Result<NewSeries> decode(std::size_t run, RefusedBecause& reason) override;
  Status split_line(std::size_t index);
  Status rename_tag(LabelView& tag);
  Status add_extra_tags();
  std::size_t line_of(std::size_t run) const;
  std::string_view whole_line(const Line& line) const;
  std::string message(const WriteReport& report, std::uint64_t good_lines) const;

  const Catalog& catalog_;
  const WriteLimits limits_;
  const std::uint64_t seed_;
  const RawHash hash_;
  std::array<Hash128, kTypes> type_hashes_;
  const line::BlankFinder find_key_blank_;
  LabelSet labels_;
  std::vector<Shape> shapes_;
  std::uint32_t shapes_version_ = 1;  // grows when a measurement gets, or loses, its place
  Shape* last_shape_ = nullptr;
  SeenKeys keys_;
  std::uint64_t shape_clock_ = 1;
  std::size_t known_fields_ = 0;  // in all shapes

  // Of the part.
  Parts parts_;
  std::string_view body_;
  const char* end_ = nullptr;
  std::int64_t default_time_ns_ = 0;

  // Of the request.
  Tenant tenant_ = kDefaultTenant;
  std::string database_;
  std::string retention_policy_;
  ExtraLabels extra_tags_;
  std::uint64_t context_ = 0;  // tenant and database
  std::uint64_t line_seed_ = 0;
  std::int64_t latest_ns_ = 0;
  std::int64_t unit_ns_ = 1;
  Batch* batch_ = nullptr;
  Tally* tally_ = nullptr;
  std::vector<Line> lines_;
  std::vector<std::uint32_t> fields_at_;  // parallel to batch.runs: the field's key in its part
  std::unordered_map<std::string, ValueType>
      claims_;  // types that fields of this request would be first with

  // Of the line.
  std::string error_;  // why it does not parse
  RefusedBecause drop_reason_ = RefusedBecause::Malformed;
  std::string drop_words_;     // it parses, and is dropped all the same
  std::string partial_words_;  // a field of it is dropped: one called time
  std::vector<Claim>
      line_claims_;  // taken back when the line is left out, or the store will not get the field
  Hash128 line_hash_;
  std::string_view time_text_;  // of the line before, with the newline after it
  std::int64_t time_ns_ = 0;
  std::size_t line_strings_ = 0;  // size of batch.strings before it

  // Of the store's questions.
  std::size_t split_index_ = 0;  // the line whose tags are below
  std::string_view measurement_;
  std::vector<LabelView> tags_;
  std::string key_storage_;  // measurement and tags without their escapes
  std::string field_storage_;
  std::string metric_;

  // Of the report: how many lines were stored, did not parse, or were dropped with which words.
  struct Dropped {
    std::uint64_t points = 0;
    std::string words;  // of the first
  };
  Dropped dropped_;
  // For line numbers: lines of the part before this byte were counted.
  std::size_t counted_to_ = 0;
  std::uint32_t counted_lines_ = 0;
};

}  // namespace silverback::ingest
