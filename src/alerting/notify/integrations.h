// The kinds of integrations, and what each of them says; integration.h is what others use.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "alerting/notify/config.h"
#include "alerting/notify/integration.h"
#include "alerting/notify/notification.h"

namespace silverback::notify {

std::unique_ptr<Integration> make_webhook(const WebhookSpec& spec, const Surroundings& surroundings);
std::unique_ptr<Integration> make_slack(const SlackSpec& spec, const Surroundings& surroundings);
std::unique_ptr<Integration> make_email(const EmailSpec& spec, const Surroundings& surroundings);

/// @param surroundings  with `messages`
std::unique_ptr<Integration> make_kafka(const KafkaSpec& spec, const Surroundings& surroundings);

/// The body of a webhook request: Alertmanager's payload, with the newline that it ends with.
/// @param max_alerts  the first of them are told, the number of the others too; 0: all
std::string webhook_payload(const Notification& notification, std::uint64_t max_alerts,
                            std::string_view external_url);
/// "t=1700000000,v1=<hex of HMAC-SHA256 over "1700000000." and the body>"
std::string signature(std::string_view secret, std::int64_t time_s, std::string_view body);

/// The body of a request to Slack, texts of templates filled in.
/// @returns InvalidArgument or Unprocessable when a template fails, with the field's name
Result<std::string> slack_payload(const SlackSpec& spec, const Templates& templates,
                                  const Notification& notification, std::string_view external_url);
/// Of Slack's answers with a 2xx status: what it complains of, empty when it took the message.
std::string slack_complaint(const alerting::HttpReply& reply);

/// A mail, and between whom it goes.
struct Letter {
  std::string from;
  std::vector<std::string> to;
  std::string mail;
};
/// @returns InvalidArgument or Unprocessable when a template fails or an address is none, with the field's
/// name
Result<Letter> write_letter(const EmailSpec& spec, const Templates& templates,
                            const Notification& notification, std::string_view external_url);

/// What goes to Kafka: the webhook's body, with a header of its type and one with the idempotency key.
/// @returns InvalidArgument or Unprocessable when a template fails or the topic is none, with the field's
/// name
Result<OutMessage> kafka_message(const KafkaSpec& spec, const Templates& templates,
                                 const Notification& notification, std::string_view external_url);

}  // namespace silverback::notify
