#include "alerting/notify/integration.h"

#include "alerting/notify/integrations.h"

namespace silverback::notify {

std::unique_ptr<Integration> make_integration(const IntegrationSpec& spec, const Surroundings& surroundings) {
  struct Maker {
    const Surroundings& surroundings;
    std::unique_ptr<Integration> operator()(const WebhookSpec& webhook) const {
      return make_webhook(webhook, surroundings);
    }
    std::unique_ptr<Integration> operator()(const SlackSpec& slack) const {
      return make_slack(slack, surroundings);
    }
    std::unique_ptr<Integration> operator()(const EmailSpec& email) const {
      return make_email(email, surroundings);
    }
    std::unique_ptr<Integration> operator()(const KafkaSpec& kafka) const {
      return make_kafka(kafka, surroundings);
    }
  };
  return std::visit(Maker{surroundings}, spec.what);
}

}  // namespace silverback::notify
