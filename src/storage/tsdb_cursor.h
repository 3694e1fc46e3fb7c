// TsdbCursor: the series of one selection, read block by block. See tsdb_querier.h.
//
// Threads: belongs to one.
#pragma once

#include <string>
#include <vector>

#include "model/querier.h"
#include "storage/column_builder.h"
#include "storage/engine.h"
#include "storage/series_groups.h"

namespace silverback::storage {

class TsdbCursor final : public SeriesCursor {
 public:
  TsdbCursor(Engine& engine, SeriesGroups groups, TimeRange range, const Select& select);

  std::size_t size() const override { return groups_.size(); }
  bool next() override;
  const Labels& labels() override;
  Status read(Columns& out) override;

 private:
  /// A Values record, in block_bytes_.
  struct Stored {
    std::size_t series;  // index into refs_
    std::int32_t window;
    std::uint32_t generation;
    std::size_t begin;
    std::size_t size;
  };
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  Status load_block();
  Status read_head();
  Status read_windows();
  void sort_records();
  Status keep(const StoredChunk& chunk);
  Status add_series(std::size_t at);
  /// Asks for the cursor's own memory and `more` bytes.
  Status hold(std::uint64_t more);

  Engine& engine_;
  const SeriesGroups groups_;
  const TimeRange range_;
  const Select select_;
  TimesCache times_;
  ColumnBuilder builder_;
  std::uint64_t held_ = 0;  // the most that was asked for

  std::size_t at_ = 0;  // of the current group, plus 1
  bool labels_current_ = false;
  Labels labels_;

  // The block that read() needed last.
  std::size_t block_begin_ = 0;  // groups
  std::size_t block_end_ = 0;
  std::vector<SeriesRef> refs_;             // ascending
  std::vector<std::uint32_t> snapshot_of_;  // by position in refs_: index into snapshots_, or kNone
  std::vector<SeriesSnapshot> snapshots_;   // the first snapshot_count_ are in use
  std::size_t snapshot_count_ = 0;
  std::uint64_t snapshot_bytes_ = 0;
  std::vector<Stored> stored_;               // by series, and for each by generation and window
  std::vector<std::uint32_t> stored_begin_;  // by position in refs_: of its records; one more at the end
  std::vector<Stored> found_;                // as they were read
  std::vector<std::uint32_t> next_;          // scratch of sort_records()
  std::string block_bytes_;
  std::vector<SampleColumn> open_;  // of the group being built, the first open_count_
  std::size_t open_count_ = 0;
};

}  // namespace silverback::storage
