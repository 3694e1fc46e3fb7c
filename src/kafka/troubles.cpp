#include "kafka/troubles.h"

#include "base/log.h"

namespace silverback::kafka {

void Troubles::begin(std::string_view code, std::string_view topic, std::string_view text,
                     std::int64_t now_ms) {
  const MutexLock lock(mutex_);
  const auto key = std::pair(std::string(topic), std::string(code));
  if (const auto known = troubles_.find(key); known != troubles_.end()) {
    known->second.text = text;
    return;
  }
  const bool told = troubles_.size() < kMost;
  log(told ? LogLevel::Warn : LogLevel::Debug, whose_ + ": trouble",
      {{"code", code}, {"topic", topic}, {"text", text}});
  if (told) troubles_.emplace(key, Trouble{std::string(code), std::string(text), now_ms});
}

void Troubles::end(std::string_view topic) {
  const MutexLock lock(mutex_);
  std::erase_if(troubles_, [&](const auto& entry) {
    const auto& [of_topic, code] = entry.first;
    if (!of_topic.empty() && of_topic != topic) return false;
    log(LogLevel::Info, whose_ + ": trouble is over", {{"code", code}, {"topic", of_topic}});
    return true;
  });
}

std::vector<Trouble> Troubles::all() const {
  const MutexLock lock(mutex_);
  std::vector<Trouble> all;
  for (const auto& [key, trouble] : troubles_) all.push_back(trouble);
  return all;
}

}  // namespace silverback::kafka
