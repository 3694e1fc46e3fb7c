#include <rocksdb/sst_file_writer.h>

#include <algorithm>
#include <filesystem>

#include "storage/chunk_store.h"
#include "storage/store_db.h"
#include "storage/store_keys.h"

namespace silverback::storage {

struct StoreFile::State {
  State(const rocksdb::Options& options, rocksdb::ColumnFamilyHandle* family)
      : writer(rocksdb::EnvOptions(), options, family) {}

  std::string path;
  rocksdb::SstFileWriter writer;
  std::uint64_t bytes = 0;
  bool ingested = false;
  std::uint32_t generation = 0;
  MarkRecord mark;

  // Of the window being written.
  WindowInfo window;
  std::vector<std::string> times;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> live;

  Status put(RecordKind kind, std::uint32_t id, std::string_view value) {
    bytes += value.size() + kKeyBytes;
    return from_rocksdb(writer.Put(StoreKey{window.window, kind, id, generation}.encode(),
                                   rocksdb::Slice(value.data(), value.size())),
                        "writing " + path);
  }
};

StoreFile::StoreFile(std::unique_ptr<State> state) : state_(std::move(state)) {}

StoreFile::~StoreFile() {
  if (state_->ingested) return;
  std::error_code ignored;  // the next open() removes what stays
  std::filesystem::remove(state_->path, ignored);
}

void StoreFile::begin_window(std::int32_t window) {
  state_->window = {};
  state_->window.window = window;
  state_->window.min_ns = std::numeric_limits<std::int64_t>::max();
  state_->window.max_ns = std::numeric_limits<std::int64_t>::min();
  state_->times.clear();
  state_->live.clear();
}

Status StoreFile::add_values(SeriesRef ref, std::string_view chunk, std::int64_t first_ns,
                             std::int64_t last_ns, std::uint32_t samples) {
  WindowInfo& window = state_->window;
  window.min_ns = std::min(window.min_ns, first_ns);
  window.max_ns = std::max(window.max_ns, last_ns);
  window.samples += samples;
  ++window.series;
  const auto number = static_cast<std::uint32_t>(ref);
  if (auto& live = state_->live; !live.empty() && live.back().first + live.back().second == number) {
    ++live.back().second;
  } else {
    live.emplace_back(number, 1);
  }
  return state_->put(RecordKind::Values, number, chunk);
}

std::uint64_t StoreFile::add_times(std::string bytes) {
  state_->times.push_back(std::move(bytes));
  return state_->times.size();
}

Status StoreFile::end_window() {
  for (std::size_t i = 0; i < state_->times.size(); ++i) {
    const Status bad = state_->put(RecordKind::Times, static_cast<std::uint32_t>(i + 1), state_->times[i]);
    if (!bad.ok()) return bad;
  }
  if (const Status bad = state_->put(RecordKind::Live, 0, encode_runs(state_->live)); !bad.ok()) return bad;
  state_->mark.windows.push_back(state_->window);
  return {};
}

std::uint64_t StoreFile::bytes() const { return state_->bytes; }

Result<std::unique_ptr<StoreFile>> ChunkStore::begin_file() {
  auto state = std::make_unique<StoreFile::State>(db_->chunk_options, db_->chunks);
  state->generation = next_generation_;
  state->path = db_->path + "/incoming/" + std::to_string(db_->next_file++) + ".sst";
  const auto status = state->writer.Open(state->path);
  if (!status.ok()) return from_rocksdb(status, "creating " + state->path);
  return std::unique_ptr<StoreFile>(new StoreFile(std::move(state)));
}

Status ChunkStore::ingest(std::unique_ptr<StoreFile> file, const FlushMark& mark) {
  StoreFile::State& state = *file->state_;
  state.mark.mark = mark;
  if (const Status bad = state.put(RecordKind::Mark, 0, state.mark.encode()); !bad.ok()) return bad;
  if (const auto status = state.writer.Finish(); !status.ok())
    return from_rocksdb(status, "finishing " + state.path);
  rocksdb::IngestExternalFileOptions options;
  options.move_files = true;
  options.failed_move_fall_back_to_copy = false;
  options.snapshot_consistency = true;
  options.verify_checksums_before_ingest = false;
  const auto status = db_->db->IngestExternalFile(db_->chunks, {state.path}, options);
  if (!status.ok()) return from_rocksdb(status, "ingesting " + state.path);
  state.ingested = true;

  const auto old = table();
  auto next = std::make_shared<WindowTable>(*old);
  ++next->version;
  next->marks.push_back(mark);
  ++next_generation_;
  for (WindowInfo& info : state.mark.windows) {
    const auto at =
        std::lower_bound(next->windows.begin(), next->windows.end(), info.window,
                         [](const WindowInfo& a, std::int32_t window) { return a.window < window; });
    if (at == next->windows.end() || at->window != info.window) {
      if (static_cast<std::size_t>(at - next->windows.begin()) < next->first_live) ++next->first_live;
      info.generations = {state.generation};
      next->windows.insert(at, std::move(info));
      continue;
    }
    at->generations.push_back(state.generation);
    at->min_ns = std::min(at->min_ns, info.min_ns);
    at->max_ns = std::max(at->max_ns, info.max_ns);
    at->samples += info.samples;
    at->series = std::max(at->series, info.series);
  }
  const MutexLock lock(mutex_);
  table_ = std::move(next);
  return {};
}

}  // namespace silverback::storage
