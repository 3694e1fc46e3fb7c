#include "storage/head_chunk.h"

#include <bit>
#include <cassert>
#include <new>

#include "base/bytes.h"
#include "storage/time_codec.h"

namespace silverback::storage {
namespace {

/// Of a block with its place in the table, beside its bytes.
constexpr std::size_t kBlockOverhead = sizeof(TimesBlock) + 40;

std::size_t block_bytes(const TimesBlock& block) { return kBlockOverhead + block.bytes.capacity(); }

}  // namespace

TimesTable::~TimesTable() { assert(blocks_.empty() && "chunks go before the table of their times"); }

TimesBlock* TimesTable::take(std::span<const std::int64_t> times_ns) {
  const std::string_view raw(reinterpret_cast<const char*>(times_ns.data()), times_ns.size_bytes());
  const Hash128 hash = hash128(raw, process_hash_seed());
  const MutexLock lock(mutex_);
  auto [slot, fresh] = blocks_.try_emplace(hash.lo, nullptr);
  if (!fresh && slot->second->hash == hash) {
    slot->second->users.fetch_add(1, std::memory_order_relaxed);
    return slot->second;
  }
  auto* block = new TimesBlock;
  block->hash = hash;
  block->count = static_cast<std::uint32_t>(times_ns.size());
  block->first_ns = times_ns.front();
  block->last_ns = times_ns.back();
  encode_times(times_ns, block->bytes);
  block->bytes.shrink_to_fit();
  block->table = this;
  // Two blocks whose hashes agree in half only: the newer is found, the older serves its chunks out.
  slot->second = block;
  bytes_.fetch_add(block_bytes(*block), std::memory_order_relaxed);
  return block;
}

void TimesTable::release(TimesBlock* block) {
  // Not the last user: no lock. The last one may meet take(), which is why it goes under the lock.
  auto users = block->users.load(std::memory_order_relaxed);
  while (users > 1) {
    if (block->users.compare_exchange_weak(users, users - 1, std::memory_order_acq_rel)) return;
  }
  const MutexLock lock(mutex_);
  if (block->users.fetch_sub(1, std::memory_order_acq_rel) > 1) return;
  if (const auto it = blocks_.find(block->hash.lo); it != blocks_.end() && it->second == block)
    blocks_.erase(it);
  bytes_.fetch_sub(block_bytes(*block), std::memory_order_relaxed);
  delete block;
}

HeadChunk* HeadChunk::make(ValueType type, std::int32_t window, TimesBlock* times, std::string_view values) {
  void* memory = ::operator new(sizeof(HeadChunk) + values.size());
  auto* chunk = new (memory) HeadChunk(type, window, times, static_cast<std::uint32_t>(values.size()));
  values.copy(reinterpret_cast<char*>(chunk + 1), values.size());
  return chunk;
}

HeadChunkPtr::~HeadChunkPtr() {
  if (chunk_ == nullptr || chunk_->users_.fetch_sub(1, std::memory_order_acq_rel) > 1) return;
  chunk_->~HeadChunk();
  ::operator delete(chunk_);
}

void encode_values(ValueType type, std::span<const std::uint64_t> bits,
                   std::span<const std::string_view> strings, ScaleHint& hint, std::string& out) {
  switch (type) {
    case ValueType::Float64:
      encode_floats({reinterpret_cast<const double*>(bits.data()), bits.size()}, hint, out);
      return;
    case ValueType::Int64:
      encode_ints({reinterpret_cast<const std::int64_t*>(bits.data()), bits.size()}, out);
      return;
    case ValueType::Uint64: encode_uints(bits, out); return;
    case ValueType::Bool: encode_bools(bits, out); return;
    case ValueType::String: encode_strings(strings, out); return;
    case ValueType::Histogram: break;
  }
  assert(false && "no series of this type is created");
}

Status decode_values(ValueType type, std::string_view bytes, std::size_t n, SampleColumn& out) {
  ByteReader in(bytes);
  if (type == ValueType::String) {
    std::vector<std::string_view> views;
    if (const Status bad = decode_strings(in, n, views); !bad.ok()) return bad;
    out.strings.insert(out.strings.end(), views.begin(), views.end());
    return {};
  }
  const std::size_t before = out.bits.size();
  out.bits.resize(before + n);
  std::uint64_t* to = out.bits.data() + before;
  switch (type) {
    case ValueType::Float64: return decode_floats(in, n, reinterpret_cast<double*>(to));
    case ValueType::Int64: return decode_ints(in, n, reinterpret_cast<std::int64_t*>(to));
    case ValueType::Uint64: return decode_uints(in, n, to);
    case ValueType::Bool: return decode_bools(in, n, to);
    case ValueType::String:
    case ValueType::Histogram: break;
  }
  return Status(Code::DataLoss, "value type " + std::to_string(static_cast<int>(type)) + " is not known");
}

}  // namespace silverback::storage
