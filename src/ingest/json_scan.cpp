#include "ingest/json_scan.h"

#include <emmintrin.h>

#include <bit>
#include <cstdint>

namespace silverback::ingest {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The first quote, backslash or control character in [p, end), or end.
const char* find_special(const char* p, const char* end) {
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  const __m128i control = _mm_set1_epi8(0x1f);
  for (; end - p >= 16; p += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i hit =
        _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)),
                     _mm_cmpeq_epi8(_mm_min_epu8(bytes, control), bytes));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(hit));
    if (mask != 0) return p + std::countr_zero(mask);
  }
  while (p != end && *p != '"' && *p != '\\' && static_cast<unsigned char>(*p) >= 0x20) ++p;
  return p;
}

// Four hexadecimal digits, which the scan has checked.
std::uint32_t code_unit(const char* p) {
  std::uint32_t unit = 0;
  for (int i = 0; i < 4; ++i) unit = unit << 4 | static_cast<std::uint32_t>(hex_digit(p[i]));
  return unit;
}

void append_utf8(std::string& out, std::uint32_t c) {
  const auto tail = [&](unsigned shift) { out += static_cast<char>(0x80 | (c >> shift & 0x3f)); };
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xc0 | c >> 6);
    tail(0);
  } else if (c < 0x10000) {
    out += static_cast<char>(0xe0 | c >> 12);
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xf0 | c >> 18);
    tail(12);
    tail(6);
    tail(0);
  }
}

// At the u of \uXXXX; `p` moves to its last digit, or to that of the second half.
bool append_unicode(const char*& p, const char* end, std::string& out) {
  std::uint32_t c = code_unit(p + 1);
  p += 4;
  if (c >= 0xdc00 && c < 0xe000) return false;
  if (c >= 0xd800 && c < 0xdc00) {
    if (end - p < 7 || p[1] != '\\' || p[2] != 'u') return false;
    const std::uint32_t low = code_unit(p + 3);
    if (low < 0xdc00 || low >= 0xe000) return false;
    c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    p += 6;
  }
  append_utf8(out, c);
  return true;
}

}  // namespace

std::string_view json_type_at(char first) {
  switch (first) {
    case '{': return "an object";
    case '[': return "a list";
    case '"': return "a string";
    case 't':
    case 'f': return "true or false";
    case 'n': return "null";
    default: return "a number";
  }
}

bool JsonScan::string(JsonText& text) {
  if (!take('"')) return fail("a string is missing");
  const char* const begin = at_;
  text.escaped = false;
  for (;;) {
    at_ = find_special(at_, end_);
    if (at_ == end_) return fail("a string is not closed");
    if (*at_ == '"') break;
    if (*at_ != '\\') return fail("a control character in a string is not escaped");
    text.escaped = true;
    if (!escape()) return fail("a string has a wrong escape");
  }
  text.raw = {begin, static_cast<std::size_t>(at_ - begin)};
  ++at_;
  return true;
}

// At a backslash.
bool JsonScan::escape() {
  if (end_ - at_ < 2) return false;
  const char kind = at_[1];
  if (kind != 'u') {
    if (std::string_view("\"\\/bfnrt").find(kind) == std::string_view::npos) return false;
    at_ += 2;
    return true;
  }
  if (end_ - at_ < 6) return false;
  for (int i = 2; i < 6; ++i) {
    if (hex_digit(at_[i]) < 0) return false;
  }
  at_ += 6;
  return true;
}

bool JsonScan::number(std::string_view& text) {
  skip_blanks();
  const char* p = at_;
  const auto digits = [&] {
    const char* const begin = p;
    while (p != end_ && is_digit(*p)) ++p;
    return p != begin;
  };
  if (p != end_ && *p == '-') ++p;
  bool good = true;
  if (p != end_ && *p == '0') {
    ++p;  // and no other digit
  } else {
    good = digits();
  }
  if (good && p != end_ && *p == '.') {
    ++p;
    good = digits();
  }
  if (good && p != end_ && (*p == 'e' || *p == 'E')) {
    ++p;
    if (p != end_ && (*p == '+' || *p == '-')) ++p;
    good = digits();
  }
  if (!good) return fail("this is not what JSON has here");
  text = {at_, static_cast<std::size_t>(p - at_)};
  at_ = p;
  return true;
}

bool JsonScan::literal(std::string_view word) {
  skip_blanks();
  if (!std::string_view(at_, static_cast<std::size_t>(end_ - at_)).starts_with(word)) {
    return fail("this is not what JSON has here");
  }
  at_ += word.size();
  return true;
}

bool JsonScan::member(JsonText& name) {
  if (peek() != '"') return fail("the name of a member is missing, in quotes");
  if (!string(name)) return false;
  return take(':') || fail("a colon is missing after the name of a member");
}

bool JsonScan::next(char closes, bool& more) {
  const char c = peek();
  more = c == ',';
  if (c != ',' && c != closes) {
    return fail(closes == '}' ? "a comma or } is missing" : "a comma or ] is missing");
  }
  ++at_;
  return true;
}

bool JsonScan::value(std::size_t depth) {
  JsonText text;
  std::string_view number_text;
  switch (peek()) {
    case '"': return string(text);
    case '{': return container('}', depth);
    case '[': return container(']', depth);
    case 't': return literal("true");
    case 'f': return literal("false");
    case 'n': return literal("null");
    default: return at_ == end_ ? fail("the text ends where a value is needed") : number(number_text);
  }
}

bool JsonScan::container(char closes, std::size_t depth) {
  if (depth == kMaxDepth) return fail("arrays and objects are nested more than 32 deep");
  ++at_;
  if (take(closes)) return true;
  for (bool more = true; more;) {
    JsonText name;
    if (closes == '}' && !member(name)) return false;
    if (!value(depth + 1) || !next(closes, more)) return false;
  }
  return true;
}

bool unescape_json(const JsonText& text, std::string& storage, std::string_view& out) {
  out = text.raw;
  if (!text.escaped) return true;
  const std::size_t begin = storage.size();
  const char* const end = text.raw.data() + text.raw.size();
  for (const char* p = text.raw.data(); p != end; ++p) {
    if (*p != '\\') {
      storage += *p;
      continue;
    }
    switch (*++p) {
      case 'b': storage += '\b'; break;
      case 'f': storage += '\f'; break;
      case 'n': storage += '\n'; break;
      case 'r': storage += '\r'; break;
      case 't': storage += '\t'; break;
      case 'u':
        if (!append_unicode(p, end, storage)) return false;
        break;
      default: storage += *p;
    }
  }
  out = std::string_view(storage).substr(begin);
  return true;
}

}  // namespace silverback::ingest
