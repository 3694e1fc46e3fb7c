#include "kafka/kafka.h"

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <utility>

#include "base/hex.h"
#include "base/mutex.h"
#include "kafka/client_settings.h"
#include "kafka/consumer.h"
#include "kafka/producer.h"

namespace silverback::kafka {
namespace {

/// Sends through the producer of the configuration in force.
class SinkDoor final : public MessageSink {
 public:
  Status send(OutMessage message, Delivered delivered) override {
    const std::shared_ptr<Producer> producer = inside();
    if (producer == nullptr)
      return {Code::Unavailable,
              "there is no Kafka producer; set kafka: producer: brokers in the configuration"};
    return producer->send(std::move(message), std::move(delivered));
  }
  std::shared_ptr<Producer> inside() const EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    return producer_;
  }
  /// @returns the one before, for the caller to end
  std::shared_ptr<Producer> replace(std::shared_ptr<Producer> producer) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    return std::exchange(producer_, std::move(producer));
  }

 private:
  mutable Mutex mutex_;
  std::shared_ptr<Producer> producer_ GUARDED_BY(mutex_);
};

// A letter as the message it was.
struct Unsealed {
  explicit Unsealed(const DeadLetter& letter) {
    for (const auto& [name, value] : letter.headers) headers.push_back({name, value});
    message.topic = letter.source.topic;
    message.partition = letter.source.number;
    message.offset = letter.offset;
    message.time_ms = letter.time_ms;
    message.key = letter.key;
    message.value = letter.value;
    message.headers = headers;
  }
  std::vector<Header> headers;
  Message message;
};

}  // namespace

Status check(const KafkaConfig& config) {
  std::string problems;
  const auto look_at = [&problems](const std::string& whose, const Result<TextPairs>& settings,
                                   bool consumes) {
    const Status good = settings ? check_client_settings(*settings, consumes) : settings.status();
    if (good.ok()) return;
    problems += (problems.empty() ? "kafka: " : "\nkafka: ") + whose + ": ";
    problems += good.message();
  };
  for (const ConsumerConfig& consumer : config.consumers) {
    const std::string whose = "consumer " + consumer.name;
    look_at(whose, consumer_settings(consumer), true);
    if (!consumer.dead_letter_topic.empty())
      look_at(whose + ": dead letters", producer_settings(letter_producer(consumer)), false);
  }
  if (config.has_producer()) look_at("producer", producer_settings(config.producer), false);
  return problems.empty() ? Status() : Status(Code::InvalidArgument, problems);
}

struct Kafka::State {
  explicit State(const KafkaTargets& t)
      : targets(t), letters(t.states, static_cast<std::uint64_t>(KafkaConfig().max_dead_letter_bytes)) {}

  std::optional<ConsumerConfig> config_of(const std::string& consumer) const;
  Status read_mark();
  Status set_producer(const ProducerConfig& config);

  const KafkaTargets targets;
  std::string mark;
  DeadLetters letters;
  SinkDoor sink;
  mutable Mutex mutex;  // not held while consumers start or end
  std::map<std::string, std::shared_ptr<Consumer>> consumers GUARDED_BY(mutex);
  ProducerConfig producer_config GUARDED_BY(mutex);
};

Kafka::Kafka(const KafkaTargets& targets) : state_(std::make_unique<State>(targets)) {}
Kafka::~Kafka() { stop_consumers(); }

Status Kafka::open() {
  if (Status read = state_->read_mark(); !read.ok()) return read;
  return state_->letters.open();
}

// Of this store, made once.
Status Kafka::State::read_mark() {
  constexpr std::string_view kKey = "kafka/mark";
  Status read = targets.states.scan(kKey, [this](std::string_view, std::string_view value) {
    mark = value;
    return false;
  });
  if (!read.ok() || !mark.empty()) return read;
  std::random_device random;
  std::string bytes;
  for (int i = 0; i < 16; ++i) bytes += static_cast<char>(random());
  mark = to_hex(bytes);
  StateBatch batch;
  batch.put(std::string(kKey), mark);
  return targets.states.apply(batch);
}

Status Kafka::configure(const KafkaConfig& config) {
  if (Status good = check(config); !good.ok()) return good;
  State& s = *state_;
  s.letters.set_max_bytes(static_cast<std::uint64_t>(config.max_dead_letter_bytes));

  std::map<std::string, std::shared_ptr<Consumer>> ending;  // destroyed here, without the lock
  std::vector<const ConsumerConfig*> starting;
  Status failed = s.set_producer(config.producer);
  {
    const MutexLock lock(s.mutex);
    for (const ConsumerConfig& consumer : config.consumers) {
      const auto at = s.consumers.find(consumer.name);
      if (at == s.consumers.end() || at->second->config() != consumer) starting.push_back(&consumer);
    }
    for (auto it = s.consumers.begin(); it != s.consumers.end();) {
      const bool stays = std::ranges::find(config.consumers, it->second->config()) != config.consumers.end();
      if (stays) {
        ++it;
      } else {
        it->second->stop();
        ending.insert(s.consumers.extract(it++));
      }
    }
  }
  ending.clear();  // their members leave the groups before others with their names come
  for (const ConsumerConfig* consumer : starting) {
    auto started = Consumer::start(*consumer, s.targets.intake, s.targets.progress, s.letters,
                                   s.mark + "/" + consumer->name);
    if (!started) {
      failed = started.status();
      continue;
    }
    const MutexLock lock(s.mutex);
    s.consumers[consumer->name] = std::move(*started);
  }
  return failed;
}

Status Kafka::open_producer(const ProducerConfig& config) {
  return state_->sink.inside() == nullptr ? state_->set_producer(config) : Status();
}

Status Kafka::State::set_producer(const ProducerConfig& config) {
  {
    const MutexLock lock(mutex);
    if (producer_config == config) return {};
  }
  std::shared_ptr<Producer> producer;
  if (!config.brokers.empty()) {
    auto opened = Producer::open(config);
    if (!opened) return opened.status();
    producer = std::move(*opened);
  }
  const std::shared_ptr<Producer> before = sink.replace(std::move(producer));  // ends without the lock
  const MutexLock lock(mutex);
  producer_config = config;
  return {};
}

void Kafka::stop_consumers() {
  std::map<std::string, std::shared_ptr<Consumer>> ending;
  {
    const MutexLock lock(state_->mutex);
    ending = std::exchange(state_->consumers, {});
  }
  for (const auto& [name, consumer] : ending) consumer->stop();
}

KafkaStatus Kafka::status() const {
  std::vector<std::shared_ptr<Consumer>> consumers;
  {
    const MutexLock lock(state_->mutex);
    for (const auto& [name, consumer] : state_->consumers) consumers.push_back(consumer);
  }
  KafkaStatus status;
  for (const auto& consumer : consumers) status.consumers.push_back(consumer->status());
  if (const auto producer = state_->sink.inside()) status.producer = producer->status();
  const DeadLetters::Size size = state_->letters.size();
  status.dead_letters = size.letters;
  status.dead_letter_bytes = size.bytes;
  status.max_dead_letter_bytes = state_->letters.max_bytes();
  return status;
}

DeadLetters& Kafka::dead_letters() { return state_->letters; }
MessageSink& Kafka::sink() { return state_->sink; }

// ---- dead letters once more ----------------------------------------------------------------------

std::optional<ConsumerConfig> Kafka::State::config_of(const std::string& consumer) const {
  const MutexLock lock(mutex);
  const auto at = consumers.find(consumer);
  if (at == consumers.end()) return std::nullopt;
  return at->second->config();
}

// Is it stored now?
Result<bool> Kafka::retry(const std::string& id) {
  State& s = *state_;
  auto letter = s.letters.get(id);
  if (!letter) return letter.status();
  const auto config = s.config_of(letter->consumer);
  if (!config)
    return Status(Code::NotFound, "dead letter " + id + ": there is no consumer " + letter->consumer);
  const Unsealed unsealed(*letter);
  Intake intake(*config, s.targets.intake);
  const auto taken = intake.take(std::span(&unsealed.message, 1), {});
  if (!taken) return taken.status();
  if (taken->bad.empty()) {
    const auto removed = s.letters.remove(std::span(&id, 1));
    if (!removed) return removed.status();
    return true;
  }
  letter->code = taken->bad.front().code;
  letter->text = taken->bad.front().text;
  letter->failed_at_ms = s.targets.intake.store.clock.now_ns() / kNsPerMs;
  // One that was dropped meanwhile does not come back. Where there is no room for the new words the old ones
  // stay.
  Status kept = s.letters.replace(*letter);
  if (!kept.ok() && kept.code() != Code::ResourceExhausted) return kept;
  return false;
}

}  // namespace silverback::kafka
