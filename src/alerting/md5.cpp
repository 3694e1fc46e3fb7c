#include "alerting/md5.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <string>

#include "base/bytes.h"

namespace silverback::alerting {
namespace {

constexpr std::size_t kBlock = 64;

// RFC 1321, 3.4: the whole part of 2^32 * abs(sin(i + 1)).
std::array<std::uint32_t, kBlock> make_sines() {
  std::array<std::uint32_t, kBlock> sines{};
  for (std::size_t i = 0; i < kBlock; ++i)
    sines[i] = static_cast<std::uint32_t>(
        std::floor(std::ldexp(std::fabs(std::sin(static_cast<double>(i + 1))), 32)));
  return sines;
}

constexpr int kShifts[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};

void add_block(std::array<std::uint32_t, 4>& state, std::string_view block) {
  static const auto sines = make_sines();
  std::array<std::uint32_t, 16> words{};
  for (std::size_t i = 0; i < words.size(); ++i) {
    for (std::size_t byte = 4; byte-- > 0;)
      words[i] = words[i] << 8 | static_cast<std::uint8_t>(block[4 * i + byte]);
  }
  auto [a, b, c, d] = state;
  for (std::size_t i = 0; i < kBlock; ++i) {
    std::uint32_t mixed = 0;
    std::size_t word = 0;
    switch (i / 16) {
      case 0: mixed = (b & c) | (~b & d), word = i; break;
      case 1: mixed = (d & b) | (~d & c), word = 5 * i + 1; break;
      case 2: mixed = b ^ c ^ d, word = 3 * i + 5; break;
      default: mixed = c ^ (b | ~d), word = 7 * i; break;
    }
    mixed += a + sines[i] + words[word % 16];
    a = d;
    d = c;
    c = b;
    b += std::rotl(mixed, kShifts[i / 16][i % 4]);
  }
  state = {state[0] + a, state[1] + b, state[2] + c, state[3] + d};
}

}  // namespace

std::array<std::uint8_t, 16> md5(std::string_view text) {
  // A one bit, zeros, and the length in bits fill the last block.
  const std::size_t whole = text.size() / kBlock * kBlock;
  std::string rest(text.substr(whole));
  rest += '\x80';
  rest.resize((rest.size() + 8 + kBlock - 1) / kBlock * kBlock - 8);
  put_fixed(rest, std::uint64_t{text.size()} * 8);

  std::array<std::uint32_t, 4> state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
  for (std::size_t at = 0; at < whole; at += kBlock) add_block(state, text.substr(at, kBlock));
  for (std::size_t at = 0; at < rest.size(); at += kBlock)
    add_block(state, std::string_view(rest).substr(at, kBlock));

  std::array<std::uint8_t, 16> out{};
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = static_cast<std::uint8_t>(state[i / 4] >> (8 * (i % 4)));
  return out;
}

}  // namespace silverback::alerting
