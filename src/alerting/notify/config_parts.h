// The parts of read_notifications(), a file each.
//
// Threads: values and functions without state.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>

#include "alerting/http_config.h"
#include "alerting/notify/config.h"

namespace silverback::notify {

/// Where paths begin, and where what is wrong goes.
struct Reading {
  std::string_view folder;
  yaml::Problems& problems;
};

using Names = std::set<std::string, std::less<>>;

/// How Slack is reached: by the URL of a webhook, or as an app.
struct SlackAccess {
  std::string api_url, api_url_file;
  std::string app_token, app_token_file;
  std::string app_url;
};
/// Each field with `prefix` before it.
void read_slack_access(yaml::Fields& fields, std::string_view prefix, const Reading& reading,
                       SlackAccess& out);

/// Alertmanager's texts where none is configured.
SlackSpec default_slack();
EmailSpec default_email();

/// The section `global`: what receivers take when they say nothing themselves.
struct Globals {
  std::int64_t resolve_timeout_ms = 300'000;
  HttpSettings http;
  SlackAccess slack;
  EmailSpec email = default_email();
};
Globals read_globals(const yaml::Node& node, const Reading& reading);

/// @param named  the names so far: no two receivers have the same
ReceiverSpec read_receiver(const yaml::Node& node, const Globals& globals, Names& named,
                           const Reading& reading);
IntegrationSpec read_slack(const yaml::Node& node, const Globals& globals, const Reading& reading);
IntegrationSpec read_email(const yaml::Node& node, const Globals& globals, const Reading& reading);
IntegrationSpec read_kafka(const yaml::Node& node, const Globals& globals, const Reading& reading);

/// Headers of messages to Kafka that are always there.
inline constexpr std::string_view kContentTypeHeader = "content-type";
inline constexpr std::string_view kIdempotencyHeader = "idempotency-key";

/// `smtp_smarthost` and so on, without the prefix in a receiver. What is absent stays as it is in `out`.
void read_mail_server(yaml::Fields& fields, std::string_view prefix, const Reading& reading, EmailSpec& out);

/// The tree below `route`. Receivers and time intervals that it names have to be among these.
RouteSpec read_routes(const yaml::Node& node, const Names& receivers, const Names& intervals,
                      const Reading& reading);
/// `match`, `match_re` and `matchers`, or the same with `prefix` before them; sorted.
Matchers read_matchers(yaml::Fields& fields, std::string_view prefix, const Reading& reading);

/// The items of a list of texts, with their lines.
std::vector<const yaml::Node*> text_items(yaml::Fields& fields, std::string_view name,
                                          const Reading& reading);
/// Complains when the field is there and says anything but "false".
void refuse(yaml::Fields& fields, std::string_view name, std::string_view remedy, const Reading& reading);
/// Complains when both are given.
void at_most_one(yaml::Fields& fields, std::string_view a, std::string_view b);

/// NotifyConfig::shown
std::string shown_text(const NotifyConfig& config);

}  // namespace silverback::notify
