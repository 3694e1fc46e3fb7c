// Any bytes decode to samples or to DataLoss; any samples come back, however they are cut into batches.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "storage/gorilla.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace silverback::storage;
  if (size < 2) return 0;
  const bool delta = (data[0] & 1) != 0;
  const std::size_t batch = 1 + data[0] / 2;
  const std::size_t n = 1 + data[1];
  std::vector<std::int64_t> times(n);
  std::vector<std::uint64_t> bits(n);
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  (void)gorilla_decode(bytes, delta, n, times.data(), bits.data()).ok();

  const std::size_t samples = std::min<std::size_t>(bytes.size() / 16, 1000);
  times.resize(samples);
  bits.resize(samples);
  for (std::size_t i = 0; i < samples; ++i) {
    std::memcpy(&times[i], &bytes[i * 16], 8);
    std::memcpy(&bits[i], &bytes[i * 16 + 8], 8);
    if (i % 3 != 0)
      times[i] = static_cast<std::int64_t>(static_cast<std::uint64_t>(times[i - 1]) + 15'000'000'000u);
  }
  GorillaState state;
  state.delta = delta ? 1 : 0;
  std::string stream;
  for (std::size_t i = 0; i < samples; i += batch) {
    const std::size_t part = std::min(batch, samples - i);
    gorilla_append(state, stream, std::span(times).subspan(i, part), std::span(bits).subspan(i, part));
  }
  std::vector<std::int64_t> out_times(samples);
  std::vector<std::uint64_t> out_bits(samples);
  const bool sound = gorilla_decode(stream, delta, samples, out_times.data(), out_bits.data()).ok();
  if (samples != 0 && (!sound || out_times != times || out_bits != bits)) std::abort();
  return 0;
}
