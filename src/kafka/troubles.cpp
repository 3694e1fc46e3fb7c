#include "kafka/troubles.h"

#include "base/log.h"

namespace silverback::kafka {

namespace {

// A broker that is gone is tried again every 10 s, and librdkafka tells the same error only every 30 s: 30 to
// 40 s apart were measured.
constexpr std::int64_t kSilence_ms = 60'000;
constexpr std::int64_t kTopicSilence_ms = 600'000;  // a topic is tried when there is something to send

}  // namespace

void Troubles::begin(std::string_view code, std::string_view topic, std::string_view text,
                     std::int64_t now_ms, bool repeats) {
  const MutexLock lock(mutex_);
  // That all brokers are down librdkafka tells once, and of each of them with its attempts.
  if (const auto all = troubles_.find({"", "_ALL_BROKERS_DOWN"});
      all != troubles_.end() && repeats && topic.empty())
    all->second.heard_ms = now_ms;
  const auto key = Key(std::string(topic), std::string(code));
  if (const auto known = troubles_.find(key); known != troubles_.end()) {
    known->second.trouble.text = text;
    known->second.heard_ms = now_ms;
    return;
  }
  const bool told = troubles_.size() < kMost;
  log(told ? LogLevel::Warn : LogLevel::Debug, whose_ + ": trouble",
      {{"code", code}, {"topic", topic}, {"text", text}});
  if (told) troubles_.emplace(key, Known{{std::string(code), std::string(text), now_ms}, repeats, now_ms});
}

template <typename Over>
void Troubles::end_if(Over over) {
  const MutexLock lock(mutex_);
  std::erase_if(troubles_, [&](const auto& entry) {
    const auto& [key, known] = entry;
    if (!over(key, known)) return false;
    log(LogLevel::Info, whose_ + ": trouble is over", {{"code", key.second}, {"topic", key.first}});
    return true;
  });
}

void Troubles::end(std::string_view topic) {
  end_if([topic](const Key& key, const Known&) { return key.first.empty() || key.first == topic; });
}

void Troubles::end_code(std::string_view code) {
  end_if([code](const Key& key, const Known&) { return key.second == code; });
}

void Troubles::tick(std::int64_t now_ms) {
  end_if([now_ms](const Key& key, const Known& known) {
    return known.repeats && now_ms - known.heard_ms > (key.first.empty() ? kSilence_ms : kTopicSilence_ms);
  });
}

std::vector<Trouble> Troubles::all() const {
  const MutexLock lock(mutex_);
  std::vector<Trouble> all;
  for (const auto& [key, known] : troubles_) all.push_back(known.trouble);
  return all;
}

}  // namespace silverback::kafka
