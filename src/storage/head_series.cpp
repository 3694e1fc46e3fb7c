#include "storage/head_series.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <memory>

namespace silverback::storage {
namespace {

std::string* string_of(std::uint64_t bits) { return reinterpret_cast<std::string*>(bits); }

std::size_t string_bytes(const std::string& text) { return sizeof text + text.capacity(); }

/// Of one thread that appends or flushes; sealing happens once in 128 samples and must not allocate.
struct Scratch {
  SampleColumn column;
  std::string bytes;
};

Scratch& scratch() {
  thread_local Scratch own;
  return own;
}

std::uint64_t wide_bytes(std::uint32_t capacity) {
  return capacity > kYoungTail ? std::uint64_t{capacity} * sizeof(RawSample) : 0;
}

bool same_value(ValueType type, std::uint64_t a, std::uint64_t b) {
  return type == ValueType::String ? *string_of(a) == *string_of(b) : a == b;
}

}  // namespace

void SeriesSnapshot::clear() {
  chunks.clear();
  stream.clear();
  stream_count = 0;
  tail.clear();
  late.clear();
  strings.clear();
}

std::size_t SeriesSnapshot::memory_bytes() const {
  std::size_t bytes = chunks.capacity() * sizeof(HeadChunkPtr) + stream.capacity() +
                      (tail.capacity() + late.capacity()) * sizeof(RawSample) +
                      strings.capacity() * sizeof(std::string);
  for (const std::string& text : strings) bytes += text.capacity();
  return bytes;
}

SeriesBody& HeadShard::body_of(HeadSeries& series) {
  if (series.body == nullptr) {
    series.body = new (pool_.allocate(sizeof(SeriesBody))) SeriesBody;
    series.body->state.delta = gorilla_uses_delta(series.type) ? 1 : 0;
  }
  return *series.body;
}

void HeadShard::free_body_if_empty(HeadSeries& series) {
  SeriesBody* body = series.body;
  if (body == nullptr || body->state.count > 0 || body->chunk_count > 0 || body->late != nullptr) return;
  assert(body->stream == nullptr && body->chunks == nullptr);
  pool_.free(body, sizeof(SeriesBody));
  series.body = nullptr;
}

void HeadShard::resize_tail(HeadSeries& series, std::uint32_t capacity) {
  RawSample* tail = nullptr;
  if (capacity > 0) {
    tail = static_cast<RawSample*>(pool_.allocate(capacity * sizeof(RawSample)));
    if (series.tail_size > 0) std::memcpy(tail, series.tail, series.tail_size * sizeof(RawSample));
  }
  if (series.tail != nullptr) pool_.free(series.tail, series.tail_capacity * sizeof(RawSample));
  wide_bytes_ += wide_bytes(capacity) - wide_bytes(series.tail_capacity);
  series.tail = tail;
  series.tail_capacity = static_cast<std::uint8_t>(capacity);
}

void HeadShard::free_stream(SeriesBody& body) {
  if (body.stream != nullptr) pool_.free(body.stream, body.state.byte_count());
  body.stream = nullptr;
  const bool delta = body.state.delta != 0;
  body.state = {};
  body.state.delta = delta ? 1 : 0;
}

void HeadShard::make_room(HeadSeries& series) {
  const std::uint32_t capacity = series.tail_capacity;
  const bool old = series.first_chunk != nullptr || (series.body != nullptr && series.body->state.count > 0);
  const std::uint32_t most = old ? kTail : kYoungTail;
  if (capacity < most) {
    resize_tail(series, capacity + kTailStep);
    return;
  }
  if (widen_tail(series)) return;
  const std::uint32_t open = series.tail_size + (series.body != nullptr ? series.body->state.count : 0u);
  if (open >= kChunkSamples || series.type == ValueType::String) {
    seal_open(series);
  } else {
    spill_tail(series);
  }
  if (series.tail_capacity != kTail && series.tail_capacity != kChunkSamples) resize_tail(series, kTail);
}

bool HeadShard::widen_tail(HeadSeries& series) {
  const std::uint32_t capacity = series.tail_capacity;
  const bool packed = series.body != nullptr && series.body->state.count > 0;
  if (capacity >= kChunkSamples || packed || series.type == ValueType::String) return false;
  const std::uint32_t wanted = std::min(2 * capacity, kChunkSamples);
  if (wide_bytes_ - wide_bytes(capacity) + wide_bytes(wanted) > kWideBytes) return false;
  resize_tail(series, wanted);
  return true;
}

void HeadShard::spill_tail(HeadSeries& series) {
  for (std::uint32_t at = 0; at < series.tail_size; at += kYoungTail)
    pack(body_of(series), {series.tail + at, std::min(kYoungTail, series.tail_size - at)});
  series.tail_size = 0;
}

// Only what is new is encoded, behind the stream's unfinished byte: the stream itself is copied when its
// block becomes too small, and otherwise not touched.
void HeadShard::pack(SeriesBody& body, std::span<const RawSample> samples) {
  std::int64_t times_ns[kYoungTail];
  std::uint64_t bits[kYoungTail];
  assert(samples.size() <= kYoungTail);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    times_ns[i] = samples[i].time_ns;
    bits[i] = samples[i].bits;
  }
  char fresh[(kYoungTail + 1) * kGorillaMaxSampleBytes];
  const std::size_t before = body.state.byte_count();
  const std::uint32_t whole = body.state.bit_count / 8;
  if (before > whole) fresh[0] = body.stream[whole];
  body.state.bit_count -= whole * 8;
  gorilla_append(body.state, fresh, {times_ns, samples.size()}, {bits, samples.size()});
  const std::size_t size = body.state.byte_count();
  body.state.bit_count += whole * 8;
  const std::size_t after = whole + size;
  if (body.stream == nullptr || SlabPool::capacity_for(before) != SlabPool::capacity_for(after)) {
    auto* const larger = static_cast<char*>(pool_.allocate(after));
    if (body.stream != nullptr) {
      std::memcpy(larger, body.stream, whole);
      pool_.free(body.stream, before);
    }
    body.stream = larger;
  }
  std::memcpy(body.stream + whole, fresh, size);
}

void HeadShard::append_string(HeadSeries& series, std::int64_t time_ns, std::string_view value) {
  auto text = std::make_unique<std::string>(value);
  heap_bytes_ += string_bytes(*text);
  append(series, time_ns, reinterpret_cast<std::uint64_t>(text.release()));
}

void HeadShard::roll_window(HeadSeries& series, std::int64_t time_ns) {
  seal_open(series);
  series.window_last_ns = window_range(window_of(time_ns)).max_ns;
}

void HeadShard::append_late(HeadSeries& series, std::int64_t time_ns, std::uint64_t bits) {
  RawSample* const end = series.tail + series.tail_size;
  RawSample* const same =
      std::lower_bound(series.tail, end, time_ns,
                       [](const RawSample& sample, std::int64_t time) { return sample.time_ns < time; });
  if (same != end && same->time_ns == time_ns &&
      (same + 1 == end || same_value(series.type, same->bits, bits))) {
    // The newest corrected, or one sent again. (An older one corrected goes the long way.)
    if (series.type == ValueType::String) free_string(same->bits);
    same->bits = bits;
    return;
  }
  SeriesBody& body = body_of(series);
  if (body.late == nullptr) {
    body.late = new std::vector<RawSample>;
    heap_bytes_ += sizeof *body.late;
  }
  body.late->push_back({time_ns, bits});
  ++samples_;
  ++late_;
  heap_bytes_ += sizeof(RawSample);
  if (body.late->size() >= kLateSamples) seal_late(series);
}

void HeadShard::read_open(const HeadSeries& series, SampleColumn& out) const {
  out.clear();
  if (series.body != nullptr && series.body->state.count > 0) {
    const GorillaState& state = series.body->state;
    out.times_ns.resize(state.count);
    out.bits.resize(state.count);
    const Status decoded = gorilla_decode({series.body->stream, state.byte_count()}, state.delta != 0,
                                          state.count, out.times_ns.data(), out.bits.data());
    assert(decoded.ok() && "what gorilla_append wrote, gorilla_decode reads");
    if (!decoded.ok()) out.clear();
  }
  const std::size_t packed = out.times_ns.size();
  out.times_ns.resize(packed + series.tail_size);
  for (std::size_t i = 0; i < series.tail_size; ++i) out.times_ns[packed + i] = series.tail[i].time_ns;
  if (series.type == ValueType::String) {
    for (std::size_t i = 0; i < series.tail_size; ++i) out.strings.push_back(*string_of(series.tail[i].bits));
  } else {
    out.bits.resize(packed + series.tail_size);
    for (std::size_t i = 0; i < series.tail_size; ++i) out.bits[packed + i] = series.tail[i].bits;
  }
}

void HeadShard::seal_open(HeadSeries& series) {
  const bool has_stream = series.body != nullptr && series.body->state.count > 0;
  if (series.tail_size == 0 && !has_stream) return;
  SampleColumn& column = scratch().column;
  read_open(series, column);
  seal_column(series, column);
  if (has_stream) free_stream(*series.body);
  if (series.type == ValueType::String) {
    for (std::size_t i = 0; i < series.tail_size; ++i) free_string(series.tail[i].bits);
  }
  series.tail_size = 0;
}

void HeadShard::seal_late(HeadSeries& series) {
  if (series.body == nullptr || series.body->late == nullptr) return;
  seal_open(series);
  std::unique_ptr<std::vector<RawSample>> late(std::exchange(series.body->late, nullptr));
  heap_bytes_ -= sizeof *late + late->size() * sizeof(RawSample);
  std::stable_sort(late->begin(), late->end(),
                   [](const RawSample& a, const RawSample& b) { return a.time_ns < b.time_ns; });
  const bool strings = series.type == ValueType::String;
  SampleColumn& column = scratch().column;
  column.clear();
  std::int64_t window_last_ns = 0;
  for (std::size_t i = 0; i < late->size(); ++i) {
    const RawSample& sample = (*late)[i];
    if (i + 1 < late->size() && (*late)[i + 1].time_ns == sample.time_ns) {
      --samples_;  // the next one, which came later, stands for both
      continue;
    }
    if (column.size() > 0 && sample.time_ns > window_last_ns) {
      seal_column(series, column);
      column.clear();
    }
    if (column.size() == 0) window_last_ns = window_range(window_of(sample.time_ns)).max_ns;
    column.times_ns.push_back(sample.time_ns);
    if (strings) {
      column.strings.push_back(*string_of(sample.bits));
    } else {
      column.bits.push_back(sample.bits);
    }
  }
  seal_column(series, column);
  if (strings) {
    for (const RawSample& sample : *late) free_string(sample.bits);
  }
  // One sample from the far future would make all that follow late for ever; so order begins anew here.
  series.last_ns = late->back().time_ns;
  series.window_last_ns = series.last_ns;
}

void HeadShard::seal_column(HeadSeries& series, const SampleColumn& column) {
  std::string& bytes = scratch().bytes;
  bytes.clear();
  encode_values(series.type, column.bits, column.strings, series.hint, bytes);
  TimesBlock* times = times_.take(column.times_ns);
  add_chunk(series,
            HeadChunkPtr(HeadChunk::make(series.type, window_of(column.times_ns.front()), times, bytes)));
}

void HeadShard::add_chunk(HeadSeries& series, HeadChunkPtr chunk) {
  ++chunks_;
  heap_bytes_ += chunk->memory_bytes();
  if (series.first_chunk == nullptr) {
    series.first_chunk = chunk.leave();
    return;
  }
  SeriesBody& body = body_of(series);
  if (body.chunk_count == body.chunk_capacity) {
    const std::size_t wanted =
        (body.chunk_count + std::max<std::size_t>(body.chunk_count / 2, 1)) * sizeof(HeadChunk*);
    const std::size_t bytes = SlabPool::capacity_for(wanted);
    auto** chunks = static_cast<HeadChunk**>(pool_.allocate(bytes));
    if (body.chunks != nullptr) {
      std::memcpy(chunks, body.chunks, body.chunk_count * sizeof(HeadChunk*));
      pool_.free(body.chunks, body.chunk_capacity * sizeof(HeadChunk*));
    }
    body.chunks = chunks;
    body.chunk_capacity = static_cast<std::uint32_t>(bytes / sizeof(HeadChunk*));
  }
  body.chunks[body.chunk_count++] = chunk.leave();
}

void HeadShard::expect(HeadSeries& series, std::size_t samples) {
  if (series.tail != nullptr || samples == 0) return;
  const std::uint32_t most = series.first_chunk != nullptr || series.body != nullptr ? kTail : kYoungTail;
  const auto steps =
      static_cast<std::uint32_t>((std::min<std::size_t>(samples, most) + kTailStep - 1) / kTailStep);
  resize_tail(series, steps * kTailStep);
}

void HeadShard::restore_chunk(HeadSeries& series, HeadChunkPtr chunk) {
  seal_late(series);
  seal_open(series);
  samples_ += chunk->count();
  series.last_ns = std::max(series.last_ns, chunk->last_ns());
  series.window_last_ns = series.last_ns;
  add_chunk(series, std::move(chunk));
}

void HeadShard::snapshot(const HeadSeries& series, TimeRange range, SeriesSnapshot& out) const {
  out.clear();
  out.type = series.type;
  const bool strings = series.type == ValueType::String;
  const auto copy = [&](std::span<const RawSample> from, std::vector<RawSample>& to) {
    to.assign(from.begin(), from.end());
    if (!strings) return;
    for (RawSample& sample : to) {
      out.strings.push_back(*string_of(sample.bits));
      sample.bits = out.strings.size() - 1;
    }
  };
  if (series.first_chunk != nullptr)
    out.chunks.reserve(1 + (series.body != nullptr ? series.body->chunk_count : 0));
  for_each_chunk(series, [&](HeadChunk* chunk) NO_THREAD_SAFETY_ANALYSIS {
    if (range.overlaps({chunk->first_ns(), chunk->last_ns()}))
      out.chunks.push_back(HeadChunkPtr::share(chunk));
  });
  if (const SeriesBody* body = series.body; body != nullptr) {
    // The open part lies between its window's beginning and last_ns.
    if (body->state.count > 0 && range.min_ns <= series.last_ns &&
        range.max_ns >= window_range(window_of(series.last_ns)).min_ns) {
      out.stream.assign(body->stream, body->state.byte_count());
      out.stream_count = body->state.count;
    }
    if (body->late != nullptr) copy(*body->late, out.late);
  }
  if (series.tail_size > 0 && range.min_ns <= series.last_ns && range.max_ns >= series.tail[0].time_ns) {
    copy({series.tail, series.tail_size}, out.tail);
  }
}

std::int64_t HeadShard::first_in_stream(const SeriesBody& body) {
  std::int64_t time_ns = 0;
  std::uint64_t bits = 0;
  const Status decoded =
      gorilla_decode({body.stream, body.state.byte_count()}, body.state.delta != 0, 1, &time_ns, &bits);
  return decoded.ok() ? time_ns : window_range(window_of(body.state.last_ns)).min_ns;
}

bool HeadShard::may_have(const HeadSeries& series, TimeRange range) const {
  const bool has_stream = series.body != nullptr && series.body->state.count > 0;
  if ((series.tail_size > 0 || has_stream) && range.min_ns <= series.last_ns) {
    if (range.max_ns >= (series.tail_size > 0 ? series.tail[0].time_ns : series.last_ns)) return true;
    if (has_stream && range.max_ns >= first_in_stream(*series.body)) return true;
  }
  bool found = false;
  for_each_chunk(series, [&](const HeadChunk* chunk) {
    found = found || range.overlaps({chunk->first_ns(), chunk->last_ns()});
  });
  if (found || series.body == nullptr) return found;
  return series.body->late != nullptr &&
         std::any_of(series.body->late->begin(), series.body->late->end(),
                     [&](const RawSample& sample) { return range.contains(sample.time_ns); });
}

void HeadShard::collect(HeadSeries& series, std::int32_t first, std::int32_t last,
                        std::vector<HeadChunkPtr>& out) {
  const auto wanted = [&](std::int32_t window) { return first <= window && window <= last; };
  if (series.body != nullptr && series.body->late != nullptr &&
      std::any_of(series.body->late->begin(), series.body->late->end(),
                  [&](const RawSample& sample) { return wanted(window_of(sample.time_ns)); })) {
    seal_late(series);
  }
  const bool open = series.tail_size > 0 || (series.body != nullptr && series.body->state.count > 0);
  if (open && wanted(window_of(series.last_ns))) seal_open(series);
  if (series.tail_size == 0 && series.tail != nullptr) resize_tail(series, 0);
  for_each_chunk(series, [&](HeadChunk* chunk) NO_THREAD_SAFETY_ANALYSIS {
    if (wanted(chunk->window())) out.push_back(HeadChunkPtr::share(chunk));
  });
}

void HeadShard::release_chunk(HeadChunk* chunk) {
  const HeadChunkPtr gone(chunk);
  samples_ -= gone->count();
  heap_bytes_ -= gone->memory_bytes();
  --chunks_;
}

void HeadShard::remove(HeadSeries& series, std::span<const HeadChunkPtr> chunks) {
  if (series.first_chunk == nullptr || chunks.empty()) return;
  std::vector<const HeadChunk*> gone;
  gone.reserve(chunks.size());
  for (const HeadChunkPtr& chunk : chunks) gone.push_back(chunk.get());
  std::sort(gone.begin(), gone.end());
  HeadChunk* first = nullptr;
  std::uint32_t kept = 0;
  for_each_chunk(series, [&](HeadChunk* chunk) NO_THREAD_SAFETY_ANALYSIS {
    if (std::binary_search(gone.begin(), gone.end(), chunk)) {
      release_chunk(chunk);
    } else if (first == nullptr) {
      first = chunk;
    } else {
      series.body->chunks[kept++] = chunk;  // never beyond the one being looked at
    }
  });
  series.first_chunk = first;
  if (series.body == nullptr) return;
  if (series.body->chunks != nullptr) shrink_chunks(*series.body, kept);
  free_body_if_empty(series);
}

void HeadShard::shrink_chunks(SeriesBody& body, std::uint32_t count) {
  body.chunk_count = count;
  const std::size_t bytes = count == 0 ? 0 : SlabPool::capacity_for(count * sizeof(HeadChunk*));
  if (bytes == body.chunk_capacity * sizeof(HeadChunk*)) return;
  HeadChunk** chunks = nullptr;
  if (count > 0) {
    chunks = static_cast<HeadChunk**>(pool_.allocate(bytes));
    std::memcpy(chunks, body.chunks, count * sizeof(HeadChunk*));
  }
  pool_.free(body.chunks, body.chunk_capacity * sizeof(HeadChunk*));
  body.chunks = chunks;
  body.chunk_capacity = static_cast<std::uint32_t>(bytes / sizeof(HeadChunk*));
}

void HeadShard::free_string(std::uint64_t bits) {
  heap_bytes_ -= string_bytes(*string_of(bits));
  delete string_of(bits);
}

void HeadShard::drop_raw(ValueType type, std::span<const RawSample> samples) {
  samples_ -= samples.size();
  if (type != ValueType::String) return;
  for (const RawSample& sample : samples) free_string(sample.bits);
}

void HeadShard::clear(HeadSeries& series) {
  if (series.tail == nullptr && series.body == nullptr && series.first_chunk == nullptr) return;
  drop_raw(series.type, {series.tail, series.tail_size});
  series.tail_size = 0;
  resize_tail(series, 0);
  for_each_chunk(series, [&](HeadChunk* chunk) NO_THREAD_SAFETY_ANALYSIS { release_chunk(chunk); });
  series.first_chunk = nullptr;
  if (series.body == nullptr) return;
  SeriesBody& body = *series.body;
  samples_ -= body.state.count;
  free_stream(body);
  if (body.late != nullptr) {
    drop_raw(series.type, *body.late);
    heap_bytes_ -= sizeof *body.late + body.late->size() * sizeof(RawSample);
    delete std::exchange(body.late, nullptr);
  }
  if (body.chunks != nullptr) shrink_chunks(body, 0);
  free_body_if_empty(series);
}

HeadShard::Figures HeadShard::figures() const {
  return {samples_, chunks_, pool_.used_bytes() + heap_bytes_, late_};
}

}  // namespace silverback::storage
