// JsonDecoder: samples written as JSON to a Batch.
//
// The key of a series is a sum of two seeded hashes: of the name's bytes between its quotes, and of the
// labels object from brace to brace, both as they stand. What is inside is read when the store asks. Labels
// mostly follow each other as they did the last time: SeenKeys then knows where they end, and their hash. And
// the members of a sample are mostly called as those of the one before.
//
// A list is walked to its end before anything of it may be stored. Else each object stands alone, on a line
// of its own or on several; where one is not JSON, reading goes on behind its line, or, when it has several,
// with the next line that begins with a brace. (So what nests past a line is read at most JsonScan::kMaxDepth
// times.)
//
// Of a body in parts each is read as a body of its own.
//
// Threads: one. Views point into the body given to parse() and last as long as it does.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "ingest/json_scan.h"
#include "ingest/label_set.h"
#include "ingest/parts.h"
#include "ingest/raw_hash.h"
#include "ingest/seen_keys.h"
#include "ingest/tally.h"
#include "ingest/write.h"
#include "model/appender.h"

namespace silverback::ingest {

class JsonDecoder final : public Resolver {
 public:
  explicit JsonDecoder(const WriteLimits& limits);

  /// Clears and fills `batch`; a sample that is wrong is left out and counted.
  /// @returns InvalidArgument when a list is not JSON, the body too large, or two fields have one name
  Status parse(const Body& body, const JsonOptions& options, std::int64_t now_ns, Batch& batch, Tally& tally);

  /// Takes the store's answer into the tally and writes the report's message.
  void finish(const AppendOutcome& outcome, Tally& tally);

 private:
  enum class Field : std::uint8_t { Other, Name, Labels, Value, Time };
  struct FieldName {
    std::string_view text;
    Field field = Field::Other;
  };
  struct Series {             // places in its part
    std::uint32_t place = 0;  // number of the sample in a list from 1, else where its object begins
    std::uint32_t name_at = 0;
    std::uint32_t name_size = 0;  // 0: none
    std::uint32_t labels_at = 0;
    std::uint32_t labels_size = 0;  // 0: none
    bool name_escaped = false;
  };
  /// How a member began in the last sample.
  struct UsualMember {
    std::string text;  // from its quote to its colon; empty: not known
    std::size_t name_size = 0;
    Field field = Field::Other;
  };
  /// One or several values, or times, of the object that is being read.
  template <typename T>
  struct Column {
    std::vector<T> cells;
    bool given = false;
    bool listed = false;
    void clear() {
      cells.clear();
      given = listed = false;
    }
  };

  Status name_fields(const JsonFields& fields);
  Field field_of(const JsonText& name) const;
  bool parse_member(JsonScan& scan, UsualMember& usual, JsonText& name, Field& field);

  void enter(JsonScan& scan);
  void go_to(std::size_t run);
  Status parse_part();
  Status parse_list(JsonScan& scan);
  void parse_lines(JsonScan& scan);
  bool parse_sample(JsonScan& scan);
  bool parse_field(JsonScan& scan, Field field, const JsonText& name);
  bool parse_name(JsonScan& scan, const JsonText& name);
  bool parse_labels(JsonScan& scan, const JsonText& name);
  template <auto Read, typename T>
  bool parse_column(JsonScan& scan, const JsonText& name, Column<T>& column);
  bool parse_value(JsonScan& scan, const JsonText& name);
  bool parse_time(JsonScan& scan, const JsonText& name);
  bool parse_other_type(JsonScan& scan, const JsonText& name, std::string_view wanted);
  void check_columns();
  void keep();

  void problem(const JsonText& name, std::string_view words,
               RefusedBecause reason = RefusedBecause::Malformed);
  void refuse(RefusedBecause reason, std::uint64_t samples, std::uint32_t place, std::string_view words);
  std::string not_json(const char* at, std::string_view words) const;
  std::uint32_t line_number(std::uint32_t at);

  Result<NewSeries> decode(std::size_t run, RefusedBecause& reason) override;
  Status add_labels(std::string_view object, RefusedBecause& reason);

  const WriteLimits limits_;
  const RawHash name_hash_;  // seeded differently
  const RawHash labels_hash_;
  LabelSet labels_;
  SeenKeys keys_;

  // Of the request.
  JsonTimeUnit time_unit_ = JsonTimeUnit::Auto;
  std::int64_t latest_ns_ = 0;
  Batch* batch_ = nullptr;
  Tally* tally_ = nullptr;
  std::vector<FieldName> fields_;
  std::array<UsualMember, 8> usual_members_;
  bool usual_fields_ = false;   // they are those that JsonFields names, also of the next request
  std::vector<Series> series_;  // parallel to batch.runs

  // Of the part.
  Parts parts_;
  std::string_view body_;
  std::int64_t default_time_ns_ = 0;
  bool is_list_ = false;
  // For line numbers: lines before this byte were counted.
  std::uint32_t counted_to_ = 0;
  std::uint32_t counted_lines_ = 1;

  // Of the sample.
  Series sample_;
  bool has_name_ = false;
  bool has_labels_ = false;
  Hash128 key_;
  Column<double> values_;
  Column<std::int64_t> times_;
  bool bad_ = false;
  RefusedBecause bad_because_ = RefusedBecause::Malformed;
  std::string bad_words_;

  std::string storage_;  // names and values without their escapes
};

}  // namespace silverback::ingest
