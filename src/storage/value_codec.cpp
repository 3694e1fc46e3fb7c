#include "storage/value_codec.h"

#include <algorithm>
#include <cassert>
#include <unordered_map>

#include "base/hash.h"
#include "storage/int_codec.h"

namespace silverback::storage {
namespace {

Status damaged(std::size_t n, const char* what) {
  return {Code::DataLoss, "damaged column of " + std::to_string(n) + " " + what};
}

// Bools: the first byte says how, and for runs what the first run is of.
constexpr std::uint8_t kBoolBits = 0;
constexpr std::uint8_t kBoolRunsOfFalse = 2;
constexpr std::uint8_t kBoolRunsOfTrue = 3;

// Strings: the first byte.
constexpr std::uint8_t kPlainStrings = 0;
constexpr std::uint8_t kDictionary = 1;

struct ViewHash {
  std::size_t operator()(std::string_view v) const { return hash64(v, process_hash_seed()); }
};

/// Lengths as an integer column, then all bytes.
void put_plain(std::span<const std::string_view> values, std::string& out) {
  std::vector<std::int64_t> lengths;
  lengths.reserve(values.size());
  for (const auto value : values) lengths.push_back(static_cast<std::int64_t>(value.size()));
  encode_ints(lengths, out);
  for (const auto value : values) out.append(value);
}

bool read_plain(ByteReader& in, std::size_t n, std::vector<std::string_view>& out) {
  std::vector<std::int64_t> lengths(n);
  if (!decode_ints(in, n, lengths.data()).ok()) return false;
  out.reserve(n);
  for (const std::int64_t length : lengths) {
    if (length < 0) return false;
    out.push_back(in.bytes(static_cast<std::uint64_t>(length)));
    if (!in.ok()) return false;
  }
  return true;
}

bool read_dictionary(ByteReader& in, std::size_t n, std::vector<std::string_view>& out) {
  const std::uint64_t distinct = in.varint();
  if (!in.ok() || distinct == 0 || distinct > n) return false;
  std::vector<std::string_view> words;
  if (!read_plain(in, distinct, words)) return false;
  std::vector<std::int64_t> indexes(n);
  if (!decode_ints(in, n, indexes.data()).ok()) return false;
  out.reserve(n);
  for (const std::int64_t index : indexes) {
    if (index < 0 || static_cast<std::uint64_t>(index) >= distinct) return false;
    out.push_back(words[static_cast<std::size_t>(index)]);
  }
  return true;
}

}  // namespace

void encode_ints(std::span<const std::int64_t> values, std::string& out) {
  assert(values.size() <= kMaxChunkSamples);
  if (!values.empty()) put_int_column(values, 0, out);
}

Status decode_ints(ByteReader& in, std::size_t n, std::int64_t* out) {
  if (n == 0) return {};
  IntColumnReader reader;
  if (!reader.open(best_simd(), in.position(), in.position() + in.left(), n) || reader.tag() != 0) {
    return damaged(n, "integers");
  }
  std::int64_t block[IntColumnReader::kMaxRead];
  for (std::size_t at = 0; at < n;) {
    const std::size_t got = reader.read(block);
    if (got == 0) return damaged(n, "integers");
    std::copy_n(block, got, out + at);
    at += got;
  }
  if (!reader.done()) return damaged(n, "integers");
  in.bytes(static_cast<std::size_t>(reader.position() - in.position()));
  return {};
}

void encode_uints(std::span<const std::uint64_t> values, std::string& out) {
  encode_ints({reinterpret_cast<const std::int64_t*>(values.data()), values.size()}, out);
}

Status decode_uints(ByteReader& in, std::size_t n, std::uint64_t* out) {
  return decode_ints(in, n, reinterpret_cast<std::int64_t*>(out));  // the signed twin may alias
}

void encode_bools(std::span<const std::uint64_t> values, std::string& out) {
  const std::size_t n = values.size();
  assert(n <= kMaxChunkSamples);
  if (n == 0) return;
  const std::size_t start = out.size();
  const std::size_t packed = 1 + (n + 7) / 8;
  out.push_back(static_cast<char>(values[0] != 0 ? kBoolRunsOfTrue : kBoolRunsOfFalse));
  std::size_t run_start = 0;
  for (std::size_t i = 1; i < n && out.size() - start < packed; ++i) {
    if ((values[i] != 0) == (values[i - 1] != 0)) continue;
    put_varint(out, i - run_start);
    run_start = i;
  }
  out.push_back('\0');  // to the end
  if (out.size() - start <= packed) return;
  out.resize(start);
  out.resize(start + packed);
  out[start] = static_cast<char>(kBoolBits);
  for (std::size_t i = 0; i < n; ++i) {
    char& byte = out[start + 1 + i / 8];
    if (values[i] != 0) byte = static_cast<char>(static_cast<std::uint8_t>(byte) | 1u << (i % 8));
  }
}

Status decode_bools(ByteReader& in, std::size_t n, std::uint64_t* out) {
  if (n == 0) return {};
  const auto head = in.fixed<std::uint8_t>();
  if (!in.ok() || head == 1 || head > kBoolRunsOfTrue) return damaged(n, "bools");
  if (head == kBoolBits) {
    const std::string_view bits = in.bytes((n + 7) / 8);
    if (!in.ok()) return damaged(n, "bools");
    for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<std::uint8_t>(bits[i / 8]) >> (i % 8) & 1u;
    return {};
  }
  std::uint64_t value = head == kBoolRunsOfTrue ? 1 : 0;
  for (std::size_t at = 0; at < n; value ^= 1) {
    const std::uint64_t length = in.varint();
    if (!in.ok() || length > n - at) return damaged(n, "bools");
    const std::size_t run = length == 0 ? n - at : static_cast<std::size_t>(length);
    std::fill_n(out + at, run, value);
    at += run;
    if (at == n && length != 0) return damaged(n, "bools");  // the last run is the one without a length
  }
  return {};
}

void encode_strings(std::span<const std::string_view> values, std::string& out) {
  assert(values.size() <= kMaxChunkSamples);
  if (values.empty()) return;
  std::unordered_map<std::string_view, std::int64_t, ViewHash> seen;
  std::vector<std::string_view> words;
  std::vector<std::int64_t> indexes;
  std::size_t all_bytes = 0;
  std::size_t word_bytes = 0;
  for (const auto value : values) {
    const auto [word, added] = seen.try_emplace(value, static_cast<std::int64_t>(words.size()));
    if (added) {
      words.push_back(value);
      word_bytes += value.size() + 1;
    }
    indexes.push_back(word->second);
    all_bytes += value.size() + 1;
  }
  // An index costs at most what a length does, roughly; so the words' bytes decide.
  if (words.size() == values.size() || word_bytes + values.size() / 2 >= all_bytes) {
    out.push_back(static_cast<char>(kPlainStrings));
    put_plain(values, out);
    return;
  }
  out.push_back(static_cast<char>(kDictionary));
  put_varint(out, words.size());
  put_plain(words, out);
  encode_ints(indexes, out);
}

Status decode_strings(ByteReader& in, std::size_t n, std::vector<std::string_view>& out) {
  out.clear();
  if (n == 0) return {};
  const auto head = in.fixed<std::uint8_t>();
  const bool sound = in.ok() && (head == kPlainStrings ? read_plain(in, n, out)
                                                       : head == kDictionary && read_dictionary(in, n, out));
  if (sound) return {};
  out.clear();
  return damaged(n, "strings");
}

}  // namespace silverback::storage
