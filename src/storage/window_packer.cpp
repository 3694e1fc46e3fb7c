#include "storage/window_packer.h"

#include <algorithm>
#include <numeric>

#include "base/bytes.h"
#include "storage/chunk.h"
#include "storage/time_codec.h"

namespace silverback::storage {
namespace {

/// A series with fewer samples than kFewSamples in a window takes the next windows' along, until it has
/// kEnoughSamples, two full parts, or kMostWindows: keys and headers then weigh little.
constexpr std::size_t kFewSamples = 240;
constexpr std::size_t kEnoughSamples = 2'000;
constexpr std::int32_t kMostWindows = 84;  // a week

}  // namespace

Status WindowPacker::pack(std::vector<PickedSeries>& series, std::vector<HeadChunkPtr>& chunks) {
  // Which chunks become one value, and in which window it is filed.
  struct Group {
    std::int32_t window;
    std::uint32_t series;
    std::uint32_t begin;
    std::uint32_t end;
  };
  std::vector<Group> groups;
  groups.reserve(series.size());
  for (std::uint32_t i = 0; i < series.size(); ++i) {
    // By window; arrival order stays within one.
    const auto begin = chunks.begin() + series[i].begin;
    const auto end = chunks.begin() + series[i].end;
    const auto earlier = [](const HeadChunkPtr& a, const HeadChunkPtr& b) {
      return a->window() < b->window();
    };
    if (!std::is_sorted(begin, end, earlier)) std::stable_sort(begin, end, earlier);
    for (std::uint32_t at = series[i].begin; at < series[i].end;) {
      Group group{chunks[at]->window(), i, at, at};
      std::size_t samples = 0;
      const auto take_window = [&] {
        const std::int32_t window = chunks[at]->window();
        for (; at < series[i].end && chunks[at]->window() == window; ++at) samples += chunks[at]->count();
      };
      take_window();
      if (samples < kFewSamples) {
        while (at < series[i].end && samples < kEnoughSamples &&
               chunks[at]->window() - group.window < kMostWindows)
          take_window();
      }
      group.end = at;
      groups.push_back(group);
    }
  }
  std::stable_sort(groups.begin(), groups.end(),
                   [](const Group& a, const Group& b) { return a.window < b.window; });

  for (std::size_t i = 0; i < groups.size(); ++i) {
    const Group& group = groups[i];
    if (i == 0 || groups[i - 1].window != group.window) {
      file_.begin_window(group.window);
      blocks_.clear();
      last_valid_ = false;
    }
    const Status packed =
        pack_series(series[group.series], {chunks.data() + group.begin, group.end - group.begin});
    if (!packed.ok()) return packed;
    if (i + 1 < groups.size() && groups[i + 1].window == group.window) continue;
    if (Status bad = file_.end_window(); !bad.ok()) return bad;
  }
  return {};
}

Status WindowPacker::append_chunk_times(const HeadChunk& chunk, std::vector<std::int64_t>& out) {
  const std::size_t before = out.size();
  out.resize(before + chunk.count());
  ByteReader in(chunk.times().bytes);
  return decode_times(in, chunk.count(), TimeUnit::Nanoseconds, out.data() + before);
}

Status WindowPacker::gather(ValueType type, std::span<const HeadChunkPtr> chunks) {
  column_.clear();
  now_blocks_.clear();
  bool ordered = true;
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    ordered = ordered && (i == 0 || chunks[i - 1]->last_ns() < chunks[i]->first_ns());
    now_blocks_.push_back(&chunks[i]->times());
  }
  if (!ordered) return gather_overlapping(type, chunks);
  for (const HeadChunkPtr& chunk : chunks) {
    if (Status bad = decode_values(type, chunk->values(), chunk->count(), column_); !bad.ok()) return bad;
  }
  if (last_valid_ && now_blocks_ == last_blocks_) return {};
  last_times_.clear();
  last_valid_ = false;
  for (const HeadChunkPtr& chunk : chunks) {
    if (Status bad = append_chunk_times(*chunk, last_times_); !bad.ok()) return bad;
  }
  return {};
}

Status WindowPacker::gather_overlapping(ValueType type, std::span<const HeadChunkPtr> chunks) {
  SampleColumn all;
  for (const HeadChunkPtr& chunk : chunks) {
    if (Status bad = append_chunk_times(*chunk, all.times_ns); !bad.ok()) return bad;
    if (Status bad = decode_values(type, chunk->values(), chunk->count(), all); !bad.ok()) return bad;
  }
  std::vector<std::uint32_t> order(all.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return all.times_ns[a] < all.times_ns[b]; });
  last_times_.clear();
  last_valid_ = false;
  now_blocks_.clear();
  for (std::size_t i = 0; i < order.size(); ++i) {
    // Of one time the last in order of arrival stays.
    if (i + 1 < order.size() && all.times_ns[order[i + 1]] == all.times_ns[order[i]]) continue;
    last_times_.push_back(all.times_ns[order[i]]);
    if (type == ValueType::String) {
      column_.strings.push_back(all.strings[order[i]]);
    } else {
      column_.bits.push_back(all.bits[order[i]]);
    }
  }
  return {};
}

std::uint64_t WindowPacker::times_block(std::span<const std::int64_t> times_ns) {
  const std::string_view raw(reinterpret_cast<const char*>(times_ns.data()), times_ns.size_bytes());
  auto [at, fresh] = blocks_.try_emplace(hash128(raw, process_hash_seed()), 0);
  if (fresh) {
    std::string bytes;
    put_varint(bytes, times_ns.size());
    encode_times(times_ns, bytes);
    at->second = file_.add_times(std::move(bytes));
  }
  return at->second;
}

Status WindowPacker::pack_series(PickedSeries& series, std::span<const HeadChunkPtr> chunks) {
  if (Status bad = gather(series.type, chunks); !bad.ok()) return bad;
  const std::size_t count = last_times_.size();
  const std::size_t parts = (count + kPartSamples - 1) / kPartSamples;
  if (!last_valid_) last_numbers_.clear();
  value_.clear();
  for (std::size_t part = 0; part < parts; ++part) {
    const std::size_t from = count * part / parts;
    const std::size_t size = count * (part + 1) / parts - from;
    const std::span<const std::int64_t> times(last_times_.data() + from, size);
    if (!last_valid_) last_numbers_.push_back(times_block(times));
    ChunkInput input;
    input.type = series.type;
    input.times_ns = times;
    if (series.type == ValueType::String) {
      input.strings = {column_.strings.data() + from, size};
    } else {
      input.bits = {column_.bits.data() + from, size};
    }
    input.times_ref = last_numbers_[part];
    part_.clear();
    encode_chunk(input, series.hint, part_);
    put_string(value_, part_);
  }
  // An overlapping gather leaves no list of blocks to recognise these times by.
  last_valid_ = !now_blocks_.empty();
  last_blocks_ = now_blocks_;
  samples_ += count;
  return file_.add_values(series.ref, value_, last_times_.front(), last_times_.back(),
                          static_cast<std::uint32_t>(count));
}

}  // namespace silverback::storage
