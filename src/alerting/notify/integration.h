// Integration: one way out, a webhook, a Slack channel, an e-mail address, a topic of Kafka.
//
// Threads: send() one at a time, stop() any.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "alerting/notify/config.h"
#include "alerting/notify/notification.h"
#include "model/message_sink.h"

namespace silverback::notify {

struct Outcome {
  enum class Kind : std::uint8_t {
    Delivered,
    Retry,   // no answer, 5xx: worth trying again
    Refused  // 4xx, a template that fails: the same would fail again
  };
  Kind kind = Kind::Delivered;
  std::string error = {};
  std::int64_t retry_after_ms = 0;  // as the receiver asked; 0: it did not
};

class Integration {
 public:
  virtual ~Integration() = default;
  virtual Outcome send(const Notification& notification) = 0;
  /// Ends a send() that is under way within a second; it comes back as Retry.
  virtual void stop() = 0;
};

/// Alertmanager's default templates and those of the configured files.
class Templates;
/// @param patterns  of file names
/// @returns NotFound or InvalidArgument with Go's words
Result<std::shared_ptr<const Templates>> load_templates(const std::vector<std::string>& patterns);

/// What all integrations share.
struct Surroundings {
  std::shared_ptr<const Templates> templates;
  std::string external_url;  // of this server, without a slash at its end
  Egress egress;
  MessageSink* messages = nullptr;  // for Kafka; outlives the integrations. Null: none of them sends there
};

std::unique_ptr<Integration> make_integration(const IntegrationSpec& spec, const Surroundings& surroundings);

}  // namespace silverback::notify
