#include "storage/tsdb_cursor.h"

#include <algorithm>

#include "storage/head_reader.h"

namespace silverback::storage {
namespace {

/// A block holds so many series, fewer when there are many windows to read for each.
constexpr std::size_t kMostSeries = 512;
constexpr std::size_t kLeastSeries = 8;
constexpr std::size_t kRecordsPerBlock = 16'384;

}  // namespace

TsdbCursor::TsdbCursor(Engine& engine, SeriesGroups groups, TimeRange range, const Select& select)
    : engine_(engine),
      groups_(std::move(groups)),
      range_(range),
      select_(select),
      times_(engine.store(), select.unit),
      builder_(times_, range, select.unit, select.as_floats) {}

bool TsdbCursor::next() {
  labels_current_ = false;
  if (at_ == groups_.size()) return false;
  ++at_;
  return true;
}

const Labels& TsdbCursor::labels() {
  if (!labels_current_) {
    labels_ = engine_.index().labels(groups_.group(at_ - 1).front());
    if (!select_.show_hidden) labels_ = visible(labels_);
    labels_current_ = true;
  }
  return labels_;
}

Status TsdbCursor::load_block() {
  block_begin_ = at_ - 1;
  const auto before = engine_.store().table();
  const auto [first, last] = before->overlapping(range_);
  const std::size_t series =
      std::clamp(kRecordsPerBlock / std::max<std::size_t>(last - first, 1), kLeastSeries, kMostSeries);
  block_end_ = std::min(block_begin_ + series, groups_.size());
  refs_.clear();
  for (std::size_t i = block_begin_; i < block_end_; ++i) {
    const auto group = groups_.group(i);
    refs_.insert(refs_.end(), group.begin(), group.end());
  }
  std::sort(refs_.begin(), refs_.end());
  snapshots_.resize(std::max(snapshots_.size(), refs_.size()));
  for (SeriesSnapshot& snapshot : snapshots_) snapshot.clear();
  engine_.head().visit(refs_,
                       [&](std::size_t i, HeadShard& shard, HeadSeries& series_of)
                           NO_THREAD_SAFETY_ANALYSIS { shard.snapshot(series_of, range_, snapshots_[i]); });
  return read_windows(refs_);
}

Status TsdbCursor::read_windows(std::span<const SeriesRef> refs) {
  stored_.resize(std::max(stored_.size(), refs.size()));
  for (auto& records : stored_) records.clear();
  block_bytes_.clear();
  const auto table = engine_.store().table();  // after the head, see tsdb_querier.h
  const auto [first, last] = table->overlapping(range_);
  Status status = times_.reader().read(*table, first, last, refs, [&](const StoredChunk& chunk) -> Status {
    stored_[chunk.series].push_back(
        {chunk.window, chunk.generation, block_bytes_.size(), chunk.bytes.size()});
    block_bytes_.append(chunk.bytes);
    return {};
  });
  if (!status.ok()) return status;
  for (auto& records : stored_) {
    const auto older = [](const Stored& a, const Stored& b) { return a.generation < b.generation; };
    if (!std::is_sorted(records.begin(), records.end(), older))
      std::stable_sort(records.begin(), records.end(), older);
  }
  return {};
}

Status TsdbCursor::add_series(std::size_t at) {
  for (const Stored& record : stored_[at]) {
    const std::string_view bytes(block_bytes_.data() + record.begin, record.size);
    if (Status bad = builder_.add_stored(record.window, record.generation, bytes); !bad.ok()) return bad;
  }
  const SeriesSnapshot& snapshot = snapshots_[at];
  for (const HeadChunkPtr& chunk : snapshot.chunks) builder_.add_head(chunk);
  if (snapshot.stream_count > 0 || !snapshot.tail.empty()) {
    if (Status bad = read_open(snapshot, open_.emplace_back()); !bad.ok()) return bad;
    builder_.add_open(snapshot.type, &open_.back());
  }
  builder_.add_late(snapshot.type, snapshot.late, snapshot.strings);
  return {};
}

Status TsdbCursor::read(Columns& out) {
  const std::size_t group = at_ - 1;
  if (group < block_begin_ || group >= block_end_) {
    if (Status bad = load_block(); !bad.ok()) return bad;
  }
  builder_.clear();
  open_.clear();
  const auto refs = groups_.group(group);
  open_.reserve(refs.size());  // the builder keeps pointers to its elements
  for (const SeriesRef ref : refs) {
    const auto at =
        static_cast<std::size_t>(std::lower_bound(refs_.begin(), refs_.end(), ref) - refs_.begin());
    if (Status bad = add_series(at); !bad.ok()) return std::move(bad).in(labels().to_string());
  }
  Status built = builder_.build(out);
  return built.ok() ? built : std::move(built).in(labels().to_string());
}

}  // namespace silverback::storage
