#include "storage/xor_codec.h"

#include <cstring>
#include <string_view>

#include "base/bytes.h"

namespace silverback::storage {

void put_xor_column(std::span<const double> values, std::string& out) {
  constexpr std::size_t kMaxCode = (13 + 64 + 7) / 8;
  const std::size_t start = out.size() + sizeof(double);
  put_fixed(out, values[0]);
  out.resize(start + values.size() * kMaxCode + 8);
  char* const bytes = out.data() + start;
  BitWriter writer(bytes, 0);
  XorWindow window;
  auto before = std::bit_cast<std::uint64_t>(values[0]);
  for (const double value : values.subspan(1)) {
    const auto bits = std::bit_cast<std::uint64_t>(value);
    const std::uint64_t x = bits ^ before;
    before = bits;
    if (x == 0) {
      writer.put(0, 1);
      continue;
    }
    const BitCode control = xor_control(x, window);
    writer.put(control.bits, control.length);
    writer.put_long(x >> (64 - window.lead - window.width), window.width);
  }
  out.resize(start + (writer.bit(bytes) + 7) / 8);
}

const char* get_xor_column(const char* p, const char* end, std::size_t n, double* out) {
  ByteReader head(std::string_view(p, static_cast<std::size_t>(end - p)));
  auto value = head.fixed<std::uint64_t>();
  if (!head.ok()) return nullptr;
  p = head.position();
  BitReader in(head.rest());
  XorWindow window;
  out[0] = std::bit_cast<double>(value);
  for (std::size_t i = 1; i < n; ++i) {
    if (!get_xor(in, window, value)) return nullptr;
    out[i] = std::bit_cast<double>(value);
  }
  return in.ok() ? p + (in.bit() + 7) / 8 : nullptr;
}

}  // namespace silverback::storage
