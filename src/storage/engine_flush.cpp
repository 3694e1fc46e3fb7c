#include <algorithm>
#include <chrono>
#include <limits>

#include "base/log.h"
#include "storage/checkpoint.h"
#include "storage/engine.h"
#include "storage/engine_figures.h"
#include "storage/window.h"
#include "storage/window_packer.h"

namespace silverback::storage {
namespace {

constexpr std::size_t kSliceSeries =
    256;  // of one shard: one taking of its lock, some 0.5 ms when all must be sealed
constexpr std::int64_t kComplainEveryNs = 30 * kNsPerSecond;
constexpr std::int64_t kTightEveryNs = 30 * kNsPerSecond;

class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

template <typename Use>
void for_slices(std::uint32_t end_ref, const Use& use) {
  std::vector<SeriesRef> refs;
  for (std::uint64_t begin = 0; begin < end_ref; begin += kSliceSeries) {
    refs.clear();
    for (std::uint64_t ref = std::max<std::uint64_t>(begin, 1);
         ref < std::min<std::uint64_t>(end_ref, begin + kSliceSeries); ++ref) {
      refs.push_back(SeriesRef{static_cast<std::uint32_t>(ref)});
    }
    use(refs);
  }
}

}  // namespace

Status Engine::save_registry() {
  if (Status bad = store_->registry().save(index_, catalog_); !bad.ok())
    return std::move(bad).in("saving the registry");
  MetadataTable::Changes changes = metadata_.take_changes();
  Status status;
  for (const auto& [tenant, entries] : changes.put) {
    if (status.ok()) status = store_->registry().save_metadata(tenant, entries);
  }
  for (const auto& [tenant, names] : changes.removed) {
    if (status.ok()) status = store_->registry().remove_metadata(tenant, names);
  }
  if (!status.ok()) metadata_.give_back(std::move(changes));
  return std::move(status).in("saving metadata");
}

Status Engine::flush_windows(std::int32_t first, std::int32_t last) {
  const Stopwatch watch;
  std::vector<WindowUse> uses = activity_.list();
  std::erase_if(uses, [&](const WindowUse& use) { return use.window < first || use.window > last; });
  FlushMark mark{first, last, {}};
  std::uint32_t end_ref = 0;
  gate_.closed([&] {
    mark.before = wal_->position();
    end_ref = static_cast<std::uint32_t>(index_.next_ref());
  });
  // Refs on disk must have their labels there first.
  if (Status bad = save_registry(); !bad.ok()) return bad;

  std::vector<PickedSeries> picked;
  std::vector<HeadChunkPtr> chunks;
  for_slices(std::min(end_ref, head_.end_ref()), [&](std::span<const SeriesRef> refs) {
    head_.visit(refs, [&](std::size_t i, HeadShard& shard, HeadSeries& series) NO_THREAD_SAFETY_ANALYSIS {
      const auto begin = static_cast<std::uint32_t>(chunks.size());
      shard.collect(series, first, last, chunks);
      const auto end = static_cast<std::uint32_t>(chunks.size());
      if (end > begin) picked.push_back({refs[i], series.type, series.hint, begin, end});
    });
  });
  if (picked.empty()) {
    activity_.flushed(uses);
    return {};
  }
  auto file = store_->begin_file();
  if (!file) return file.status();
  WindowPacker packer(**file);
  if (Status bad = packer.pack(picked, chunks); !bad.ok()) return bad;
  if (Status bad = store_->ingest(std::move(*file), mark); !bad.ok()) return bad;

  std::size_t next = 0;
  for_slices(end_ref, [&](std::span<const SeriesRef> refs) {
    std::vector<SeriesRef> with_chunks;
    const std::size_t begin = next;
    while (next < picked.size() && picked[next].ref <= refs.back()) with_chunks.push_back(picked[next++].ref);
    head_.visit(with_chunks,
                [&](std::size_t i, HeadShard& shard, HeadSeries& series) NO_THREAD_SAFETY_ANALYSIS {
                  const PickedSeries& one = picked[begin + i];
                  shard.remove(series, {chunks.data() + one.begin, one.end - one.begin});
                });
  });
  activity_.flushed(uses);
  figures_->flushes.add();
  figures_->flushed_samples.add(packer.samples());
  figures_->flush_seconds.observe(watch.seconds());
  log(LogLevel::Debug, "windows flushed",
      {{"first", first},
       {"last", last},
       {"series", picked.size()},
       {"samples", packer.samples()},
       {"seconds", watch.seconds()}});
  return {};
}

Status Engine::flush_uses(std::span<const WindowUse> due) {
  if (due.empty()) return {};
  // Windows that follow each other with no other in use between them share a file.
  const std::vector<WindowUse> all = activity_.list();
  std::size_t at = 0;
  for (std::size_t i = 0; i < due.size();) {
    while (at < all.size() && all[at].window < due[i].window) ++at;
    std::size_t end = i;
    while (end < due.size() && at < all.size() && all[at].window == due[end].window) {
      ++end;
      ++at;
    }
    if (end == i) {  // gone meanwhile
      ++i;
      continue;
    }
    if (Status bad = flush_windows(due[i].window, due[end - 1].window); !bad.ok()) {
      figures_->flush_failures.add();
      return std::move(bad).in("flushing windows");
    }
    i = end;
  }
  return {};
}

Status Engine::flush_due() {
  const std::int64_t now = clock_.now_ns();
  const std::vector<WindowUse> uses = activity_.list();
  const bool tight = memory_bytes_.load(std::memory_order_relaxed) > options_.head_memory_bytes;
  std::vector<WindowUse> due;
  bool busy = false;     // a closed window is still being filled
  bool waiting = false;  // and has been for long
  for (const WindowUse& use : uses) {
    const std::int64_t end = window_range(use.window).max_ns;
    if (end > now - options_.grace.count()) continue;
    const bool quiet = use.last_write_ns <= now - options_.quiet.count();
    busy = busy || !quiet;
    waiting = waiting || use.first_write_ns <= now - kWindowNs;
    due.push_back(use);
  }
  // A backfill fills one window after the other: wait for its end, so that it becomes few files. Late samples
  // that trickle in for ever are not waited for.
  if (busy && !waiting && !tight) return {};
  if (!due.empty()) return flush_uses(due);
  // Memory that is not samples does not shrink: try now and then, not every second.
  if (!tight || now - last_tight_flush_ns_ < kTightEveryNs) return {};
  last_tight_flush_ns_ = now;
  return flush_uses(uses);
}

Status Engine::write_checkpoint_now(bool keep_previous) {
  const Stopwatch watch;
  figures_->checkpoints.add();
  WalPosition position;
  std::uint32_t end_ref = 0;
  std::vector<Progress> progress;
  gate_.closed([&] {
    position = wal_->cut();
    progress = progress_.applied();
    end_ref = static_cast<std::uint32_t>(index_.next_ref());
  });
  const std::uint64_t written = wal_->stats().written_bytes;
  Status status = save_registry();
  if (status.ok()) {
    const auto done = write_checkpoint(checkpoint_path(checkpoint_dir(), next_checkpoint_), head_, position,
                                       end_ref, progress);
    if (done) {
      log(LogLevel::Debug, "checkpoint written",
          {{"series", done->series},
           {"samples", done->samples},
           {"bytes", done->bytes},
           {"seconds", watch.seconds()}});
    } else {
      status = done.status();
    }
  }
  if (!status.ok()) {
    figures_->checkpoint_failures.add();
    return std::move(status).in("writing a checkpoint");
  }
  // The one before stays with its log, in case this file is damaged one day before its time.
  const std::uint64_t keep_from = keep_previous ? next_checkpoint_ - 1 : next_checkpoint_;
  for (const std::uint64_t number : list_checkpoints(checkpoint_dir())) {
    std::error_code ignored;  // tried again after the next checkpoint
    if (number < keep_from) std::filesystem::remove(checkpoint_path(checkpoint_dir(), number), ignored);
  }
  // The mark begins the new segment, so that the ones before it can go.
  std::string record;
  encode_checkpoint_mark(record, next_checkpoint_);
  if (Status bad = wal_->wait(wal_->append(RecordType::CheckpointMark, record)); !bad.ok()) return bad;
  const std::uint64_t keep_segment = keep_previous ? previous_checkpoint_segment_ : position.segment;
  previous_checkpoint_segment_ = position.segment;
  ++next_checkpoint_;
  last_checkpoint_ns_ = clock_.now_ns();
  last_checkpoint_written_ = written;
  figures_->checkpoint_seconds.observe(watch.seconds());
  return wal_->remove_before(keep_segment).in("removing old log");
}

Status Engine::drop_expired() {
  if (options_.retention.count() == 0) return {};
  const auto dropped = store_->drop_before(clock_.now_ns() - options_.retention.count());
  if (!dropped) return dropped.status().in("dropping expired windows");
  figures_->windows_dropped.add(*dropped);
  return {};
}

Status Engine::flush() {
  const MutexLock lock(maintenance_mutex_);
  if (background_failed_) store_->resume();
  if (Status bad = flush_uses(activity_.list()); !bad.ok()) return bad;
  Status status = write_checkpoint_now(/*keep_previous=*/false);
  memory_bytes_.store(head_.memory_bytes(), std::memory_order_relaxed);
  return status;
}

Status Engine::checkpoint() {
  const MutexLock lock(maintenance_mutex_);
  return write_checkpoint_now(/*keep_previous=*/true);
}

Status Engine::maintain() {
  const MutexLock lock(maintenance_mutex_);
  memory_bytes_.store(head_.memory_bytes(), std::memory_order_relaxed);
  if (troubled_.load(std::memory_order_relaxed)) note_trouble(wal_->sync());  // the disk may be well again
  if (background_failed_) store_->resume();
  Status status = drop_expired();
  if (status.ok()) status = flush_due();
  const std::int64_t now = clock_.now_ns();
  const std::uint64_t logged = wal_->stats().written_bytes - last_checkpoint_written_;
  const bool long_ago = now - last_checkpoint_ns_ >= options_.checkpoint_interval.count();
  if (status.ok() && (logged >= options_.checkpoint_wal_bytes || (long_ago && logged > 0))) {
    status = write_checkpoint_now(/*keep_previous=*/true);
  }
  background_failed_ = !status.ok();
  if (!status.ok() && now - last_complaint_ns_ >= kComplainEveryNs) {
    last_complaint_ns_ = now;
    log(LogLevel::Error, "background work failed, trying again", {{"error", status.message()}});
  }
  return status;
}

void Engine::run_background(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    {
      const MutexLock lock(background_mutex_);
      if (!stop.stop_requested()) background_wake_.wait_for(background_mutex_, std::chrono::seconds(1));
    }
    if (stop.stop_requested()) return;
    const Status done = maintain();
    (void)done;  // it has been logged, and the next round tries again
  }
}

}  // namespace silverback::storage
