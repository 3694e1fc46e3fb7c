#include "storage/checkpoint.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <unordered_map>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/hash.h"
#include "storage/checkpoint_format.h"
#include "storage/file_io.h"
#include "storage/head_reader.h"
#include "storage/time_codec.h"
#include "storage/wal_record.h"

namespace silverback::storage {
namespace {

namespace fs = std::filesystem;
using namespace checkpoint_format;

constexpr std::size_t kSliceSeries = 256;  // of one shard: one taking of its lock

class Writer {
 public:
  explicit Writer(WholeFile& file) : file_(file) {}

  Status block(BlockType type, std::string_view payload) {
    std::string header;
    const auto type_byte = static_cast<char>(type);
    put_fixed(header, static_cast<std::uint32_t>(payload.size()));
    put_fixed(header, crc32c(payload, crc32c({&type_byte, 1})));
    header.push_back(type_byte);
    if (Status bad = file_.write(header); !bad.ok()) return bad;
    info.bytes += header.size() + payload.size();
    return file_.write(payload);
  }

  Status series(SeriesRef ref, const SeriesSnapshot& snapshot, ScaleHint hint);
  Status finish_block() {
    if (data_.empty()) return {};
    Status status = block(BlockType::Data, data_);
    data_.clear();
    return status;
  }

  CheckpointInfo info;

 private:
  std::uint64_t times_of(const TimesBlock& block);
  std::uint64_t times_of(std::span<const std::int64_t> times_ns);

  WholeFile& file_;
  std::string data_;
  std::string entry_;
  std::string bytes_;
  SampleColumn open_;
  std::unordered_map<const TimesBlock*, std::uint64_t> shared_;
  std::unordered_map<std::uint64_t, std::uint64_t> open_times_;  // by hash; of this file alone
  std::uint64_t next_times_ = 0;
};

std::uint64_t Writer::times_of(const TimesBlock& block) {
  const auto [at, fresh] = shared_.try_emplace(&block, next_times_);
  if (fresh) {
    ++next_times_;
    data_.push_back(static_cast<char>(EntryKind::Times));
    put_varint(data_, block.count);
    put_string(data_, block.bytes);
  }
  return at->second;
}

std::uint64_t Writer::times_of(std::span<const std::int64_t> times_ns) {
  const std::string_view raw(reinterpret_cast<const char*>(times_ns.data()), times_ns.size_bytes());
  const auto [at, fresh] = open_times_.try_emplace(hash64(raw, process_hash_seed()), next_times_);
  if (fresh) {
    ++next_times_;
    bytes_.clear();
    encode_times(times_ns, bytes_);
    data_.push_back(static_cast<char>(EntryKind::Times));
    put_varint(data_, times_ns.size());
    put_string(data_, bytes_);
  }
  return at->second;
}

Status Writer::series(SeriesRef ref, const SeriesSnapshot& snapshot, ScaleHint hint) {
  entry_.clear();
  put_varint(entry_, static_cast<std::uint32_t>(ref));
  entry_.push_back(static_cast<char>(snapshot.type));
  put_varint(entry_, snapshot.chunks.size());
  for (const HeadChunkPtr& chunk : snapshot.chunks) {
    put_varint(entry_, times_of(chunk->times()));
    put_string(entry_, chunk->values());
    info.samples += chunk->count();
  }
  if (Status bad = read_open(snapshot, open_); !bad.ok()) return bad;
  put_varint(entry_, open_.size());
  if (open_.size() > 0) {
    put_varint(entry_, times_of(open_.times_ns));
    std::string values;
    encode_values(snapshot.type, open_.bits, open_.strings, hint, values);
    put_string(entry_, values);
    info.samples += open_.size();
  }
  put_varint(entry_, snapshot.late.size());
  for (const RawSample& sample : snapshot.late) {
    put_zigzag(entry_, sample.time_ns);
    if (snapshot.type == ValueType::String) {
      put_string(entry_, snapshot.strings[sample.bits]);
    } else {
      put_fixed(entry_, sample.bits);
    }
  }
  info.samples += snapshot.late.size();
  ++info.series;
  data_.push_back(static_cast<char>(EntryKind::Series));
  put_string(data_, entry_);
  return data_.size() < kBlockBytes ? Status() : finish_block();
}

}  // namespace

fs::path checkpoint_path(const fs::path& dir, std::uint64_t number) {
  char name[32];
  std::snprintf(name, sizeof name, "%08llu.checkpoint", static_cast<unsigned long long>(number));
  return dir / name;
}

std::vector<std::uint64_t> list_checkpoints(const fs::path& dir) {
  std::vector<std::uint64_t> numbers;
  std::error_code ignored;  // no directory is no checkpoints
  for (fs::directory_iterator it(dir, ignored), end; it != end; it.increment(ignored)) {
    const std::string name = it->path().filename().string();
    std::uint64_t number = 0;
    const auto [stop, failed] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (failed == std::errc() && std::string_view(stop) == ".checkpoint") numbers.push_back(number);
  }
  std::sort(numbers.rbegin(), numbers.rend());
  return numbers;
}

Result<CheckpointInfo> write_checkpoint(const fs::path& path, Head& head, WalPosition position,
                                        std::uint32_t end_ref, std::span<const Progress> progress) {
  auto file = WholeFile::create(path);
  if (!file) return file.status();
  if (Status bad = file->write(kMagic); !bad.ok()) return bad;
  Writer writer(*file);
  writer.info.position = position;
  writer.info.bytes = kMagic.size();
  std::string header;
  put_varint(header, progress.empty() ? 1 : kVersion);
  put_varint(header, position.segment);
  put_varint(header, position.offset);
  if (Status bad = writer.block(BlockType::Header, header); !bad.ok()) return bad;
  if (!progress.empty()) {
    std::string sources;
    encode_progress(sources, progress);
    if (Status bad = writer.block(BlockType::Progress, sources); !bad.ok()) return bad;
  }

  std::vector<SeriesRef> refs;
  std::vector<SeriesSnapshot> snapshots(kSliceSeries);
  std::vector<ScaleHint> hints(kSliceSeries);
  for (std::uint32_t begin = 0; begin < end_ref; begin += kSliceSeries) {
    refs.clear();
    for (std::uint32_t ref = std::max(begin, 1u);
         ref < std::min<std::uint64_t>(end_ref, std::uint64_t{begin} + kSliceSeries); ++ref) {
      refs.push_back(SeriesRef{ref});
    }
    for (SeriesSnapshot& snapshot : snapshots) snapshot.clear();
    head.visit(refs, [&](std::size_t i, HeadShard& shard, HeadSeries& series) NO_THREAD_SAFETY_ANALYSIS {
      shard.snapshot(series, {}, snapshots[i]);
      hints[i] = series.hint;
    });
    for (std::size_t i = 0; i < refs.size(); ++i) {
      if (snapshots[i].empty()) continue;
      if (Status bad = writer.series(refs[i], snapshots[i], hints[i]); !bad.ok()) return bad;
    }
  }
  if (Status bad = writer.finish_block(); !bad.ok()) return bad;
  std::string end;
  put_varint(end, writer.info.series);
  put_varint(end, writer.info.samples);
  if (Status bad = writer.block(BlockType::End, end); !bad.ok()) return bad;
  if (Status bad = file->commit(); !bad.ok()) return bad;
  return writer.info;
}

}  // namespace silverback::storage
