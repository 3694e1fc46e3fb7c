#include "kafka/dead_letter_record.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "base/bytes.h"

namespace silverback::kafka {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kPartitionDigits = 10;
constexpr std::size_t kOffsetDigits = 20;

// A slash ends a name, in keys and in ids; what has one, or the sign that escapes it, is escaped.
void append_name(std::string& out, std::string_view name) {
  for (const char c : name) {
    if (c == '/') {
      out += "%2F";
    } else if (c == '%') {
      out += "%25";
    } else {
      out += c;
    }
  }
}

std::optional<std::string> read_name(std::string_view text) {
  std::string name;
  while (!text.empty()) {
    if (text.starts_with("%2F") || text.starts_with("%25")) {
      name += text[2] == 'F' ? '/' : '%';
      text.remove_prefix(3);
    } else if (text.front() == '%') {
      return std::nullopt;
    } else {
      name += text.front();
      text.remove_prefix(1);
    }
  }
  if (name.empty()) return std::nullopt;
  return name;
}

void append_padded(std::string& out, std::int64_t number, std::size_t digits) {
  const std::string text = std::to_string(number);
  out.append(digits - std::min(digits, text.size()), '0');
  out += text;
}

template <typename T>
bool read_number(std::string_view text, T& out) {
  if (text.empty() || text.front() == '-') return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

// "consumer/topic/partition/offset", as keys and ids have it.
bool read_identity(std::string_view text, DeadLetter& letter) {
  std::array<std::string_view, 4> parts;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto end = i + 1 < parts.size() ? text.find('/') : text.size();
    if (end == text.npos) return false;
    parts[i] = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  auto consumer = read_name(parts[0]);
  auto topic = read_name(parts[1]);
  Partition source;
  std::int64_t offset = 0;
  if (!consumer || !topic || !read_number(parts[2], source.number) || !read_number(parts[3], offset))
    return false;
  source.topic = std::move(*topic);
  letter.consumer = std::move(*consumer);
  letter.source = std::move(source);
  letter.offset = offset;
  return true;
}

void append_names(std::string& out, const DeadLetter& letter) {
  append_name(out, letter.consumer);
  append_name(out += '/', letter.source.topic);
  out += '/';
}

Status damaged() { return {Code::DataLoss, "what is kept of it is damaged: it can only be dropped"}; }

}  // namespace

std::string DeadLetter::id() const {
  std::string id;
  append_names(id, *this);
  return id + std::to_string(source.number) + '/' + std::to_string(offset);
}

std::string letters_prefix(std::string_view consumer) {
  std::string prefix(kLettersPrefix);
  append_name(prefix, consumer);
  return prefix + '/';
}

std::string letter_key(const DeadLetter& letter) {
  std::string key(kLettersPrefix);
  append_names(key, letter);
  append_padded(key, letter.source.number, kPartitionDigits);
  append_padded(key += '/', letter.offset, kOffsetDigits);
  return key;
}

Result<std::string> key_of_id(std::string_view id) {
  DeadLetter letter;
  if (read_identity(id, letter)) return letter_key(letter);
  return Status(Code::InvalidArgument,
                "\"" + std::string(id.substr(0, 1024)) +
                    "\" names no dead letter: expected consumer/topic/partition/offset");
}

Status read_letter_key(std::string_view key, DeadLetter& letter) {
  DeadLetter read;
  if (!key.starts_with(kLettersPrefix) || !read_identity(key.substr(kLettersPrefix.size()), read) ||
      letter_key(read) != key) {
    return {Code::DataLoss, "the key \"" + std::string(key) + "\" is that of no dead letter"};
  }
  letter.consumer = std::move(read.consumer);
  letter.source = std::move(read.source);
  letter.offset = read.offset;
  return {};
}

std::string encode(const DeadLetter& letter) {
  std::string out;
  put_fixed(out, kVersion);
  put_zigzag(out, letter.time_ms);
  put_zigzag(out, letter.failed_at_ms);
  put_string(out, letter.code);
  put_string(out, letter.text);
  put_string(out, letter.key);
  put_string(out, letter.value);
  put_varint(out, letter.headers.size());
  for (const auto& [name, value] : letter.headers) {
    put_string(out, name);
    put_string(out, value);
  }
  return out;
}

Status decode(std::string_view bytes, DeadLetter& letter) {
  ByteReader in(bytes);
  const auto version = in.fixed<std::uint8_t>();
  if (!in.ok() || version == 0) return damaged();
  if (version > kVersion) {
    return {Code::InvalidArgument, "it was kept in version " + std::to_string(version) +
                                       ", this program reads up to " + std::to_string(kVersion) +
                                       ": only a newer one can read it"};
  }
  DeadLetter read;
  read.time_ms = in.zigzag_varint();
  read.failed_at_ms = in.zigzag_varint();
  read.code = in.string();
  read.text = in.string();
  read.key = in.string();
  read.value = in.string();
  const std::uint64_t headers = in.varint();
  for (std::uint64_t i = 0; i < headers && in.ok(); ++i) {
    const std::string_view name = in.string();
    read.headers.emplace_back(name, in.string());
  }
  if (!in.ok() || !in.at_end()) return damaged();
  read.consumer = std::move(letter.consumer);
  read.source = std::move(letter.source);
  read.offset = letter.offset;
  letter = std::move(read);
  return {};
}

}  // namespace silverback::kafka
