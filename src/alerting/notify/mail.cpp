#include "alerting/notify/mail.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

#include "base/clock.h"
#include "base/utf8.h"
#include "query/promql/text.h"

namespace silverback::notify {
namespace {

constexpr std::string_view kHex = "0123456789ABCDEF";
constexpr std::size_t kLine = 76;
constexpr std::size_t kMaxPlainHeader = 900;  // a line may have 998

bool printable(char c) { return c >= 0x20 && c < 0x7f; }

void append_byte(std::string& out, char c) {
  const auto byte = static_cast<unsigned char>(c);
  out += '=';
  out += kHex[byte >> 4];
  out += kHex[byte & 15];
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

// ---- headers

// RFC 2047: words of at most 75 characters, none of which ends within a character.
std::string encoded_words(std::string_view given) {
  constexpr std::string_view kBegin = "=?utf-8?q?";
  const std::string valid = to_valid_utf8(given);
  std::string out;
  std::string word(kBegin);
  for (std::string_view text = valid; !text.empty();) {
    const std::size_t width = query::promql::decode_rune(text).width;
    std::string piece;
    for (const char c : text.substr(0, width)) {
      if (c == ' ') {
        piece += '_';
      } else if (printable(c) && std::string_view("=?_\"(),.:;<>@[\\]").find(c) == std::string_view::npos) {
        piece += c;
      } else {
        append_byte(piece, c);
      }
    }
    if (word.size() + piece.size() + 2 > 75) {
      out += word + "?=\r\n ";
      word = kBegin;
    }
    word += piece;
    text.remove_prefix(width);
  }
  return out + word + "?=";
}

std::string header_text(std::string_view value) {
  const bool plain = std::ranges::all_of(value, printable) && value.size() <= kMaxPlainHeader &&
                     value.find("=?") == value.npos;
  return plain ? std::string(value) : encoded_words(value);
}

std::string display_name(std::string_view name) {
  if (!std::ranges::all_of(name, printable) || name.find("=?") != name.npos) return encoded_words(name);
  if (name.find_first_of("\"(),.:;<>@[\\]") == name.npos) return std::string(name);
  std::string out = "\"";
  for (const char c : name) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string address_text(const std::vector<MailAddress>& addresses) {
  std::string out;
  for (const MailAddress& one : addresses) {
    if (!out.empty()) out += ",\r\n ";
    out += one.name.empty() ? one.address : display_name(one.name) + " <" + one.address + ">";
  }
  return out;
}

bool holds_addresses(std::string_view name) {
  constexpr std::array<std::string_view, 5> kNames = {"To", "From", "Cc", "Reply-To", "Sender"};
  return std::ranges::find(kNames, name) != kNames.end();
}

// ---- parts

void append_quoted_printable(std::string& out, std::string_view text) {
  std::size_t column = 0;
  const auto put = [&](std::string_view piece) {
    if (column + piece.size() > kLine - 1) {
      out += "=\r\n";
      column = 0;
    }
    out += piece;
    column += piece.size();
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool crlf = c == '\r' && i + 1 < text.size() && text[i + 1] == '\n';
    if (crlf) continue;
    if (c == '\n') {
      out += "\r\n";
      column = 0;
      continue;
    }
    const bool ends_line = i + 1 == text.size() || text[i + 1] == '\n' || text[i + 1] == '\r';
    if ((c == ' ' || c == '\t') ? !ends_line : printable(c) && c != '=') {
      put(text.substr(i, 1));
    } else {
      std::string piece;
      append_byte(piece, c);
      put(piece);
    }
  }
}

void append_part(std::string& out, std::string_view boundary, std::string_view type, std::string_view text) {
  if (text.empty()) return;
  out += "--" + std::string(boundary) + "\r\nContent-Type: " + std::string(type) +
         "; charset=UTF-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n";
  append_quoted_printable(out, text);
  out += "\r\n";
}

// ---- addresses

// Up to the next comma that is neither in quotes nor in <>.
std::string_view next_address(std::string_view& rest) {
  bool quoted = false;
  bool angle = false;
  std::size_t i = 0;
  for (; i < rest.size(); ++i) {
    const char c = rest[i];
    if (quoted && c == '\\') {
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && (c == '<' || c == '>')) {
      angle = c == '<';
    } else if (c == ',' && !quoted && !angle) {
      break;
    }
  }
  const std::string_view one = rest.substr(0, std::min(i, rest.size()));
  rest.remove_prefix(std::min(i + 1, rest.size()));
  return trimmed(one);
}

bool in_quotes(std::string_view name) {
  return name.size() >= 2 && name.starts_with('"') && name.ends_with('"');
}

// What a name without quotes may not hold shows that it is something else.
bool good_name(std::string_view name) {
  return std::ranges::none_of(name, [&](char c) {
    return (c >= 0 && c < 0x20) || c == 0x7f ||
           (!in_quotes(name) && std::string_view("\"(),:;<>@[\\]").find(c) != std::string_view::npos);
  });
}

std::string unquoted(std::string_view name) {
  if (!in_quotes(name)) return std::string(name);
  std::string out;
  for (std::size_t i = 1; i + 1 < name.size(); ++i) {
    if (name[i] == '\\' && i + 2 < name.size()) ++i;
    out += name[i];
  }
  return out;
}

// What may stand in SMTP's commands; quoted local parts are not known here.
bool good_address(std::string_view address) {
  const std::size_t at = address.find('@');
  if (at == address.npos || at == 0 || at + 1 == address.size() || address.find('@', at + 1) != address.npos)
    return false;
  return std::ranges::none_of(address, [](char c) {
    return (c >= 0 && c <= 0x20) || c == 0x7f ||
           std::string_view("\"(),:;<>\\").find(c) != std::string_view::npos;
  });
}

}  // namespace

Result<std::vector<MailAddress>> parse_addresses(std::string_view text) {
  std::vector<MailAddress> all;
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view one = next_address(rest);
    if (one.empty()) continue;
    MailAddress made;
    bool good = true;
    const std::size_t angle = one.rfind('<');
    if (angle != one.npos && one.ends_with('>')) {
      const std::string_view name = trimmed(one.substr(0, angle));
      good = good_name(name);
      made.name = unquoted(name);
      made.address = trimmed(one.substr(angle + 1, one.size() - angle - 2));
    } else {
      made.address = one;
    }
    if (!good || !good_address(made.address))
      return Status(Code::InvalidArgument, query::promql::quote(one) + " is not a mail address");
    all.push_back(std::move(made));
  }
  if (all.empty())
    return Status(Code::InvalidArgument, query::promql::quote(text) + " holds no mail address");
  return all;
}

std::string mail_text(const Mail& mail, std::string_view boundary) {
  std::string out;
  for (const auto& [name, value] : mail.headers) {
    out += name + ": ";
    const auto addresses = holds_addresses(name)
                               ? parse_addresses(value)
                               : Result<std::vector<MailAddress>>(std::vector<MailAddress>());
    out += addresses && !addresses->empty() ? address_text(*addresses) : header_text(value);
    out += "\r\n";
  }
  out += "MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=\"" + std::string(boundary) +
         "\"\r\n\r\n";
  append_part(out, boundary, "text/plain", mail.text);
  append_part(out, boundary, "text/html", mail.html);
  return out + "--" + std::string(boundary) + "--\r\n";
}

std::string mail_date(std::int64_t time_ns) {
  using std::chrono::days;
  constexpr std::array kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::int64_t seconds = floor_div(time_ns, kNsPerSecond);
  const std::chrono::sys_days day{days{floor_div(seconds, 86'400)}};
  const std::chrono::year_month_day date{day};
  const auto of_day = static_cast<int>(seconds - floor_div(seconds, 86'400) * 86'400);
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%s, %02u %s %04d %02d:%02d:%02d +0000",
                kDays[std::chrono::weekday{day}.c_encoding()], static_cast<unsigned>(date.day()),
                kMonths[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
                of_day / 3600, of_day / 60 % 60, of_day % 60);
  return buffer;
}

}  // namespace silverback::notify
