#include <algorithm>
#include <chrono>
#include <fstream>
#include <unordered_map>

#include "base/log.h"
#include "storage/checkpoint.h"
#include "storage/engine.h"
#include "storage/engine_figures.h"
#include "storage/engine_replay.h"
#include "storage/window.h"

namespace silverback::storage {
namespace {

namespace fs = std::filesystem;

constexpr int kFormatVersion = 1;
/// Applying a record takes some two to three times what reading it does.
constexpr std::uint32_t kReplayThreads = 2;
constexpr std::string_view kFormatWords = "silverback storage format ";

}  // namespace

Status Engine::check_format() {
  const fs::path path = fs::path(options_.path) / "FORMAT";
  std::ifstream in(path);
  std::string line;
  if (in && std::getline(in, line) && !line.empty()) {
    const std::string expected = std::string(kFormatWords) + std::to_string(kFormatVersion);
    if (line == expected) return {};
    if (!line.starts_with(kFormatWords)) {
      return Status(Code::DataLoss,
                    path.string() + ": not a format that this program knows: \"" + line.substr(0, 80) + "\"");
    }
    return Status(Code::InvalidArgument, options_.path + ": written in \"" + line.substr(0, 80) +
                                             "\", this program knows \"" + expected +
                                             "\"; run the version that wrote it, or a newer one");
  }
  // New, or killed before the first byte: nothing can be stored under a format that was never written.
  auto file = WholeFile::create(path);
  if (!file) return file.status();
  if (Status bad = file->write(std::string(kFormatWords) + std::to_string(kFormatVersion) + "\n"); !bad.ok())
    return bad;
  return file->commit();
}

WalPosition Engine::flushed_at(std::int32_t window) {
  const auto [at, fresh] = replay_->flushed.try_emplace(window);
  if (!fresh) return at->second;
  for (const FlushMark& mark : replay_->marks) {
    if (mark.first <= window && window <= mark.last) at->second = std::max(at->second, mark.before);
  }
  return at->second;
}

Status Engine::load_checkpoints(WalPosition& from) {
  const std::vector<std::uint64_t> numbers = list_checkpoints(checkpoint_dir());
  const auto flushed = [this](std::int32_t window) { return flushed_at(window); };
  const auto touch = [this](std::int32_t window) { activity_.touch_window(window, clock_.now_ns()); };
  std::uint64_t chosen = 0;
  for (const std::uint64_t number : numbers) {
    const auto checked = check_checkpoint(checkpoint_path(checkpoint_dir(), number));
    if (checked) {
      chosen = number;
      break;
    }
    if (checked.status().code() == Code::InvalidArgument) return checked.status();
    log(LogLevel::Warn, "checkpoint is damaged, going back to the one before",
        {{"error", checked.status().message()}});
  }
  if (numbers.empty()) return {};
  // All damaged: what is whole in the newest, and all the log that there is.
  const bool salvage = chosen == 0;
  const auto loaded = load_checkpoint(checkpoint_path(checkpoint_dir(), salvage ? numbers.front() : chosen),
                                      head_, salvage, flushed, touch);
  if (!loaded && !salvage) return loaded.status();
  if (loaded) {
    replay_->checkpoint_samples = loaded->samples;
    progress_.restore(loaded->progress);
    if (!salvage) from = loaded->position;
  }
  const MutexLock lock(maintenance_mutex_);
  next_checkpoint_ = numbers.front() + 1;
  previous_checkpoint_segment_ = from.segment;
  return {};
}

Status Engine::replay_series(std::string_view payload) {
  std::vector<SeriesEntry>& entries = replay_->entries;
  if (Status bad = decode_series_entries(payload, entries); !bad.ok()) return bad;
  for (const SeriesEntry& entry : entries) {
    const auto ref = index_.restore(entry.ref, entry.tenant, entry.type, entry.labels);
    if (!ref) return ref.status();
    if (*ref != entry.ref) replay_->renamed[entry.ref] = *ref;
    head_.add_series(*ref, entry.type);
    replay_->note_known(*ref);
    if (entry.database.empty()) continue;
    const auto added =
        catalog_.add_field(entry.tenant, entry.database, entry.measurement, entry.field, entry.type);
    if (!added) return added.status();
  }
  return {};
}

Status Engine::replay_samples(WalPosition position, std::string_view payload) {
  Replay& replay = *replay_;
  auto& [batch, refs] = replay.apply->next();
  if (Status bad = decode_samples(payload, refs, batch); !bad.ok()) return bad;
  for (std::size_t i = 0; i < refs.size(); ++i) {
    SeriesRef& ref = refs[i];
    if (!replay.renamed.empty()) {
      if (const auto it = replay.renamed.find(ref); it != replay.renamed.end()) ref = it->second;
    }
    if (replay.knows(ref)) continue;
    ++replay.lost_runs;  // its series record went with a power cut
    // The number stays unused: this record is still in the log at the next start, and must find no other
    // series.
    index_.skip_refs(ref);
    ref = kNoSeries;
  }
  if (position < replay.newest_mark) {
    // Some windows of this record are on disk already: keep the samples of the others.
    TimeRange known{1, 0};
    bool wanted = false;
    std::size_t kept = 0;
    for (SeriesRun& run : batch.runs) {
      const std::size_t end = std::size_t{run.first} + run.count;
      std::size_t at = run.first;
      run.first = static_cast<std::uint32_t>(kept);
      for (; at < end; ++at) {
        if (!known.contains(batch.times_ns[at])) {
          const std::int32_t window = window_of(batch.times_ns[at]);
          known = window_range(window);
          wanted = !(position < flushed_at(window));
        }
        if (!wanted) continue;
        batch.times_ns[kept] = batch.times_ns[at];
        batch.bits[kept++] = batch.bits[at];
      }
      run.count = static_cast<std::uint32_t>(kept) - run.first;
    }
    batch.times_ns.resize(kept);
    batch.bits.resize(kept);
  }
  for (std::size_t i = 0; i < refs.size(); ++i)
    replay.samples += refs[i] == kNoSeries ? 0 : batch.runs[i].count;
  activity_.touch(batch.times_ns, clock_.now_ns());
  replay.apply->submit();
  return {};
}

Status Engine::replay_samples_of_sources(WalPosition position, std::string_view payload) {
  const auto progress = take_progress(payload);
  if (!progress) return progress.status();
  progress_.restore(*progress);
  return payload.empty() ? Status() : replay_samples(position, payload);
}

Status Engine::replay_record(WalPosition position, RecordType type, std::string_view payload) {
  if (type != RecordType::CheckpointMark) ++replay_->records;
  switch (type) {
    case RecordType::NewSeries: return replay_series(payload);
    case RecordType::Samples: return replay_samples(position, payload);
    case RecordType::SamplesOfSources: return replay_samples_of_sources(position, payload);
    case RecordType::Metadata: {
      const auto record = decode_metadata(payload);
      if (!record) return record.status();
      metadata_.put(record->tenant, record->entries);
      return {};
    }
    case RecordType::Catalog: {
      const auto record = decode_catalog(payload);
      if (!record) return record.status();
      catalog_.add_database(record->tenant, record->database);
      return {};
    }
    case RecordType::Tombstone:
    case RecordType::CheckpointMark: return {};
  }
  return Status(Code::InvalidArgument, "log record of type " + std::to_string(static_cast<int>(type)) +
                                           " was written by a newer version of this program; run that one");
}

Status Engine::replay(WalPosition from) {
  const std::uint32_t threads = options_.replay_threads != 0
                                    ? options_.replay_threads
                                    : std::min(std::thread::hardware_concurrency(), kReplayThreads);
  replay_->apply = std::make_unique<ParallelApply>(head_, threads > 1 ? threads : 0);
  const auto replayed = replay_wal(wal_dir(), from, {options_.salvage_wal, true},
                                   [this](WalPosition position, RecordType type, std::string_view payload) {
                                     return replay_record(position, type, payload);
                                   });
  replay_->apply->finish();
  if (!replayed) return replayed.status();
  if (replayed->dropped_bytes > 0 || replayed->dropped_segments > 0) {
    figures_->dropped_log_bytes.add(replayed->dropped_bytes);
    log(LogLevel::Warn, "the end of the log could not be used",
        {{"bytes", replayed->dropped_bytes},
         {"segments", replayed->dropped_segments},
         {"why", replayed->dropped_why}});
  }
  if (replay_->lost_runs > 0) {
    log(LogLevel::Warn, "log names series that are not known", {{"runs", replay_->lost_runs}});
  }
  clean_start_ = replay_->records == 0 && replayed->dropped_bytes == 0;
  WalOptions options;
  options.segment_bytes = options_.wal_segment_bytes;
  options.sync = options_.wal_sync;
  options.sync_interval = options_.wal_sync_interval;
  // Numbers go on even when somebody has taken the log away: marks on disk speak of positions in it.
  ReplayStats start = *replayed;
  start.next_segment = std::max({start.next_segment, from.segment + 1, replay_->newest_mark.segment + 1});
  auto wal = Wal::open(wal_dir(), options, start);
  if (!wal) return wal.status();
  wal_ = std::move(*wal);
  return {};
}

Status Engine::load_registry() {
  const auto loaded = store_->registry().load(index_, catalog_);
  if (!loaded) return loaded.status().in("loading the registry");
  for (const auto& [tenant, metadata] : loaded->metadata) metadata_.put(tenant, {&metadata, 1});
  return {};
}

Status Engine::recover() {
  const auto begin = std::chrono::steady_clock::now();
  std::error_code failed;
  fs::create_directories(wal_dir(), failed);
  fs::create_directories(checkpoint_dir(), failed);
  if (failed) return Status(Code::Unavailable, options_.path + ": " + failed.message());
  for (fs::directory_iterator it(checkpoint_dir(), failed), end; it != end; it.increment(failed)) {
    std::error_code ignored;  // an unfinished one; harmless
    if (it->path().extension() == ".tmp") fs::remove(it->path(), ignored);
  }
  if (Status bad = check_format(); !bad.ok()) return bad;

  const auto seconds_since = [](std::chrono::steady_clock::time_point then) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - then).count();
  };
  auto store = ChunkStore::open({(fs::path(options_.path) / "db").string(), options_.block_cache_bytes});
  if (!store) return store.status();
  store_ = std::move(*store);
  replay_ = std::make_unique<Replay>();
  replay_->marks = store_->table()->marks;
  for (const FlushMark& mark : replay_->marks)
    replay_->newest_mark = std::max(replay_->newest_mark, mark.before);
  const double store_seconds = seconds_since(begin);

  // The registry fills the index and the catalogue, the checkpoint the head.
  WalPosition from;
  Status registry;
  std::jthread registry_loader([&] { registry = load_registry(); });
  Status checkpoint = load_checkpoints(from);
  registry_loader.join();
  if (!registry.ok()) return registry;
  if (!checkpoint.ok()) return checkpoint;
  index_.for_each_series([this](SeriesRef ref, ValueType type) {
    head_.add_series(ref, type);
    replay_->note_known(ref);
  });
  const double loaded_seconds = seconds_since(begin) - store_seconds;
  if (Status bad = replay(from); !bad.ok()) return std::move(bad).in("replaying the log");
  const double seconds = seconds_since(begin);
  figures_->replay_seconds.set(seconds);
  memory_bytes_.store(head_.memory_bytes(), std::memory_order_relaxed);
  log(LogLevel::Info, "storage recovered",
      {{"series", index_.series_count()},
       {"windows", store_->table()->windows.size()},
       {"checkpoint_samples", replay_->checkpoint_samples},
       {"log_records", replay_->records},
       {"log_samples", replay_->samples},
       {"seconds", seconds},
       {"store_seconds", store_seconds},
       {"registry_and_checkpoint_seconds", loaded_seconds},
       {"log_seconds", seconds - store_seconds - loaded_seconds}});
  replay_.reset();
  const MutexLock lock(maintenance_mutex_);
  last_checkpoint_ns_ = clock_.now_ns();
  return {};
}

}  // namespace silverback::storage
