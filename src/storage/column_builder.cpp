#include "storage/column_builder.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>

#include "base/bytes.h"
#include "base/clock.h"
#include "storage/time_codec.h"

namespace silverback::storage {
namespace {

constexpr std::size_t kMostCachedBytes = 32 << 20;  // of decoded times, for one query

double as_float(ValueType type, std::uint64_t bits) {
  switch (type) {
    case ValueType::Int64: return static_cast<double>(static_cast<std::int64_t>(bits));
    case ValueType::Uint64:
    case ValueType::Bool: return static_cast<double>(bits);
    default: return std::bit_cast<double>(bits);
  }
}

std::size_t size_of(ValueType type, const Columns& columns) {
  if (type == ValueType::Float64) return columns.floats.size();
  return type == ValueType::String ? columns.strings.size() : columns.ints.size();
}

}  // namespace

template <typename Decode>
Result<const DecodedTimes*> TimesCache::find(const Key& key, const Decode& decode) {
  if (last_ != nullptr && key == last_key_) return last_;
  if (bytes_ > kMostCachedBytes) {
    entries_.clear();
    bytes_ = 0;
    last_ = nullptr;
  }
  DecodedTimesPtr& entry = entries_[key];
  if (entry == nullptr) {
    entry = shared_.find(key);
    if (entry == nullptr) {
      Result<DecodedTimes> times = decode();
      if (!times) {
        entries_.erase(key);
        return times.status();
      }
      entry = std::make_shared<const DecodedTimes>(std::move(*times));
      shared_.insert(key, entry);
    }
    bytes_ += entry->memory_bytes();
  }
  last_key_ = key;
  last_ = entry.get();
  return last_;
}

Result<const DecodedTimes*> TimesCache::of(const HeadChunk& chunk) {
  return find(Key::head(chunk.times().hash, unit_), [&] {
    ByteReader in(chunk.times().bytes);
    return DecodedTimes::decode(in, chunk.count(), unit_);
  });
}

Result<DecodedTimes> TimesCache::read(std::int32_t window, std::uint32_t generation, std::uint64_t number) {
  const auto bytes = reader_.times(window, generation, number);
  if (!bytes) return bytes.status();
  ByteReader in(*bytes);
  const std::uint64_t stored = in.varint();
  if (!in.ok() || stored == 0 || stored > kMaxChunkSamples)
    return Status(Code::DataLoss, "a times block is malformed");
  return DecodedTimes::decode(in, stored, unit_);
}

Result<const DecodedTimes*> TimesCache::of(std::int32_t window, std::uint32_t generation,
                                           std::uint64_t number, std::size_t count) {
  const auto found =
      find(Key::stored(window, generation, number, unit_), [&] { return read(window, generation, number); });
  if (found && (*found)->size() != count)
    return Status(Code::DataLoss, "a chunk and its times block differ in length");
  return found;
}

void ColumnBuilder::clear() {
  parts_.clear();
  repeats_ = false;
}

ColumnBuilder::Part& ColumnBuilder::add_part(ValueType type, std::int64_t first_ns, std::int64_t last_ns,
                                             std::uint32_t count) {
  Part& part = parts_.emplace_back();
  part.type = type;
  part.first_ns = first_ns;
  part.last_ns = last_ns;
  part.count = count;
  part.arrival = static_cast<std::uint32_t>(parts_.size());
  return part;
}

Status ColumnBuilder::add_stored(std::int32_t window, std::uint32_t generation, std::string_view record) {
  ByteReader in(record);
  while (in.ok() && !in.at_end()) {
    const std::string_view bytes = in.string();
    if (!in.ok()) break;
    const auto chunk = ChunkView::parse(bytes);
    if (!chunk) return chunk.status();
    const ChunkHeader& header = chunk->header();
    if (!range_.overlaps({header.first_ns, header.last_ns})) continue;
    Part& part = add_part(header.type, header.first_ns, header.last_ns, header.count);
    part.chunk = *chunk;
    part.is_chunk = true;
    part.window = window;
    part.generation = generation;
  }
  return in.ok() ? Status() : Status(Code::DataLoss, "a values record is malformed");
}

void ColumnBuilder::add_head(const HeadChunkPtr& chunk) {
  if (!range_.overlaps({chunk->first_ns(), chunk->last_ns()})) return;
  add_part(chunk->type(), chunk->first_ns(), chunk->last_ns(), chunk->count()).head = &chunk;
}

void ColumnBuilder::add_open(ValueType type, const SampleColumn* column) {
  if (column->size() == 0 || !range_.overlaps({column->times_ns.front(), column->times_ns.back()})) return;
  add_part(type, column->times_ns.front(), column->times_ns.back(),
           static_cast<std::uint32_t>(column->size()))
      .open = column;
}

void ColumnBuilder::add_late(ValueType type, std::span<const RawSample> samples,
                             std::span<const std::string> strings) {
  for (const RawSample& sample : samples) {
    if (!range_.contains(sample.time_ns)) continue;
    Part& part = add_part(type, sample.time_ns, sample.time_ns, 1);
    part.late = &sample;
    if (type == ValueType::String) part.late_text = strings[sample.bits];
  }
}

ValueType ColumnBuilder::common_type() const {
  if (as_floats_ || parts_.empty()) return ValueType::Float64;
  for (const Part& part : parts_) {
    if (part.type != parts_.front().type)
      return ValueType::Float64;  // twins of different type meet as floats
  }
  return parts_.front().type;
}

Result<const DecodedTimes*> ColumnBuilder::times_of(const Part& part) {
  if (part.head != nullptr) return times_.of(**part.head);
  if (part.is_chunk && part.chunk.header().times_ref != 0) {
    return times_.of(part.window, part.generation, part.chunk.header().times_ref, part.count);
  }
  std::vector<std::int64_t> ns;
  if (part.is_chunk) {
    ns.resize(part.count);
    if (Status bad = part.chunk.decode_times(TimeUnit::Nanoseconds, ns.data()); !bad.ok()) return bad;
  } else if (part.open != nullptr) {
    ns.assign(part.open->times_ns.begin(), part.open->times_ns.end());
  } else {
    ns.assign(1, part.late->time_ns);
  }
  own_times_ = DecodedTimes::of(std::move(ns), unit_);
  return &own_times_;
}

std::uint64_t ColumnBuilder::bytes_to_build() const {
  // Times and values; parts that overlap are gathered beside them with their nanoseconds and an order.
  constexpr std::uint64_t kPerSample = 2 * sizeof(std::int64_t);
  constexpr std::uint64_t kPerGathered = 4 * sizeof(std::int64_t);
  std::uint64_t samples = 0;
  std::int64_t last_ns = std::numeric_limits<std::int64_t>::min();
  bool ordered = true;
  for (const Part& part : parts_) {
    samples += part.count;
    ordered = ordered && (last_ns < part.first_ns || &part == &parts_.front());
    last_ns = part.last_ns;
  }
  return parts_.capacity() * sizeof(Part) + samples * (ordered ? kPerSample : kPerSample + kPerGathered);
}

Status ColumnBuilder::build(Columns& out) {
  out.clear();
  out.type = common_type();
  // Strings beside numbers of the same labels: numbers are what floats can show.
  if (out.type == ValueType::Float64)
    std::erase_if(parts_, [](const Part& part) { return part.type == ValueType::String; });
  bool ordered = true;
  for (std::size_t i = 1; i < parts_.size(); ++i)
    ordered = ordered && parts_[i - 1].last_ns < parts_[i].first_ns;
  if (!ordered) {
    std::stable_sort(parts_.begin(), parts_.end(),
                     [](const Part& a, const Part& b) { return a.first_ns < b.first_ns; });
    std::int64_t last = parts_.front().last_ns;
    bool apart = true;
    for (std::size_t i = 1; i < parts_.size(); ++i) {
      apart = apart && last < parts_[i].first_ns;
      last = std::max(last, parts_[i].last_ns);
    }
    if (!apart) return build_overlapping(out);
  }
  for (const Part& part : parts_) {
    if (Status bad = append(part, out); !bad.ok()) return bad;
  }
  if (repeats_) drop_repeats(out);
  return {};
}

Status ColumnBuilder::append(const Part& part, Columns& out) {
  const auto times = times_of(part);
  if (!times) return times.status();
  const auto [from, to] = (*times)->within(range_);
  if (from >= to) return {};
  const std::vector<std::int64_t>& shown = (*times)->shown();
  repeats_ = repeats_ || !(*times)->distinct() || (!out.times.empty() && out.times.back() == shown[from]);
  out.times.insert(out.times.end(), shown.begin() + static_cast<std::ptrdiff_t>(from),
                   shown.begin() + static_cast<std::ptrdiff_t>(to));
  return append_values(part, from, to, out);
}

Status ColumnBuilder::decode_bits(const Part& part) {
  scratch_.clear();
  if (part.is_chunk) {
    scratch_.bits.resize(part.count);
    return part.chunk.decode_bits(scratch_.bits.data());
  }
  if (part.head != nullptr) return decode_values(part.type, (*part.head)->values(), part.count, scratch_);
  if (part.open != nullptr) {
    scratch_.bits.assign(part.open->bits.begin(), part.open->bits.end());
  } else {
    scratch_.bits.assign(1, part.late->bits);
  }
  return {};
}

Status ColumnBuilder::append_strings(const Part& part, std::size_t from, std::size_t to, Columns& out) {
  scratch_.clear();
  Status status;
  if (part.is_chunk) {
    status = part.chunk.decode_strings(scratch_.strings);
  } else if (part.head != nullptr) {
    status = decode_values(part.type, (*part.head)->values(), part.count, scratch_);
  } else if (part.open != nullptr) {
    scratch_.strings = part.open->strings;
  } else {
    scratch_.strings.assign(1, part.late_text);
  }
  for (std::size_t i = from; status.ok() && i < to; ++i) out.strings.emplace_back(scratch_.strings[i]);
  return status;
}

Status ColumnBuilder::append_values(const Part& part, std::size_t from, std::size_t to, Columns& out) {
  if (out.type == ValueType::String) return append_strings(part, from, to, out);
  const bool floats_in = part.type == ValueType::Float64;
  const bool floats_out = out.type == ValueType::Float64;
  if (floats_in && floats_out && (part.is_chunk || part.head != nullptr)) {
    // The way nearly all values go: decoded in place, or beside when only a piece is wanted.
    const bool whole = from == 0 && to == part.count;
    const std::size_t before = out.floats.size();
    UninitialisedVector<double>& target = whole ? out.floats : floats_;
    const std::size_t at = whole ? before : 0;
    target.resize(at + part.count);
    Status status;
    if (part.is_chunk) {
      status = part.chunk.decode_floats(target.data() + at);
    } else {
      ByteReader in((*part.head)->values());
      status = decode_floats(in, part.count, target.data() + at);
    }
    if (!whole)
      out.floats.insert(out.floats.end(), floats_.begin() + static_cast<std::ptrdiff_t>(from),
                        floats_.begin() + static_cast<std::ptrdiff_t>(to));
    return status;
  }
  if (Status bad = decode_bits(part); !bad.ok()) return bad;
  for (std::size_t i = from; i < to; ++i) {
    if (floats_out) {
      out.floats.push_back(as_float(part.type, scratch_.bits[i]));
    } else {
      out.ints.push_back(static_cast<std::int64_t>(scratch_.bits[i]));
    }
  }
  return {};
}

Status ColumnBuilder::build_overlapping(Columns& out) {
  // Each part alone into columns of its own, then the indices sorted by time and arrival.
  std::sort(parts_.begin(), parts_.end(), [](const Part& a, const Part& b) { return a.arrival < b.arrival; });
  Columns all;
  all.type = out.type;
  std::vector<std::int64_t> ns;
  for (const Part& part : parts_) {
    const auto times = times_of(part);
    if (!times) return times.status();
    const auto [from, to] = (*times)->within(range_);
    if (from >= to) continue;
    for (std::size_t i = from; i < to; ++i) ns.push_back((*times)->ns_at(i));
    if (Status bad = append_values(part, from, to, all); !bad.ok()) return bad;
  }
  if (ns.size() != size_of(all.type, all)) return Status(Code::Internal, "times and values differ in number");
  std::vector<std::uint32_t> order(ns.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return ns[a] < ns[b]; });
  const auto shown = [&](std::uint32_t i) {
    return unit_ == TimeUnit::Milliseconds ? floor_div(ns[i], kNsPerMs) : ns[i];
  };
  for (std::size_t i = 0; i < order.size(); ++i) {
    // Of one time the last to arrive stays; of one millisecond the last.
    if (i + 1 < order.size() && shown(order[i + 1]) == shown(order[i])) continue;
    out.times.push_back(shown(order[i]));
    if (out.type == ValueType::Float64) {
      out.floats.push_back(all.floats[order[i]]);
    } else if (out.type == ValueType::String) {
      out.strings.push_back(std::move(all.strings[order[i]]));
    } else {
      out.ints.push_back(all.ints[order[i]]);
    }
  }
  return {};
}

void ColumnBuilder::drop_repeats(Columns& out) const {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < out.times.size(); ++i) {
    if (i + 1 < out.times.size() && out.times[i + 1] == out.times[i]) continue;
    out.times[kept] = out.times[i];
    if (out.type == ValueType::Float64) {
      out.floats[kept] = out.floats[i];
    } else if (out.type == ValueType::String) {
      if (kept != i) out.strings[kept] = std::move(out.strings[i]);
    } else {
      out.ints[kept] = out.ints[i];
    }
    ++kept;
  }
  out.times.resize(kept);
  if (out.type == ValueType::Float64) {
    out.floats.resize(kept);
  } else if (out.type == ValueType::String) {
    out.strings.resize(kept);
  } else {
    out.ints.resize(kept);
  }
}

}  // namespace silverback::storage
