#include "alerting/recorded_topic.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <utility>

#include "base/json.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "base/number.h"
#include "model/sample.h"

namespace silverback::alerting {
namespace {

Counter& lost_because(std::string_view reason) {
  return metrics().counter("silverback_rule_messages_lost_total",
                           "Recorded samples that did not reach the topic of their rule.",
                           {{"reason", std::string(reason)}});
}

struct Counts {
  Counter& sent =
      metrics().counter("silverback_rule_messages_sent_total", "Recorded samples that brokers have taken.");
  Counter& queue_full = lost_because("queue_full");
  Counter& refused = lost_because("refused");
  Counter& undelivered = lost_because("undelivered");
};
Counts& counts() {
  static Counts all;
  return all;
}

}  // namespace

// From the first message that is lost to the first evaluation later of which none is.
class RecordedTopic::Spell {
 public:
  Spell(std::string rule, std::string topic) : rule_(std::move(rule)), topic_(std::move(topic)) {}

  void lost(std::uint64_t round, const Status& why) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    if (warning_.empty())
      log(LogLevel::Warn, "recorded samples do not reach their topic",
          {{"rule", rule_}, {"topic", topic_}, {"err", why.message()}});
    warning_ = why.message();
    last_lost_ = std::max(last_lost_, round);
  }
  void arrived(std::uint64_t round) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    if (warning_.empty() || round <= last_lost_) return;
    log(LogLevel::Info, "recorded samples reach their topic again", {{"rule", rule_}, {"topic", topic_}});
    warning_.clear();
  }
  std::string warning() const EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    return warning_;
  }

 private:
  const std::string rule_;
  const std::string topic_;
  mutable Mutex mutex_;
  std::string warning_ GUARDED_BY(mutex_);
  std::uint64_t last_lost_ GUARDED_BY(mutex_) = 0;
};

// The messages of one evaluation; the last one that is heard of says whether all arrived.
class RecordedTopic::Round {
 public:
  Round(std::shared_ptr<Spell> spell, std::uint64_t number) : spell_(std::move(spell)), number_(number) {}
  Round(const Round&) = delete;
  Round& operator=(const Round&) = delete;
  ~Round() {
    if (!lost_.load(std::memory_order_relaxed)) spell_->arrived(number_);
  }

  void heard(const Status& status) {
    if (status.ok()) {
      counts().sent.add();
    } else {
      counts().undelivered.add();
      lost(status);
    }
  }
  void refused(const Status& status) {
    (status.code() == Code::ResourceExhausted ? counts().queue_full : counts().refused).add();
    lost(status);
  }

 private:
  void lost(const Status& status) {
    lost_.store(true, std::memory_order_relaxed);  // the count of owners orders it before the destructor
    spell_->lost(number_, status);
  }

  const std::shared_ptr<Spell> spell_;
  const std::uint64_t number_;
  std::atomic<bool> lost_{false};
};

std::string sample_json(const RuleSample& sample, std::int64_t time_ms) {
  std::string out = "{";
  append_json_key(out, "name");
  append_json_string(out, sample.labels.get(kMetricName));
  append_json_key(out += ',', "labels");
  out += '{';
  for (const LabelView& label : sample.labels) {
    if (label.name == kMetricName) continue;
    if (out.back() != '{') out += ',';
    append_json_key(out, label.name);
    append_json_string(out, label.value);
  }
  append_json_key(out += "},", "value");
  const double size = std::fabs(sample.value);
  if (!std::isfinite(sample.value)) {
    append_json_string(out, format_float(sample.value));
  } else if (size == 0 || (size >= 1e-6 && size < 1e21)) {
    append_float(out, sample.value);
  } else {
    append_float_exponent(out, sample.value);
  }
  append_json_key(out += ',', "timestamp");
  return out + std::to_string(time_ms) + "}";
}

RecordedTopic::RecordedTopic(MessageSink& sink, std::string topic, std::string rule)
    : sink_(sink), topic_(std::move(topic)), spell_(std::make_shared<Spell>(std::move(rule), topic_)) {}

void RecordedTopic::send(std::span<const RuleSample> samples, std::int64_t time_ms,
                         std::int64_t evaluated_ms) {
  if (samples.empty()) return;
  const auto round = std::make_shared<Round>(spell_, ++rounds_);
  for (const RuleSample& sample : samples) {
    if (is_stale(sample.value)) continue;
    const Status sent = sink_.send({.topic = topic_,
                                    .key = sample.labels.to_string(),
                                    .value = sample_json(sample, time_ms),
                                    .time_ms = evaluated_ms},
                                   [round](const Status& status) { round->heard(status); });
    if (!sent.ok()) round->refused(sent);
  }
}

std::string RecordedTopic::warning() const { return spell_->warning(); }

}  // namespace silverback::alerting
