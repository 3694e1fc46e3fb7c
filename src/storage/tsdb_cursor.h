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
  /// A Values record of one series, in block_bytes_.
  struct Stored {
    std::int32_t window;
    std::uint32_t generation;
    std::size_t begin;
    std::size_t size;
  };
  Status load_block();
  Status read_windows(std::span<const SeriesRef> refs);
  Status add_series(std::size_t at);

  Engine& engine_;
  const SeriesGroups groups_;
  const TimeRange range_;
  const Select select_;
  TimesCache times_;
  ColumnBuilder builder_;

  std::size_t at_ = 0;  // of the current group, plus 1
  bool labels_current_ = false;
  Labels labels_;

  // The block that read() needed last.
  std::size_t block_begin_ = 0;  // groups
  std::size_t block_end_ = 0;
  std::vector<SeriesRef> refs_;              // ascending
  std::vector<SeriesSnapshot> snapshots_;    // by position in refs_
  std::vector<std::vector<Stored>> stored_;  // likewise
  std::string block_bytes_;
  std::vector<SampleColumn> open_;  // of the series being built
};

}  // namespace silverback::storage
