#include "kafka/shared.h"

namespace silverback::kafka {

struct ConsumerFigures::Reason {
  explicit Reason(MetricLabels labels)
      : lease(metrics(), labels),
        messages(metrics().counter("silverback_kafka_rejected_messages_total",
                                   "Messages of which something was not stored, by reason.",
                                   std::move(labels))) {}
  Metrics::Lease lease;
  Counter& messages;
};

// The lease comes first: what is registered under its labels goes with it.
ConsumerFigures::ConsumerFigures(const std::string& consumer)
    : lease_(metrics(), {{"consumer", consumer}}),
      messages(metrics().counter("silverback_kafka_consumed_messages_total", "Messages taken in.",
                                 lease_.labels())),
      bytes(metrics().counter("silverback_kafka_consumed_bytes_total",
                              "Bytes of values of messages taken in.", lease_.labels())),
      samples(metrics().counter("silverback_kafka_stored_samples_total", "Samples stored from messages.",
                                lease_.labels())),
      rebalances(metrics().counter("silverback_kafka_rebalances_total",
                                   "Times that partitions were given to or taken from this server.",
                                   lease_.labels())),
      lost_messages(metrics().counter("silverback_kafka_lost_messages_total",
                                      "Messages that the broker had deleted before they were read.",
                                      lease_.labels())),
      letters_sent(metrics().counter("silverback_kafka_dead_letters_sent_total",
                                     "Dead letters that their topic has taken.", lease_.labels())),
      letters_kept(metrics().counter("silverback_kafka_dead_letters_kept_total",
                                     "Dead letters kept in this server, as no topic took them.",
                                     lease_.labels())),
      retries(metrics().counter(
          "silverback_kafka_store_retries_total",
          "Attempts to store messages, or dead letters, that failed and are made again.", lease_.labels())),
      store_seconds(metrics().histogram("silverback_kafka_store_duration_seconds",
                                        "Time to parse and store a run of messages with its position.",
                                        duration_buckets(), lease_.labels())),
      commit_seconds(metrics().histogram("silverback_kafka_commit_duration_seconds",
                                         "Time until the broker has taken a committed offset.",
                                         duration_buckets(), lease_.labels())),
      delay_seconds(metrics().histogram("silverback_kafka_delay_seconds",
                                        "From a message's own time until it is stored.", duration_buckets(),
                                        lease_.labels())) {}

ConsumerFigures::~ConsumerFigures() = default;

void ConsumerFigures::reject(std::string_view reason, std::uint64_t count) {
  const MutexLock lock(mutex_);
  auto& known = rejected_[std::string(reason)];
  if (known == nullptr) {
    MetricLabels labels = lease_.labels();
    labels.emplace_back("reason", reason);
    known = std::make_unique<Reason>(std::move(labels));
  }
  known->messages.add(count);
}

void ConsumerFigures::report(ConsumerStatus& status) const {
  status.messages = messages.value();
  status.bytes = bytes.value();
  status.samples = samples.value();
  status.rebalances = rebalances.value();
  status.dead_letters_sent = letters_sent.value();
  status.dead_letters_kept = letters_kept.value();
  const MutexLock lock(mutex_);
  for (const auto& [reason, counted] : rejected_)
    status.rejected.emplace_back(reason, counted->messages.value());
}

}  // namespace silverback::kafka
