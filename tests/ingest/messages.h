// Remote-write messages, written out by hand: what the tests and the benchmarks send.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace silverback::ingest::message {

using Pairs = std::vector<std::pair<std::string, std::string>>;

inline std::string bytes_field(std::uint32_t field, std::string_view bytes) {
  std::string out;
  put_varint(out, field << 3 | 2);
  put_string(out, bytes);
  return out;
}
inline std::string varint_field(std::uint32_t field, std::uint64_t value) {
  std::string out;
  put_varint(out, field << 3);
  put_varint(out, value);
  return out;
}
inline std::string double_field(std::uint32_t field, double value) {
  std::string out;
  put_varint(out, field << 3 | 1);
  put_fixed(out, value);
  return out;
}

inline std::string labels(const Pairs& pairs) {
  std::string out;
  for (const auto& [name, value] : pairs) out += bytes_field(1, bytes_field(1, name) + bytes_field(2, value));
  return out;
}
inline std::string sample(double value, std::int64_t time_ms) {
  return bytes_field(2, double_field(1, value) + varint_field(2, static_cast<std::uint64_t>(time_ms)));
}
/// A TimeSeries in a WriteRequest.
inline std::string series(const Pairs& pairs, const std::vector<std::pair<std::int64_t, double>>& samples) {
  std::string out = labels(pairs);
  for (const auto& [time_ms, value] : samples) out += sample(value, time_ms);
  return bytes_field(1, out);
}

/// Remote write 2.0: symbols are added as they are needed.
class RequestV2 {
 public:
  std::uint32_t symbol(const std::string& text) {
    for (std::size_t i = 0; i < symbols_.size(); ++i) {
      if (symbols_[i] == text) return static_cast<std::uint32_t>(i);
    }
    symbols_.push_back(text);
    return static_cast<std::uint32_t>(symbols_.size() - 1);
  }
  std::string refs(const Pairs& pairs) {
    std::string out;
    for (const auto& [name, value] : pairs) {
      put_varint(out, symbol(name));
      put_varint(out, symbol(value));
    }
    return bytes_field(1, out);
  }
  void add(const std::string& series) { body_ += bytes_field(5, series); }
  std::string bytes() const {
    std::string out;
    for (const std::string& text : symbols_) out += bytes_field(4, text);
    return out + body_;
  }

 private:
  std::vector<std::string> symbols_{""};
  std::string body_;
};

}  // namespace silverback::ingest::message
