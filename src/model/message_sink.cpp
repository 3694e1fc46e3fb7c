#include "model/message_sink.h"

#include <algorithm>

namespace silverback {

Status check_topic(std::string_view topic) {
  constexpr std::size_t kMaxLength = 249;
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  if (topic.empty()) return {Code::InvalidArgument, "a topic's name is empty"};
  if (topic.size() > kMaxLength) {
    return {Code::InvalidArgument, "topic \"" + std::string(topic.substr(0, 40)) + "...\" has a name of " +
                                       std::to_string(topic.size()) +
                                       " bytes: " + std::to_string(kMaxLength) + " are allowed"};
  }
  if (topic == "." || topic == ".." || !std::ranges::all_of(topic, allowed)) {
    return {Code::InvalidArgument,
            "\"" + std::string(topic) + "\" is no name of a topic: letters, digits, '.', '_' and '-' are"};
  }
  return {};
}

}  // namespace silverback
