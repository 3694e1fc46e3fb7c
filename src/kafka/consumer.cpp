#include "kafka/consumer.h"

#include <algorithm>

#include "kafka/client_settings.h"
#include "kafka/member.h"
#include "kafka/producer.h"
#include "kafka/shared.h"

namespace silverback::kafka {
Consumer::Consumer(std::unique_ptr<Shared> shared, const Producer* letter_sender)
    : shared_(std::move(shared)), letter_sender_(letter_sender) {
  for (std::int64_t i = 0; i < shared_->config.concurrency; ++i)
    members_.push_back(std::make_unique<Member>(*shared_));
}

Consumer::~Consumer() { stop(); }

Result<std::unique_ptr<Consumer>> Consumer::start(const ConsumerConfig& config, const IntakeTargets& intake,
                                                  const ProgressStore& progress, DeadLetters& letters,
                                                  std::string mark) {
  std::unique_ptr<Producer> letter_topic;
  if (!config.dead_letter_topic.empty()) {
    auto producer =
        Producer::open(letter_producer(config), "kafka consumer " + config.name + ": dead letters");
    if (!producer) return producer.status().in("kafka: consumer " + config.name + ": dead letters");
    letter_topic = std::move(*producer);
  }
  const Producer* const letter_sender = letter_topic.get();
  auto shared =
      std::make_unique<Shared>(config, intake, progress, letters, std::move(mark), std::move(letter_topic));
  return std::unique_ptr<Consumer>(new Consumer(std::move(shared), letter_sender));
}

const ConsumerConfig& Consumer::config() const { return shared_->config; }

void Consumer::stop() {
  for (const auto& member : members_) member->stop();
}

ConsumerStatus Consumer::status() const {
  const ConsumerConfig& config = shared_->config;
  ConsumerStatus status;
  status.name = config.name;
  status.group = config.group;
  status.format = to_string(config.format);
  status.brokers = config.brokers;
  status.topics = config.topics;
  status.members = members_.size();
  for (const auto& member : members_) member->report(status);
  if (letter_sender_ != nullptr) {
    ProducerStatus sender = letter_sender_->status();
    for (Trouble& trouble : sender.troubles) {
      trouble.text.insert(0, "dead letters: ");
      status.troubles.push_back(std::move(trouble));
    }
  }
  std::ranges::sort(status.partitions, {}, &PartitionStatus::partition);
  shared_->figures.report(status);
  return status;
}

}  // namespace silverback::kafka
