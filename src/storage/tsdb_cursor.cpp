#include "storage/tsdb_cursor.h"

#include <algorithm>

#include "storage/head_reader.h"

namespace silverback::storage {
namespace {

/// A block holds so many series, fewer when there are many windows to read for each.
constexpr std::size_t kMostSeries = 512;
constexpr std::size_t kLeastSeries = 8;
constexpr std::size_t kRecordsPerBlock = 16'384;
constexpr std::size_t kLeastBytes = 16 << 10;

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
    if (!select_.show_hidden && has_hidden(labels_)) labels_ = visible(labels_);
    labels_current_ = true;
  }
  return labels_;
}

Status TsdbCursor::hold(std::uint64_t more) {
  if (!select_.hold) return {};
  const std::uint64_t bytes = groups_.memory_bytes() + block_bytes_.capacity() + snapshot_bytes_ +
                              snapshots_.capacity() * sizeof(SeriesSnapshot) +
                              (stored_.capacity() + found_.capacity()) * sizeof(Stored) +
                              times_.memory_bytes() + more;
  if (bytes <= held_) return {};
  Status refused = select_.hold(bytes);
  if (refused.ok()) held_ = bytes;
  return refused;
}

Status TsdbCursor::load_block() {
  block_begin_ = at_ - 1;
  block_end_ = block_begin_;
  const auto before = engine_.store().table();
  const auto [first, last] = before->overlapping(range_);
  const std::size_t series =
      std::clamp(kRecordsPerBlock / std::max<std::size_t>(last - first, 1), kLeastSeries, kMostSeries);
  const std::size_t end = std::min(block_begin_ + series, groups_.size());
  refs_.clear();
  for (std::size_t i = block_begin_; i < end; ++i) {
    const auto group = groups_.group(i);
    refs_.insert(refs_.end(), group.begin(), group.end());
  }
  std::sort(refs_.begin(), refs_.end());
  if (Status bad = read_head(); !bad.ok()) return bad;
  if (Status bad = read_windows(); !bad.ok()) return bad;
  block_end_ = end;
  return {};
}

Status TsdbCursor::read_head() {
  snapshot_of_.assign(refs_.size(), kNone);
  snapshot_count_ = 0;
  engine_.head().visit(refs_,
                       [&](std::size_t i, HeadShard& shard, HeadSeries& series) NO_THREAD_SAFETY_ANALYSIS {
                         if (!shard.may_have(series, range_)) return;
                         if (snapshot_count_ == snapshots_.size()) snapshots_.emplace_back();
                         shard.snapshot(series, range_, snapshots_[snapshot_count_]);
                         snapshot_of_[i] = static_cast<std::uint32_t>(snapshot_count_++);
                       });
  snapshot_bytes_ = 0;
  for (const SeriesSnapshot& snapshot : snapshots_) snapshot_bytes_ += snapshot.memory_bytes();
  return hold(0);
}

Status TsdbCursor::read_windows() {
  found_.clear();
  block_bytes_.clear();
  const auto table = engine_.store().table();  // after the head, see tsdb_querier.h
  const auto [first, last] = table->overlapping(range_);
  Status status =
      times_.reader().read(*table, first, last, refs_, [&](const StoredChunk& chunk) { return keep(chunk); });
  if (status.ok()) sort_records();
  return status;
}

Status TsdbCursor::keep(const StoredChunk& chunk) {
  if (block_bytes_.capacity() - block_bytes_.size() < chunk.bytes.size()) {
    const std::size_t grown =
        std::max({kLeastBytes, 2 * block_bytes_.capacity(), block_bytes_.size() + chunk.bytes.size()});
    // The old bytes stand beside the new ones while they are copied; records are few beside their bytes.
    if (Status refused = hold(grown); !refused.ok()) return refused;
    block_bytes_.reserve(grown);
  }
  found_.push_back({chunk.series, chunk.window, chunk.generation, block_bytes_.size(), chunk.bytes.size()});
  block_bytes_.append(chunk.bytes);
  return {};
}

void TsdbCursor::sort_records() {
  stored_begin_.assign(refs_.size() + 1, 0);
  for (const Stored& record : found_) ++stored_begin_[record.series + 1];
  for (std::size_t i = 0; i < refs_.size(); ++i) stored_begin_[i + 1] += stored_begin_[i];
  stored_.resize(found_.size());
  next_.assign(stored_begin_.begin(), stored_begin_.end());
  for (const Stored& record : found_) stored_[next_[record.series]++] = record;
  const auto older = [](const Stored& a, const Stored& b) {
    return a.generation != b.generation ? a.generation < b.generation : a.window < b.window;
  };
  for (std::size_t i = 0; i < refs_.size(); ++i) {
    const auto begin = stored_.begin() + stored_begin_[i];
    const auto end = stored_.begin() + stored_begin_[i + 1];
    if (!std::is_sorted(begin, end, older)) std::sort(begin, end, older);
  }
}

Status TsdbCursor::add_series(std::size_t at) {
  for (std::uint32_t i = stored_begin_[at]; i < stored_begin_[at + 1]; ++i) {
    const Stored& record = stored_[i];
    const std::string_view bytes(block_bytes_.data() + record.begin, record.size);
    if (Status bad = builder_.add_stored(record.window, record.generation, bytes); !bad.ok()) return bad;
  }
  if (snapshot_of_[at] == kNone) return {};
  const SeriesSnapshot& snapshot = snapshots_[snapshot_of_[at]];
  for (const HeadChunkPtr& chunk : snapshot.chunks) builder_.add_head(chunk);
  if (snapshot.stream_count > 0 || !snapshot.tail.empty()) {
    SampleColumn& open = open_[open_count_++];
    if (Status bad = read_open(snapshot, open); !bad.ok()) return bad;
    builder_.add_open(snapshot.type, &open);
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
  const auto refs = groups_.group(group);
  open_count_ = 0;
  if (open_.size() < refs.size()) open_.resize(refs.size());  // the builder keeps pointers to its elements
  for (const SeriesRef ref : refs) {
    const auto at =
        static_cast<std::size_t>(std::lower_bound(refs_.begin(), refs_.end(), ref) - refs_.begin());
    if (Status bad = add_series(at); !bad.ok()) return std::move(bad).in(labels().to_string());
  }
  if (Status refused = hold(builder_.bytes_to_build()); !refused.ok()) return refused;
  Status built = builder_.build(out);
  return built.ok() ? built : std::move(built).in(labels().to_string());
}

}  // namespace silverback::storage
