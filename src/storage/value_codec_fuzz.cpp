// Any bytes decode to values or to DataLoss, alike at every level; any values come back bit for bit.
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "storage/time_codec.h"
#include "storage/value_codec.h"

namespace {

using namespace silverback;
using namespace silverback::storage;

void check(bool holds) {
  if (!holds) std::abort();
}

void decode_anything(std::string_view bytes, std::size_t n) {
  // Exactly n outputs, so that AddressSanitizer sees one too many.
  std::vector<double> plain(n);
  std::vector<double> fast(n);
  std::vector<std::int64_t> ints(n);
  std::vector<std::uint64_t> uints(n);
  std::vector<std::string_view> strings;
  ByteReader a(bytes);
  ByteReader b(bytes);
  const bool sound = decode_floats_with(Simd::Baseline, a, n, plain.data()).ok();
  check(sound == decode_floats_with(best_simd(), b, n, fast.data()).ok());
  check(!sound || (a.left() == b.left() && std::memcmp(plain.data(), fast.data(), n * sizeof(double)) == 0));
  ByteReader c(bytes);
  ByteReader d(bytes);
  ByteReader e(bytes);
  ByteReader f(bytes);
  (void)decode_ints(c, n, ints.data()).ok();
  (void)decode_times(d, n, TimeUnit::Milliseconds, ints.data()).ok();
  (void)decode_bools(e, n, uints.data()).ok();
  (void)decode_strings(f, n, strings).ok();
}

template <typename T, typename Encode, typename Decode>
void round_trip(const std::vector<T>& values, Encode encode, Decode decode) {
  std::string bytes;
  encode(values, bytes);
  std::vector<T> out(values.size());
  ByteReader in(bytes);
  check(decode(in, out.size(), out.data()).ok() && in.at_end());
  check(out.empty() || std::memcmp(out.data(), values.data(), out.size() * sizeof(T)) == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const std::size_t n = 1 + (data[0] | static_cast<std::size_t>(data[1] & 3) << 8);
  ScaleHint hint = data[2];
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 3, size - 3);
  decode_anything(bytes, n);

  std::vector<std::uint64_t> bits(std::min(bytes.size() / 8, kMaxChunkSamples));
  if (!bits.empty()) std::memcpy(bits.data(), bytes.data(), bits.size() * 8);
  std::vector<double> floats(bits.size());
  if (!bits.empty()) std::memcpy(floats.data(), bytes.data(), bits.size() * 8);
  round_trip(
      floats, [&](const auto& v, std::string& out) { encode_floats(v, hint, out); }, decode_floats);
  round_trip(
      bits, [](const auto& v, std::string& out) { encode_uints(v, out); }, decode_uints);
  const std::vector<std::int64_t> times(bits.begin(), bits.end());
  round_trip(
      times, [](const auto& v, std::string& out) { encode_times(v, out); },
      [](ByteReader& in, std::size_t count, std::int64_t* out) {
        return decode_times(in, count, TimeUnit::Nanoseconds, out);
      });
  // Short decimals, which random bits seldom are.
  std::vector<double> decimals;
  for (const char c : bytes) decimals.push_back(static_cast<double>(static_cast<signed char>(c)) / 10);
  decimals.resize(std::min(decimals.size(), kMaxChunkSamples));
  round_trip(
      decimals, [&](const auto& v, std::string& out) { encode_floats(v, hint, out); }, decode_floats);
  return 0;
}
