#include <fstream>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "storage/checkpoint.h"
#include "storage/checkpoint_format.h"
#include "storage/time_codec.h"
#include "storage/wal_record.h"
#include "storage/window.h"

namespace silverback::storage {
namespace {

namespace fs = std::filesystem;
using namespace checkpoint_format;

Status damaged(std::string_view what) { return Status(Code::DataLoss, std::string(what)); }

/// Block by block, each checked before anybody sees it.
class BlockReader {
 public:
  explicit BlockReader(const fs::path& path) : in_(path, std::ios::binary) {}

  Status magic() {
    char magic[kMagic.size()];
    if (!in_.read(magic, sizeof magic) || std::string_view(magic, sizeof magic) != kMagic) {
      return damaged("this is no checkpoint file");
    }
    return {};
  }
  Status next(BlockType& type, std::string& payload) {
    char header[kBlockHeader];
    if (!in_.read(header, sizeof header)) return damaged("the file ends before its end block");
    ByteReader reader({header, sizeof header});
    const auto size = reader.fixed<std::uint32_t>();
    const auto checksum = reader.fixed<std::uint32_t>();
    type = static_cast<BlockType>(header[kBlockHeader - 1]);
    if (size > kMostBlockBytes) return damaged("a block claims " + std::to_string(size) + " bytes");
    // Grown as it is read: a false size costs no memory.
    payload.clear();
    while (payload.size() < size) {
      const std::size_t before = payload.size();
      const std::size_t step = std::min<std::size_t>(size - before, 1 << 20);
      payload.resize(before + step);
      if (!in_.read(payload.data() + before, static_cast<std::streamsize>(step)))
        return damaged("the file is cut short");
    }
    if (crc32c(payload, crc32c({header + kBlockHeader - 1, 1})) != checksum)
      return damaged("a block's checksum is wrong");
    return {};
  }

 private:
  std::ifstream in_;
};

Status read_header(BlockReader& blocks, CheckpointInfo& info) {
  if (Status bad = blocks.magic(); !bad.ok()) return bad;
  BlockType type{};
  std::string payload;
  if (Status bad = blocks.next(type, payload); !bad.ok()) return bad;
  ByteReader in(payload);
  const std::uint64_t version = in.varint();
  if (type != BlockType::Header || !in.ok()) return damaged("the first block is no header");
  if (version > kVersion) {
    return Status(Code::InvalidArgument, "checkpoint of version " + std::to_string(version) +
                                             " was written by a newer version of this program; run that one");
  }
  info.position.segment = in.varint();
  info.position.offset = in.varint();
  return in.ok() ? Status() : damaged("the header is cut short");
}

class Loader {
 public:
  Loader(Head& head, WalPosition position, const std::function<WalPosition(std::int32_t)>& flushed_at,
         const std::function<void(std::int32_t)>& touch)
      : head_(head), position_(position), flushed_at_(flushed_at), touch_(touch) {}
  ~Loader() {
    for (Times& times : times_) {
      if (times.block != nullptr) head_.times().release(times.block);
    }
  }

  Status block(std::string_view payload);

  CheckpointInfo info;

 private:
  struct Times {
    std::string bytes;
    std::size_t count = 0;
    TimesBlock* block = nullptr;  // one use is ours
  };
  Status decode(const Times& times, std::vector<std::int64_t>& out);
  Status series(std::string_view entry);
  Status chunk(HeadShard& shard, HeadSeries& series, ValueType type, ByteReader& in) REQUIRES(shard.mutex());
  Status open(HeadShard& shard, HeadSeries& series, ValueType type, std::size_t count, ByteReader& in)
      REQUIRES(shard.mutex());
  Status late(HeadShard& shard, HeadSeries& series, ValueType type, ByteReader& in) REQUIRES(shard.mutex());
  bool wanted(std::int64_t time_ns);

  Head& head_;
  const WalPosition position_;
  const std::function<WalPosition(std::int32_t)>& flushed_at_;
  const std::function<void(std::int32_t)>& touch_;
  std::vector<Times> times_;
  SampleColumn column_;
  static constexpr std::uint64_t kNoTimes = ~std::uint64_t{0};
  std::uint64_t open_times_id_ = kNoTimes;  // whose times open_times_ns_ holds
  std::vector<std::int64_t> open_times_ns_;
  TimeRange known_{1, 0};  // of the window that wanted() looked at last
  bool known_wanted_ = false;
};

bool Loader::wanted(std::int64_t time_ns) {
  if (known_.contains(time_ns)) return known_wanted_;
  const std::int32_t window = window_of(time_ns);
  known_ = window_range(window);
  known_wanted_ = !(position_ < flushed_at_(window));
  if (known_wanted_) touch_(window);
  return known_wanted_;
}

Status Loader::block(std::string_view payload) {
  ByteReader in(payload);
  while (in.ok() && !in.at_end()) {
    const auto kind = static_cast<EntryKind>(in.fixed<std::uint8_t>());
    if (kind == EntryKind::Times) {
      const std::uint64_t count = in.varint();
      const std::string_view bytes = in.string();
      if (!in.ok() || count == 0 || count > kMaxChunkSamples) return damaged("a times entry is malformed");
      times_.push_back({std::string(bytes), static_cast<std::size_t>(count), nullptr});
    } else if (kind == EntryKind::Series) {
      const std::string_view entry = in.string();
      if (!in.ok()) break;
      if (Status bad = series(entry); !bad.ok()) return bad;
    } else {
      return damaged("an entry is of an unknown kind");
    }
  }
  return in.ok() ? Status() : damaged("a block ends within an entry");
}

Status Loader::decode(const Times& times, std::vector<std::int64_t>& out) {
  out.resize(times.count);
  ByteReader in(times.bytes);
  return decode_times(in, times.count, TimeUnit::Nanoseconds, out.data());
}

Status Loader::series(std::string_view entry) {
  ByteReader in(entry);
  const std::uint64_t number = in.varint();
  const auto type = static_cast<ValueType>(in.fixed<std::uint8_t>());
  if (!in.ok() || number == 0 || number > 0xffff'ffff || type > ValueType::String) {
    return damaged("a series entry is malformed");
  }
  const SeriesRef ref{static_cast<std::uint32_t>(number)};
  head_.add_series(ref, type);
  Status status;
  head_.visit({&ref, 1}, [&](std::size_t, HeadShard& shard, HeadSeries& series) NO_THREAD_SAFETY_ANALYSIS {
    const std::uint64_t chunks = in.varint();
    for (std::uint64_t i = 0; i < chunks && status.ok() && in.ok(); ++i)
      status = chunk(shard, series, type, in);
    if (!status.ok()) return;
    const std::uint64_t count = in.varint();
    if (count > 0 && in.ok()) status = open(shard, series, type, static_cast<std::size_t>(count), in);
    if (status.ok()) status = late(shard, series, type, in);
  });
  if (!status.ok()) return status;
  ++info.series;
  return in.ok() && in.at_end() ? Status() : damaged("a series entry is malformed");
}

Status Loader::chunk(HeadShard& shard, HeadSeries& series, ValueType type, ByteReader& in) {
  const std::uint64_t id = in.varint();
  const std::string_view values = in.string();
  if (!in.ok() || id >= times_.size()) return damaged("a chunk has no times");
  Times& times = times_[id];
  if (times.block == nullptr) {
    if (Status bad = decode(times, column_.times_ns); !bad.ok()) return bad;
    times.block = head_.times().take(column_.times_ns);
  }
  // What stands here is trusted from now on: decode it once.
  column_.clear();
  if (Status bad = decode_values(type, values, times.count, column_); !bad.ok()) return bad;
  if (!wanted(times.block->first_ns)) return {};
  info.samples += times.count;
  times.block->users.fetch_add(1, std::memory_order_relaxed);
  shard.restore_chunk(
      series, HeadChunkPtr(HeadChunk::make(type, window_of(times.block->first_ns), times.block, values)));
  return {};
}

Status Loader::open(HeadShard& shard, HeadSeries& series, ValueType type, std::size_t count, ByteReader& in) {
  const std::uint64_t id = in.varint();
  const std::string_view values = in.string();
  if (!in.ok() || id >= times_.size() || times_[id].count != count)
    return damaged("open samples have no times");
  // Neighbours mostly have the same times.
  if (id != open_times_id_) {
    open_times_id_ = kNoTimes;
    if (Status bad = decode(times_[id], open_times_ns_); !bad.ok()) return bad;
    open_times_id_ = id;
  }
  column_.clear();
  if (Status bad = decode_values(type, values, count, column_); !bad.ok()) return bad;
  if (!wanted(open_times_ns_.front())) return {};
  info.samples += count;
  shard.expect(series, count);
  for (std::size_t i = 0; i < count; ++i) {
    if (type == ValueType::String) {
      shard.append_string(series, open_times_ns_[i], column_.strings[i]);
    } else {
      shard.append(series, open_times_ns_[i], column_.bits[i]);
    }
  }
  return {};
}

Status Loader::late(HeadShard& shard, HeadSeries& series, ValueType type, ByteReader& in) {
  const std::uint64_t count = in.varint();
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    const std::int64_t time_ns = in.zigzag_varint();
    const bool is_string = type == ValueType::String;
    const std::string_view text = is_string ? in.string() : std::string_view{};
    const std::uint64_t bits = is_string ? 0 : in.fixed<std::uint64_t>();
    if (!in.ok() || !wanted(time_ns)) continue;
    ++info.samples;
    if (is_string) {
      shard.append_string(series, time_ns, text);
    } else {
      shard.append(series, time_ns, bits);
    }
  }
  return in.ok() ? Status() : damaged("late samples are cut short");
}

Status take_block(Loader& loader, BlockType type, std::string_view payload) {
  if (type == BlockType::Data) return loader.block(payload);
  if (type != BlockType::Progress) return damaged("a block of unknown type");
  auto progress = take_progress(payload);
  if (!progress) return progress.status();
  loader.info.progress = std::move(*progress);
  return {};
}

}  // namespace

Result<CheckpointInfo> check_checkpoint(const fs::path& path) {
  CheckpointInfo info;
  BlockReader blocks(path);
  if (const Status bad = read_header(blocks, info); !bad.ok()) return bad.in(path.string());
  BlockType type{};
  std::string payload;
  while (type != BlockType::End) {
    if (const Status bad = blocks.next(type, payload); !bad.ok()) return bad.in(path.string());
  }
  ByteReader in(payload);
  info.series = in.varint();
  info.samples = in.varint();
  return info;
}

Result<CheckpointInfo> load_checkpoint(const fs::path& path, Head& head, bool salvage,
                                       const std::function<WalPosition(std::int32_t window)>& flushed_at,
                                       const std::function<void(std::int32_t window)>& touch) {
  CheckpointInfo header;
  BlockReader blocks(path);
  if (const Status bad = read_header(blocks, header); !bad.ok()) return bad.in(path.string());
  Loader loader(head, header.position, flushed_at, touch);
  loader.info.position = header.position;
  BlockType type{};
  std::string payload;
  for (;;) {
    Status status = blocks.next(type, payload);
    if (status.ok() && type == BlockType::End) return loader.info;
    if (status.ok()) status = take_block(loader, type, payload);
    if (status.ok()) continue;
    if (salvage) return loader.info;
    return status.in(path.string());
  }
}

}  // namespace silverback::storage
