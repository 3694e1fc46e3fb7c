#include "ingest/line_protocol.h"

#include <immintrin.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "base/cpu.h"
#include "ingest/line_scan.h"

namespace silverback::ingest::line {
namespace {

bool is_digit(char c) { return static_cast<unsigned char>(c - '0') < 10; }

// The whole of a number by the rules: digits, at most one dot, an exponent. Returns its end, or null.
const char* number_end(const char* p, const char* end, bool& whole) {
  if (p != end && *p == '-') ++p;
  const char* const digits = p;
  while (p != end && is_digit(*p)) ++p;
  std::size_t count = static_cast<std::size_t>(p - digits);
  whole = true;
  if (p != end && *p == '.') {
    whole = false;
    const char* const fraction = ++p;
    while (p != end && is_digit(*p)) ++p;
    count += static_cast<std::size_t>(p - fraction);
  }
  if (count == 0) return nullptr;
  if (p != end && (*p == 'e' || *p == 'E')) {
    whole = false;
    ++p;
    if (p != end && (*p == '+' || *p == '-')) ++p;
    if (p == end || !is_digit(*p)) return nullptr;
    while (p != end && is_digit(*p)) ++p;
  }
  return p;
}

template <typename T>
bool read_integer(const char* p, const char* last, Value& value) {
  T number = 0;
  const auto [after, code] = std::from_chars(p, last, number);
  if (code != std::errc() || after != last) return false;
  value.bits = static_cast<std::uint64_t>(number);
  return true;
}

bool read_float(const char* p, const char* last, Value& value) {
  double number = 0;
  const auto [after, code] = std::from_chars(p, last, number);
  if (code == std::errc::result_out_of_range) {  // too small is zero, as in Go; too large is an error
    number = std::strtod(std::string(p, last).c_str(), nullptr);
    if (std::isinf(number)) return false;
  } else if (code != std::errc() || after != last) {
    return false;
  }
  value.bits = std::bit_cast<std::uint64_t>(number);
  return true;
}

// Any number, the way that is right rather than quick.
const char* read_any_number(const char* p, const char* end, Value& value, std::string& error) {
  bool whole = false;
  const char* const last = number_end(p, end, whole);
  error = "invalid number";
  if (last == nullptr) return nullptr;
  const char suffix = last != end ? *last : '\0';
  const bool integer = suffix == 'i' || suffix == 'u';
  if (!at_value_end(last + (integer ? 1 : 0), end) || (integer && !whole)) return nullptr;
  if (suffix == 'u' && *p == '-') return nullptr;
  bool good = false;
  if (suffix == 'i') {
    value.type = ValueType::Int64;
    good = read_integer<std::int64_t>(p, last, value);
  } else if (suffix == 'u') {
    value.type = ValueType::Uint64;
    good = read_integer<std::uint64_t>(p, last, value);
  } else {
    value.type = ValueType::Float64;
    good = read_float(p, last, value);
  }
  if (good) return last + (integer ? 1 : 0);
  error = "unable to parse " +
          std::string(suffix == 'i'   ? "integer "
                      : suffix == 'u' ? "unsigned "
                                      : "float ") +
          std::string(p, std::min(last, p + 64)) + ": value out of range";
  return nullptr;
}

// [-]digits[.digits] with at most 15 digits is exact: both parts of the quotient are doubles.
// Source: Clinger, "How to Read Floating Point Numbers Accurately", PLDI 1990
const char* read_number(const char* p, const char* end, Value& value, std::string& error) {
  const char* const begin = p;
  const bool negative = *p == '-';
  if (negative) ++p;
  unsigned count = 0;
  std::uint64_t mantissa = read_digits(p, end, count);
  if (count == 0 || count > 15) return read_any_number(begin, end, value, error);
  p += count;
  if (p != end && *p == '.') {
    unsigned decimals = 0;
    const std::uint64_t fraction = read_digits(p + 1, end, decimals);
    if (count + decimals > 15) return read_any_number(begin, end, value, error);
    p += 1 + decimals;
    if (!at_value_end(p, end)) return read_any_number(begin, end, value, error);
    mantissa = mantissa * kPowersOf10[decimals] + fraction;
    const double number = static_cast<double>(mantissa) / kExactPowersOf10[decimals];
    value.type = ValueType::Float64;
    value.bits = std::bit_cast<std::uint64_t>(negative ? -number : number);
    return p;
  }
  if (at_value_end(p, end)) {
    const auto number = static_cast<double>(mantissa);
    value.type = ValueType::Float64;
    value.bits = std::bit_cast<std::uint64_t>(negative ? -number : number);
    return p;
  }
  if (*p == 'i' && at_value_end(p + 1, end)) {
    value.type = ValueType::Int64;
    value.bits = negative ? -mantissa : mantissa;
    return p + 1;
  }
  return read_any_number(begin, end, value, error);
}

const char* read_string(const char* p, const char* end, Value& value, std::string& error) {
  const char* const begin = p;
  value.escaped = false;
  for (;; p += 2) {
    p = find_either(p, end, '"', '\\');
    if (p == end || (*p == '\\' && p + 1 == end)) {
      error = "unbalanced quotes";
      return nullptr;
    }
    if (*p == '"') break;
    value.escaped = true;
  }
  value.type = ValueType::String;
  value.text = {begin, static_cast<std::size_t>(p - begin)};
  if (at_value_end(++p, end)) return p;
  error = *p == '"' ? "unbalanced quotes" : "invalid field format";
  return nullptr;
}

const char* read_bool(const char* p, const char* end, Value& value, std::string& error) {
  const char* last = p;
  while (last - p < 6 && !at_value_end(last, end)) ++last;
  const std::string_view word(p, static_cast<std::size_t>(last - p));
  const bool yes = word == "t" || word == "T" || word == "true" || word == "True" || word == "TRUE";
  const bool no = word == "f" || word == "F" || word == "false" || word == "False" || word == "FALSE";
  if (!yes && !no) {
    error = "invalid boolean";
    return nullptr;
  }
  value.type = ValueType::Bool;
  value.bits = yes ? 1 : 0;
  return last;
}

}  // namespace

const char* read_value(const char* p, const char* end, Value& value, std::string& error) {
  if (at_value_end(p, end)) {
    error = "missing field value";
    return nullptr;
  }
  const char first = *p;
  if (is_digit(first) || first == '-' || first == '.' || first == 'N' || first == 'n') {
    return read_number(p, end, value, error);
  }
  if (first == '"') return read_string(p + 1, end, value, error);
  return read_bool(p, end, value, error);
}

namespace {

const char* find_blank_baseline(const char* p, const char* end) { return find_either(p, end, ' ', '\n'); }

// A byte is looked for when the table, asked with its low nibble, gives it back: one comparison for both. A
// byte above 127 gives zero.
[[gnu::target("avx2,bmi")]] const char* find_blank_avx2(const char* p, const char* end) {
  const __m256i table = _mm256_setr_epi8(' ', 0, 0, 0, 0, 0, 0, 0, 0, 0, '\n', 0, 0, 0, 0, 0,  //
                                         ' ', 0, 0, 0, 0, 0, 0, 0, 0, 0, '\n', 0, 0, 0, 0, 0);
  for (; end - p >= 64; p += 64) {
    const __m256i low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    const __m256i high = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + 32));
    const __m256i low_hit = _mm256_cmpeq_epi8(_mm256_shuffle_epi8(table, low), low);
    const __m256i high_hit = _mm256_cmpeq_epi8(_mm256_shuffle_epi8(table, high), high);
    const std::uint64_t mask = static_cast<std::uint32_t>(_mm256_movemask_epi8(low_hit)) |
                               std::uint64_t{static_cast<std::uint32_t>(_mm256_movemask_epi8(high_hit))}
                                   << 32;
    if (mask != 0) return p + std::countr_zero(mask);
  }
  return find_blank_baseline(p, end);
}

}  // namespace

BlankFinder blank_finder() { return cpu_features().avx2 ? find_blank_avx2 : find_blank_baseline; }

std::size_t line_end(std::string_view body, std::size_t at) {
  bool in_fields = false;
  bool in_quotes = false;
  std::size_t equals = 0;
  std::size_t commas = 0;
  std::size_t i = at;
  for (; i < body.size(); ++i) {
    const char c = body[i];
    if (c == '\\' && i + 2 < body.size()) {
      ++i;
    } else if (c == '\n' && !in_quotes) {
      break;
    } else if (c == ' ') {
      in_fields = true;
    } else if (in_fields && c == '"' && equals > commas) {
      in_quotes = !in_quotes;
    } else if (in_fields && !in_quotes) {
      equals += static_cast<std::size_t>(c == '=');
      commas += static_cast<std::size_t>(c == ',');
    }
  }
  return i;
}

std::size_t key_end(std::string_view line) {
  std::size_t at = line.find(' ');
  while (at != std::string_view::npos && at > 0 && line[at - 1] == '\\') at = line.find(' ', at + 1);
  return std::min(at, line.size());
}

const char* find_key_end(const char* p, const char* end, const char*& error) {
  const char* const begin = p;
  for (; p != end && *p != '\n'; ++p) {
    const bool escaped = p != begin && p[-1] == '\\';
    if (escaped) continue;
    if (*p == '=') {
      if (p != begin) return p;
      error = "missing field key";
      return nullptr;
    }
    if (*p == ',' || *p == ' ') break;
  }
  error = "invalid field format";
  return nullptr;
}

namespace {

bool unescaped(std::string_view key, std::size_t i) { return i == 0 || key[i - 1] != '\\'; }

Status invalid(const char* words) { return {Code::InvalidArgument, words}; }

}  // namespace

Status split_key(std::string_view key, std::string_view& measurement, std::vector<LabelView>& tags) {
  tags.clear();
  std::size_t i = 0;
  if (key.empty() || key[0] == ',') return invalid("missing measurement");
  do {
    ++i;
  } while (i < key.size() && (key[i] != ',' || !unescaped(key, i)));
  measurement = key.substr(0, i);
  while (i < key.size()) {
    const std::size_t name = ++i;  // past the comma
    if (name == key.size() || key[name] == ',' || key[name] == '=') return invalid("missing tag key");
    do {
      ++i;
      if (i == key.size() || (key[i] == ',' && unescaped(key, i))) return invalid("missing tag value");
    } while (key[i] != '=' || !unescaped(key, i));
    const std::size_t value = i + 1;
    if (value == key.size() || key[value] == ',') return invalid("missing tag value");
    for (i = value; i < key.size() && (key[i] != ',' || !unescaped(key, i)); ++i) {
      if (key[i] == '=' && unescaped(key, i)) return invalid("invalid tag format");
    }
    tags.push_back({key.substr(name, value - 1 - name), key.substr(value, i - value)});
  }
  return {};
}

std::string_view unescape(std::string_view text, std::string_view special, std::string& storage) {
  if (text.find('\\') == std::string_view::npos) return text;
  const std::size_t begin = storage.size();
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool drops =
        text[i] == '\\' && i + 1 < text.size() && special.find(text[i + 1]) != std::string_view::npos;
    if (drops) ++i;
    storage += text[i];
  }
  return std::string_view(storage).substr(begin);
}

std::string_view type_name(ValueType type) {
  switch (type) {
    case ValueType::Float64: return "float";
    case ValueType::Int64: return "integer";
    case ValueType::Uint64: return "unsigned";
    case ValueType::Bool: return "boolean";
    case ValueType::String: return "string";
    case ValueType::Histogram: return "histogram";
  }
  return "unknown";
}

}  // namespace silverback::ingest::line
