// NotifyConfig: the section `notifications`, in Alertmanager's own schema.
//
//   notifications:
//     global: {resolve_timeout: 5m, smtp_smarthost: 'mail:25', smtp_from: alerts@example.org}
//     route: {receiver: ops, group_by: [alertname], group_wait: 10s, group_interval: 1m, repeat_interval: 4h}
//     receivers: [{name: ops, webhook_configs: [{url: 'http://127.0.0.1:8080/hook'}]}]
//     inhibit_rules: []
//     time_intervals: []
//     templates: ['templates/*.tmpl']
//     egress: {allow: [10.0.0.0/8]}          # ours
//
// Source: https://prometheus.io/docs/alerting/latest/configuration/
//
// Threads: values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "alerting/http_client.h"
#include "alerting/notify/egress.h"
#include "alerting/notify/matcher_text.h"
#include "alerting/notify/time_interval.h"
#include "alerting/rule_file.h"
#include "base/status.h"
#include "base/yaml.h"

namespace silverback::notify {

using alerting::HttpSettings;
using alerting::TextPairs;

/// A route with everything that it inherits.
struct RouteSpec {
  std::string receiver;
  std::vector<std::string> group_by;  // sorted
  bool group_by_all = false;          // `...`
  Matchers matchers;                  // of match, match_re and matchers; sorted
  bool goes_on = false;               // `continue`
  std::int64_t group_wait_ms = 30'000;
  std::int64_t group_interval_ms = 300'000;
  std::int64_t repeat_interval_ms = 14'400'000;
  std::vector<std::string> mute_time_intervals;    // not inherited
  std::vector<std::string> active_time_intervals;  // not inherited
  std::vector<RouteSpec> routes;
  friend bool operator==(const RouteSpec&, const RouteSpec&) = default;
};

struct InhibitRule {
  Matchers source;
  Matchers target;
  std::vector<std::string> equal;
  friend bool operator==(const InhibitRule&, const InhibitRule&) = default;
};

struct WebhookSpec {
  std::string url;  // a template
  std::string url_file;
  std::uint64_t max_alerts = 0;  // 0: all
  std::int64_t timeout_ms = 0;   // 0: 10 s
  std::string signature_secret;  // ours: `signature: {secret, secret_file, header}`
  std::string signature_secret_file;
  std::string signature_header = "X-Silverback-Signature";
  HttpSettings http;
  friend bool operator==(const WebhookSpec&, const WebhookSpec&) = default;
};

struct SlackField {
  std::string title, value;
  std::optional<bool> is_short;
  friend bool operator==(const SlackField&, const SlackField&) = default;
};
struct SlackAction {
  std::string type, text, url, style, name, value;
  friend bool operator==(const SlackAction&, const SlackAction&) = default;
};
/// Texts are templates; the defaults are Alertmanager's.
struct SlackSpec {
  std::string api_url;
  std::string api_url_file;
  std::string channel, username, color, title, title_link, pretext, text, footer, fallback, callback_id;
  std::string icon_emoji, icon_url, image_url, thumb_url;
  std::vector<SlackField> fields;
  std::vector<SlackAction> actions;
  std::vector<std::string> mrkdwn_in;
  bool short_fields = false;
  bool link_names = false;
  HttpSettings http;
  friend bool operator==(const SlackSpec&, const SlackSpec&) = default;
};

/// Texts are templates; the defaults are Alertmanager's.
struct EmailSpec {
  std::string to, from, hello, smarthost;  // smarthost: "host:port"
  std::string auth_username, auth_password, auth_password_file, auth_identity;
  bool require_tls = true;
  TextPairs headers;  // sorted; Subject, To and From are always among them
  std::string html, text;
  std::string ca_file, cert_file, key_file;
  bool insecure_skip_verify = false;
  friend bool operator==(const EmailSpec&, const EmailSpec&) = default;
};

/// Texts are templates. The body is the webhook's; where it goes through is the server's producer.
struct KafkaSpec {
  std::string topic;
  std::string key;  // empty: the group's key, so that what is told of a group stays in order
  TextPairs headers;
  std::uint64_t max_alerts = 0;  // 0: all
  friend bool operator==(const KafkaSpec&, const KafkaSpec&) = default;
};

struct IntegrationSpec {
  std::uint32_t index = 0;  // among those of its kind in the receiver
  bool send_resolved = true;
  std::variant<WebhookSpec, SlackSpec, EmailSpec, KafkaSpec> what;
  /// "webhook", "slack", "email", "kafka"
  std::string_view kind() const;
  friend bool operator==(const IntegrationSpec&, const IntegrationSpec&) = default;
};

struct ReceiverSpec {
  std::string name;
  std::vector<IntegrationSpec> integrations;
  friend bool operator==(const ReceiverSpec&, const ReceiverSpec&) = default;
};

struct NotifyConfig {
  std::int64_t resolve_timeout_ms = 300'000;
  RouteSpec route;
  std::vector<ReceiverSpec> receivers;
  std::vector<InhibitRule> inhibit_rules;
  std::map<std::string, std::vector<TimeInterval>> time_intervals;
  std::vector<std::string> templates;  // patterns of file names
  Egress egress;
  std::string shown;  // for Alertmanager's clients: YAML that its reader takes, secrets as <secret>
  friend bool operator==(const NotifyConfig&, const NotifyConfig&) = default;
};

/// @param node  the value of `notifications`
/// @param folder  that of the file: relative paths in it begin there
/// What is wrong goes to `problems`, with its line; then the result is of no use.
NotifyConfig read_notifications(const yaml::Node& node, std::string_view folder, yaml::Problems& problems);

/// @returns InvalidArgument when a receiver sends to Kafka and nothing takes its messages
Status check_sink(const NotifyConfig& config, bool there_is_one);

}  // namespace silverback::notify
