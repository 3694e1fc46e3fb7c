// Message: one record of a topic, as it was read.
//
// Threads: values; the views are good as long as what they were read into.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace silverback::kafka {

struct Partition {
  std::string topic;
  std::int32_t number = 0;
  friend auto operator<=>(const Partition&, const Partition&) = default;
};

struct Position {
  Partition partition;
  std::int64_t offset = 0;  // of what comes next
};

struct Header {
  std::string_view name;
  std::string_view value;
};

struct Message {
  std::string_view topic;
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::int64_t time_ms = 0;  // 0: it has none
  std::string_view key;
  std::string_view value;
  bool tombstone = false;  // no value at all
  std::span<const Header> headers = {};
};

/// The last header of that name.
inline std::optional<std::string_view> find_header(const Message& message, std::string_view name) {
  for (std::size_t i = message.headers.size(); i > 0; --i) {
    if (message.headers[i - 1].name == name) return message.headers[i - 1].value;
  }
  return std::nullopt;
}

}  // namespace silverback::kafka
