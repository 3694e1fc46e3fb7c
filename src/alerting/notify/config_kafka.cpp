// `kafka_configs`, which are ours: no Alertmanager has them.
#include <algorithm>
#include <utility>

#include "alerting/gotemplate/template.h"
#include "alerting/notify/config_parts.h"
#include "alerting/notify/template_data.h"
#include "model/message_sink.h"
#include "query/promql/text.h"

namespace silverback::notify {
namespace {

using query::promql::quote;

// So that a mistake is found by `check config`, not by the first alert.
void check_template(yaml::Fields& fields, const std::string& what, const std::string& text) {
  const auto parsed = gotemplate::Template::parse(what, text, text_template_functions());
  if (!parsed) fields.problem(what + ": " + std::string(parsed.status().message()));
}

bool same_header(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

void check_headers(yaml::Fields& fields, const TextPairs& headers) {
  for (const auto& [name, text] : headers) {
    if (name.empty()) fields.problem("headers: a name is empty");
    for (const std::string_view own : {kContentTypeHeader, kIdempotencyHeader}) {
      if (same_header(name, own)) fields.problem("headers: " + quote(name) + " is set by the server");
    }
    check_template(fields, "headers: " + name, text);
  }
}

}  // namespace

IntegrationSpec read_kafka(const yaml::Node& node, const Globals&, const Reading& reading) {
  IntegrationSpec integration;
  KafkaSpec out;
  yaml::Fields fields(node, "kafka_configs", reading.problems);
  fields.boolean("send_resolved", integration.send_resolved);
  fields.text("topic", out.topic);
  fields.text("key", out.key);
  fields.text_map("headers", out.headers);
  std::int64_t most = 0;
  if (fields.whole("max_alerts", most, 0, 1'000'000'000)) out.max_alerts = static_cast<std::uint64_t>(most);
  refuse(fields, "brokers", "they are those of `kafka: producer: brokers`", reading);
  fields.done();
  if (out.topic.empty()) {
    fields.problem("topic must be configured");
  } else if (out.topic.find("{{") == out.topic.npos) {
    if (const Status bad = check_topic(out.topic); !bad.ok())
      fields.problem("topic: " + std::string(bad.message()));
  }
  check_template(fields, "topic", out.topic);
  check_template(fields, "key", out.key);
  check_headers(fields, out.headers);
  integration.what = std::move(out);
  return integration;
}

Status check_sink(const NotifyConfig& config, bool there_is_one) {
  if (there_is_one) return {};
  for (const ReceiverSpec& receiver : config.receivers) {
    for (const IntegrationSpec& one : receiver.integrations) {
      if (!std::holds_alternative<KafkaSpec>(one.what)) continue;
      return {Code::InvalidArgument, "notifications: receiver " + quote(receiver.name) +
                                         ": kafka_configs need a producer: set `kafka: producer: brokers`"};
    }
  }
  return {};
}

}  // namespace silverback::notify
