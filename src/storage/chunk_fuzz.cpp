// Any bytes parse and decode or are DataLoss; any samples come back from their chunk.
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "storage/chunk.h"

namespace {

using namespace silverback;
using namespace silverback::storage;

void decode_anything(std::string_view bytes) {
  const auto chunk = ChunkView::parse(bytes);
  if (!chunk) return;
  const std::size_t n = chunk->header().count;
  if (chunk->header().times_ref == 0) {
    std::vector<std::int64_t> times(n);
    (void)chunk->decode_times(TimeUnit::Milliseconds, times.data()).ok();
  }
  if (chunk->header().type == ValueType::String) {
    std::vector<std::string_view> strings;
    (void)chunk->decode_strings(strings).ok();
    return;
  }
  std::vector<std::uint64_t> bits(n);
  std::vector<double> floats(n);
  if (chunk->decode_bits(bits.data()).ok() != chunk->decode_as_floats(floats.data()).ok()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  decode_anything(input);
  if (size < 17) return 0;

  const auto type = static_cast<ValueType>(data[0] % 4);
  const std::size_t n = std::min<std::size_t>((size - 1) / 16, 2000);
  std::vector<std::int64_t> times(n);
  std::vector<std::uint64_t> bits(n);
  std::memcpy(times.data(), data + 1, n * 8);
  std::memcpy(bits.data(), data + 1 + n * 8, n * 8);
  if (type == ValueType::Bool) {
    for (auto& b : bits) b &= 1;
  }
  std::string bytes;
  ScaleHint hint = data[0];
  encode_chunk({.type = type, .times_ns = times, .bits = bits, .strings = {}, .times_ref = data[0] / 16u},
               hint, bytes);
  const auto chunk = ChunkView::parse(bytes);
  std::vector<std::uint64_t> out(n);
  if (!chunk || !chunk->decode_bits(out.data()).ok() || out != bits) std::abort();
  if (chunk->header().first_ns != times.front() || chunk->header().last_ns != times.back()) std::abort();
  if (chunk->header().times_ref != 0) return 0;
  std::vector<std::int64_t> out_times(n);
  if (!chunk->decode_times(TimeUnit::Nanoseconds, out_times.data()).ok() || out_times != times) std::abort();
  return 0;
}
