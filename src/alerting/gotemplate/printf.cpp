// fmt.Sprintf of Go. Source: https://pkg.go.dev/fmt (verbs, flags, explicit argument indexes, errors).
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <optional>

#include "alerting/gotemplate/value.h"
#include "base/number.h"
#include "query/promql/text.h"

namespace silverback::gotemplate {
namespace {

using query::promql::append_rune;
using query::promql::decode_rune;

// Wider than this and Go, too, says %!(BADWIDTH).
constexpr int kMaxWidth = 1'000'000;
constexpr std::size_t kMaxText = 16 << 20;

struct Verb {
  char32_t letter = 0;
  bool plus = false;
  bool minus = false;
  bool sharp = false;
  bool space = false;
  bool zero = false;
  std::optional<int> width;
  std::optional<int> precision;
};

std::size_t rune_count(std::string_view text) {
  std::size_t n = 0;
  for (; !text.empty(); ++n) text.remove_prefix(decode_rune(text).width);
  return n;
}

void pad(std::string& out, const Verb& verb, std::string_view text, bool zeros = false) {
  const std::size_t width = verb.width ? static_cast<std::size_t>(*verb.width) : 0;
  const std::size_t runes = rune_count(text);
  const std::size_t missing = width > runes ? width - runes : 0;
  if (verb.minus) {
    out += text;
    out.append(missing, ' ');
  } else if (zeros && missing != 0) {
    const bool sign = !text.empty() && (text[0] == '-' || text[0] == '+' || text[0] == ' ');
    if (sign) out += text[0];
    out.append(missing, '0');
    out += text.substr(sign ? 1 : 0);
  } else {
    out.append(missing, ' ');
    out += text;
  }
}

std::string digits_of(std::uint64_t magnitude, int base, bool upper) {
  std::array<char, 66> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), magnitude, base).ptr;
  std::string text(buffer.data(), end);
  if (upper)
    std::ranges::transform(text, text.begin(), [](char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

bool format_int(std::string& out, const Verb& verb, std::int64_t v) {
  const std::uint64_t magnitude = v < 0 ? 0 - static_cast<std::uint64_t>(v) : static_cast<std::uint64_t>(v);
  int base = 10;
  std::string_view prefix;
  switch (verb.letter) {
    case 'v':
    case 'd': break;
    case 'b': base = 2, prefix = "0b"; break;
    case 'o': base = 8, prefix = "0"; break;
    case 'O': base = 8, prefix = "0o"; break;
    case 'x': base = 16, prefix = "0x"; break;
    case 'X': base = 16, prefix = "0X"; break;
    case 'c': {
      std::string text;
      append_rune(text, v < 0 || v > 0x10ffff ? U'\ufffd' : static_cast<char32_t>(v));
      pad(out, verb, text);
      return true;
    }
    case 'q': {
      pad(out, verb, query::promql::quote_rune(v < 0 || v > 0x10ffff ? U'\ufffd' : static_cast<char32_t>(v)));
      return true;
    }
    case 'U': {
      std::string text = digits_of(magnitude, 16, true);
      text.insert(0, text.size() < 4 ? 4 - text.size() : 0, '0');
      pad(out, verb, "U+" + text);
      return true;
    }
    default: return false;
  }
  std::string text = digits_of(magnitude, base, verb.letter == 'X');
  if (verb.precision) {
    const auto least = static_cast<std::size_t>(*verb.precision);
    if (least == 0 && v == 0) text.clear();
    if (text.size() < least) text.insert(0, least - text.size(), '0');
  }
  if (verb.sharp || verb.letter == 'O') text.insert(0, prefix);
  if (v < 0) {
    text.insert(0, 1, '-');
  } else if (verb.plus) {
    text.insert(0, 1, '+');
  } else if (verb.space) {
    text.insert(0, 1, ' ');
  }
  pad(out, verb, text, verb.zero && !verb.minus && !verb.precision);
  return true;
}

bool format_float(std::string& out, const Verb& verb, double v) {
  std::string text;
  char letter = 'g';
  switch (verb.letter) {
    case 'v': break;
    case 'e':
    case 'E':
    case 'f':
    case 'g':
    case 'G': letter = static_cast<char>(verb.letter); break;
    case 'F': letter = 'f'; break;
    default: return false;
  }
  const bool general = letter == 'g' || letter == 'G';
  if (std::isnan(v)) {
    text = "NaN";
  } else if (std::isinf(v)) {
    text = v < 0 ? "-Inf" : "+Inf";
  } else if (general && !verb.precision) {
    append_float_exponent(text, v);
    if (letter == 'G') std::ranges::replace(text, 'e', 'E');
  } else {
    const int precision = verb.precision.value_or(6);
    const char format[] = {'%', '.', '*', letter, 0};
    const int size = std::snprintf(nullptr, 0, format, precision, v);
    text.resize(static_cast<std::size_t>(size) + 1);
    std::snprintf(text.data(), text.size(), format, precision, v);
    text.pop_back();
  }
  const bool finite = std::isfinite(v);
  const bool signed_text = text[0] == '-' || text[0] == '+';
  if (text[0] == '+' && !verb.plus) text[0] = ' ';  // of an infinity
  if (text[0] == ' ' && !verb.space) text.erase(0, 1);
  if (!signed_text && verb.plus) text.insert(0, 1, '+');
  if (!signed_text && !verb.plus && verb.space) text.insert(0, 1, ' ');
  pad(out, verb, text, verb.zero && !verb.minus && finite);
  return true;
}

bool format_string(std::string& out, const Verb& verb, std::string_view v) {
  if (verb.precision && verb.letter != 'x' && verb.letter != 'X') {
    std::string_view rest = v;
    for (int n = 0; n < *verb.precision && !rest.empty(); ++n) rest.remove_prefix(decode_rune(rest).width);
    v.remove_suffix(rest.size());
  }
  switch (verb.letter) {
    case 'v':
    case 's': pad(out, verb, v, verb.zero && !verb.minus); return true;
    case 'q': {
      const bool raw = verb.sharp && v.find('`') == v.npos && std::ranges::none_of(v, [](char c) {
                         return static_cast<unsigned char>(c) < 0x20 && c != '\t';
                       });
      pad(out, verb, raw ? "`" + std::string(v) + "`" : query::promql::quote(v));
      return true;
    }
    case 'x':
    case 'X': {
      std::string text;
      for (const char c : v) {
        const std::string byte = digits_of(static_cast<unsigned char>(c), 16, verb.letter == 'X');
        if (verb.space && !text.empty()) text += ' ';
        text += byte.size() == 1 ? "0" + byte : byte;
      }
      pad(out, verb, text);
      return true;
    }
    default: return false;
  }
}

// "%!d(string=hi)"
void append_bad_verb(std::string& out, const Verb& verb, const Value& value) {
  out += "%!";
  append_rune(out, verb.letter);
  out += '(';
  if (value.is_nil()) {
    out += "<nil>";
  } else {
    out += value.type_name();
    out += '=';
    append_value(out, value);
  }
  out += ')';
}

void format_operand(std::string& out, const Verb& verb, const Value& value);

template <typename Items, typename Each>
void format_items(std::string& out, std::string_view open, char close, const Items& items, Each each) {
  out += open;
  bool first = true;
  for (const auto& item : items) {
    if (!first) out += ' ';
    first = false;
    each(item);
  }
  out += close;
}

bool format_composite(std::string& out, const Verb& verb, const Value& value) {
  if (const List* list = value.as_list()) {
    format_items(out, "[", ']', list->items, [&](const Value& item) { format_operand(out, verb, item); });
  } else if (const Map* map = value.as_map()) {
    format_items(out, "map[", ']', map->items, [&](const auto& item) {
      format_operand(out, verb, item.first);
      out += ':';
      format_operand(out, verb, item.second);
    });
  } else if (const Struct* fields = value.as_struct()) {
    format_items(out, "{", '}', fields->fields,
                 [&](const auto& field) { format_operand(out, verb, field.second); });
  } else {
    return false;
  }
  return true;
}

void format_operand(std::string& out, const Verb& asked, const Value& value) {
  Verb verb = asked;
  if (verb.letter == 'v') verb.plus = false;  // %+v asks for field names, not for signs
  if (verb.letter == 'T') return pad(out, verb, value.type_name());
  bool good = false;
  if (value.is_nil()) {
    if (verb.letter == 'v') return pad(out, verb, "<nil>");
  } else if (const bool* flag = value.as_bool()) {
    good = verb.letter == 't' || verb.letter == 'v';
    if (good) pad(out, verb, *flag ? "true" : "false");
  } else if (const std::int64_t* number = value.as_int()) {
    good = format_int(out, verb, *number);
  } else if (const double* real = value.as_float()) {
    good = format_float(out, verb, *real);
  } else if (const std::string* text = value.as_string()) {
    good = format_string(out, verb, *text);
  } else if (const DurationNs* duration = value.as_duration()) {
    const bool as_text = verb.letter == 'v' || verb.letter == 's' || verb.letter == 'q';
    good = as_text ? format_string(out, verb, format_go_duration(duration->ns))
                   : format_int(out, verb, duration->ns);
  } else if (const TimeNs* time = value.as_time()) {
    good = format_string(out, verb, format_go_time(*time));
  } else {
    good = format_composite(out, verb, value);
  }
  if (!good) append_bad_verb(out, verb, value);
}

class Printer {
 public:
  Printer(std::string_view format, std::span<const Value> operands) : rest_(format), operands_(operands) {}

  std::string run() && {
    while (!rest_.empty()) {
      const std::size_t percent = std::min(rest_.find('%'), rest_.size());
      out_ += rest_.substr(0, percent);
      rest_.remove_prefix(percent);
      if (rest_.empty()) break;
      rest_.remove_prefix(1);
      directive();
      if (out_.size() > kMaxText) throw Failure{"printf: more than 16 MiB of text"};
    }
    if (!reordered_ && next_ < operands_.size()) extra();
    return std::move(out_);
  }

 private:
  void directive() {
    good_index_ = true;
    after_index_ = false;
    Verb verb;
    flags(verb);
    index();
    verb.width = number("%!(BADWIDTH)");
    if (verb.width && *verb.width < 0) {  // from an operand: -5 is left-aligned, 5 wide
      verb.minus = true;
      verb.width = -*verb.width;
    }
    if (!rest_.empty() && rest_[0] == '.') {
      rest_.remove_prefix(1);
      if (after_index_) good_index_ = false;  // "%[3].2d"
      index();
      verb.precision = number("%!(BADPREC)").value_or(0);
      if (*verb.precision < 0) verb.precision.reset();
    }
    if (!after_index_) index();
    if (rest_.empty()) {
      out_ += "%!(NOVERB)";
      return;
    }
    const auto rune = decode_rune(rest_);
    verb.letter = rune.value;
    rest_.remove_prefix(rune.width);
    if (verb.letter == '%') {
      out_ += '%';
    } else if (!good_index_) {
      complain(verb.letter, "(BADINDEX)");
    } else if (next_ >= operands_.size()) {
      complain(verb.letter, "(MISSING)");
    } else {
      format_operand(out_, verb, operands_[next_++]);
    }
  }

  void flags(Verb& verb) {
    for (; !rest_.empty(); rest_.remove_prefix(1)) {
      switch (rest_[0]) {
        case '+': verb.plus = true; break;
        case '-': verb.minus = true; break;
        case '#': verb.sharp = true; break;
        case ' ': verb.space = true; break;
        case '0': verb.zero = true; break;
        default: return;
      }
    }
  }

  // "[3]"
  void index() {
    if (rest_.empty() || rest_[0] != '[') return;
    reordered_ = true;
    const std::size_t close = rest_.find(']');
    if (close == rest_.npos) {
      rest_.remove_prefix(1);
      good_index_ = false;
      return;
    }
    std::size_t n = 0;
    const char* end = rest_.data() + close;
    const auto [at, error] = std::from_chars(rest_.data() + 1, end, n);
    good_index_ = good_index_ && error == std::errc() && at == end && n >= 1 && n <= operands_.size();
    if (good_index_) next_ = n - 1;
    rest_.remove_prefix(close + 1);
    after_index_ = true;
  }

  // Width or precision: digits, or * for the next operand.
  std::optional<int> number(std::string_view complaint) {
    if (!rest_.empty() && rest_[0] == '*') {
      rest_.remove_prefix(1);
      after_index_ = false;
      const std::int64_t* n = next_ < operands_.size() ? operands_[next_].as_int() : nullptr;
      ++next_;
      if (n != nullptr && *n >= -kMaxWidth && *n <= kMaxWidth) return static_cast<int>(*n);
      out_ += complaint;
      return std::nullopt;
    }
    int n = 0;
    const auto [at, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), n);
    if (at == rest_.data() || rest_[0] == '-') return std::nullopt;
    if (after_index_) good_index_ = false;  // "%[2]3d"
    rest_.remove_prefix(static_cast<std::size_t>(at - rest_.data()));
    if (error != std::errc() || n > kMaxWidth) {
      out_ += complaint;
      return std::nullopt;
    }
    return n;
  }

  void complain(char32_t letter, std::string_view what) {
    out_ += "%!";
    append_rune(out_, letter);
    out_ += what;
  }

  void extra() {
    out_ += "%!(EXTRA ";
    for (std::size_t i = next_; i < operands_.size(); ++i) {
      if (i != next_) out_ += ", ";
      if (operands_[i].is_nil()) {
        out_ += "<nil>";
        continue;
      }
      out_ += operands_[i].type_name();
      out_ += '=';
      append_value(out_, operands_[i]);
    }
    out_ += ')';
  }

  std::string_view rest_;
  std::span<const Value> operands_;
  std::string out_;
  std::size_t next_ = 0;
  bool reordered_ = false;
  bool good_index_ = true;
  bool after_index_ = false;
};

}  // namespace

std::string sprintf(std::string_view format, std::span<const Value> operands) {
  return Printer(format, operands).run();
}

}  // namespace silverback::gotemplate
