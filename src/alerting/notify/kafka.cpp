// A topic of Kafka: the webhook's payload as a message. docs/notifications.md
//
// Who connects to brokers is the MessageSink; what is here waits until it says that they have the message.
#include <memory>
#include <optional>
#include <utility>

#include "alerting/notify/config_parts.h"
#include "alerting/notify/http_outcome.h"
#include "alerting/notify/integrations.h"
#include "alerting/notify/template_data.h"
#include "alerting/notify/templates.h"
#include "base/mutex.h"
#include "model/message_sink.h"

namespace silverback::notify {
namespace {

// One message on its way. Shared with the sink, which may answer when nobody waits any more.
class Answer {
 public:
  void set(const Status& status) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    if (!status_) status_ = status;
    changed_.notify_all();
  }
  /// The sink has a bound of its own; stop() ends it earlier.
  Status wait() EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    while (!status_) changed_.wait(mutex_);
    return *status_;
  }

 private:
  Mutex mutex_;
  Condition changed_;
  std::optional<Status> status_ GUARDED_BY(mutex_);
};

class Kafka final : public Integration {
 public:
  Kafka(KafkaSpec spec, const Surroundings& surroundings)
      : spec_(std::move(spec)),
        templates_(surroundings.templates),
        external_url_(surroundings.external_url),
        sink_(*surroundings.messages) {}

  Outcome send(const Notification& notification) override {
    auto message = kafka_message(spec_, *templates_, notification, external_url_);
    if (!message) return outcome_of(message.status());
    const auto answer = std::make_shared<Answer>();
    {
      const MutexLock lock(mutex_);
      if (stopped_) return outcome_of(stopped());
      waiting_ = answer;
    }
    Status status =
        sink_.send(std::move(*message), [answer](const Status& delivered) { answer->set(delivered); });
    if (status.ok()) status = answer->wait();
    const MutexLock lock(mutex_);
    waiting_ = nullptr;
    return status.ok() ? Outcome{} : outcome_of(status);
  }

  void stop() override {
    const MutexLock lock(mutex_);
    stopped_ = true;
    if (waiting_ != nullptr) waiting_->set(stopped());
  }

 private:
  static Status stopped() { return {Code::Unavailable, "stopped before brokers had the message"}; }

  const KafkaSpec spec_;
  const std::shared_ptr<const Templates> templates_;
  const std::string external_url_;
  MessageSink& sink_;

  Mutex mutex_;  // before an answer's
  bool stopped_ GUARDED_BY(mutex_) = false;
  std::shared_ptr<Answer> waiting_ GUARDED_BY(mutex_);
};

}  // namespace

Result<OutMessage> kafka_message(const KafkaSpec& spec, const Templates& templates,
                                 const Notification& notification, std::string_view external_url) {
  const auto data = template_data(notification, external_url);
  const auto fill = [&](const std::string& field, const std::string& source) {
    return templates.text(field, source, data, notification.time_ns);
  };
  auto topic = fill("topic", spec.topic);
  if (!topic) return topic.status();
  if (Status bad = check_topic(*topic); !bad.ok()) return std::move(bad).in("topic");
  auto key = fill("key", spec.key);
  if (!key) return key.status();
  OutMessage message{.topic = std::move(*topic), .key = std::move(*key)};
  if (message.key.empty()) message.key = notification.group_key;
  message.headers = {{std::string(kContentTypeHeader), "application/json"},
                     {std::string(kIdempotencyHeader), notification.idempotency_key}};
  for (const auto& [name, source] : spec.headers) {
    auto text = fill("headers: " + name, source);
    if (!text) return text.status();
    message.headers.emplace_back(name, std::move(*text));
  }
  message.value = webhook_payload(notification, spec.max_alerts, external_url);
  return message;
}

std::unique_ptr<Integration> make_kafka(const KafkaSpec& spec, const Surroundings& surroundings) {
  return std::make_unique<Kafka>(spec, surroundings);
}

}  // namespace silverback::notify
