// What the members of one consumer share: where they store, what they count.
//
// Threads: any, but for construction and destruction.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "kafka/claims.h"
#include "kafka/config.h"
#include "kafka/dead_letters.h"
#include "kafka/intake.h"
#include "kafka/status.h"
#include "model/appender.h"
#include "model/message_sink.h"

namespace silverback::kafka {

/// The figures of one consumer, in /metrics and in its status. Those with labels go with it.
class ConsumerFigures {
  Metrics::Lease lease_;  // before what is registered with its labels

 public:
  explicit ConsumerFigures(const std::string& consumer);
  ~ConsumerFigures();
  ConsumerFigures(const ConsumerFigures&) = delete;
  ConsumerFigures& operator=(const ConsumerFigures&) = delete;

  void reject(std::string_view reason, std::uint64_t messages) EXCLUDES(mutex_);
  void report(ConsumerStatus& status) const EXCLUDES(mutex_);

  Counter& messages;
  Counter& bytes;
  Counter& samples;
  Counter& rebalances;
  Counter& lost_messages;  // the broker did not have them any more
  Counter& letters_sent;
  Counter& letters_kept;
  Counter& retries;
  Histogram& store_seconds;   // a run of messages: parsed, stored, its position kept
  Histogram& commit_seconds;  // telling the broker
  Histogram& delay_seconds;   // from a message's time to stored

 private:
  struct Reason;

  mutable Mutex mutex_;
  std::map<std::string, std::unique_ptr<Reason>, std::less<>> rejected_ GUARDED_BY(mutex_);
};

struct Shared {
  Shared(const ConsumerConfig& c, const IntakeTargets& i, const ProgressStore& p, DeadLetters& d,
         std::string m, std::unique_ptr<MessageSink> topic)
      : config(c),
        intake(i),
        progress(p),
        letters(d),
        mark(std::move(m)),
        letter_topic(std::move(topic)),
        figures(c.name) {}

  const ConsumerConfig config;
  const IntakeTargets intake;
  const ProgressStore& progress;
  DeadLetters& letters;
  const std::string mark;                                    // of this store and consumer, in what it commits
  const std::unique_ptr<MessageSink> letter_topic;           // of dead letters; null: there is none
  std::atomic<std::int64_t> letter_topic_rests_until_ms{0};  // it failed lately
  Claims claims;
  ConsumerFigures figures;

  const Clock& clock() const { return intake.store.clock; }
  std::int64_t now_ms() const { return clock().now_ns() / kNsPerMs; }
};

std::vector<DeadLetter> make_letters(const Shared& shared, std::span<const Message> messages,
                                     std::span<const BadMessage> bad);
/// Sends them to the topic of dead letters, and keeps here what that does not take. Those that are safe are
/// taken out of `letters`: what is left is for the next call.
/// @returns Unavailable or ResourceExhausted when some are left
Status bury(Shared& shared, std::vector<DeadLetter>& letters);

}  // namespace silverback::kafka
