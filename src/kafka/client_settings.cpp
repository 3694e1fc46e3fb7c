#include "kafka/client_settings.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string_view>

namespace silverback::kafka {
namespace {

Result<std::string> password_of(const Security& security) {
  if (!security.password_environment.empty()) {
    const char* const value = std::getenv(security.password_environment.c_str());
    if (value == nullptr)
      return Status(Code::NotFound, "the environment has no " + security.password_environment);
    return std::string(value);
  }
  if (security.password_file.empty()) return security.password;
  std::ifstream in(security.password_file, std::ios::binary);
  if (!in) return Status(Code::NotFound, "the password file cannot be read: " + security.password_file);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
  return text;
}

// Must not be less than a message may have.
std::int64_t fetch_bytes(const TextPairs& settings) {
  std::int64_t message_bytes = 0;
  if (const std::string* const text = find_setting(settings, "message.max.bytes"))
    std::from_chars(text->data(), text->data() + text->size(), message_bytes);
  return std::max<std::int64_t>(message_bytes, 3 << 20);
}

// Of the characters that a topic's name may have only the dot means something in a pattern.
std::string escape_dots(std::string_view topic) {
  std::string escaped;
  for (const char c : topic) escaped += c == '.' ? std::string("\\.") : std::string(1, c);
  return escaped;
}

}  // namespace

Result<TextPairs> client_settings(const std::vector<std::string>& brokers, const Security& security,
                                  const TextPairs& own) {
  std::string list;
  for (const std::string& broker : brokers) list += (list.empty() ? "" : ",") + broker;
  TextPairs settings = {
      {"bootstrap.servers", list}, {"client.id", "silverback"}, {"security.protocol", security.protocol}};
  const auto add = [&settings](std::string name, const std::string& value) {
    if (!value.empty()) settings.emplace_back(std::move(name), value);
  };
  add("ssl.ca.location", security.ca_file);
  add("ssl.certificate.location", security.cert_file);
  add("ssl.key.location", security.key_file);
  if (security.protocol.starts_with("sasl")) {
    const auto password = password_of(security);
    if (!password) return password.status();
    add("sasl.mechanism", security.mechanism);
    add("sasl.username", security.username);
    add("sasl.password", *password);
  }
  settings.insert(settings.end(), own.begin(), own.end());
  return settings;
}

Result<TextPairs> consumer_settings(const ConsumerConfig& config) {
  // Less is kept in memory than librdkafka would by itself, and topics that are new are seen earlier. A
  // member hears with its heartbeats that the group is made anew; what others wait for then, they wait for so
  // long.
  TextPairs own = {{"heartbeat.interval.ms", "500"},
                   {"queued.max.messages.kbytes", "16384"},
                   {"queued.min.messages", "20000"},
                   {"topic.metadata.refresh.interval.ms", "10000"}};
  own.emplace_back("fetch.max.bytes", std::to_string(fetch_bytes(config.settings)));
  own.insert(own.end(), config.settings.begin(), config.settings.end());
  if (!config.dead_letter_topic.empty()) {  // which a pattern may fit: each letter would be one again
    const std::string* const more = find_setting(config.settings, "topic.blacklist");
    // An empty pattern, as at the end of a list, would fit every topic.
    own.emplace_back("topic.blacklist", "^" + escape_dots(config.dead_letter_topic) + "$" +
                                            (more == nullptr || more->empty() ? "" : "," + *more));
  }
  auto settings = client_settings(config.brokers, config.security, own);
  if (!settings) return settings;
  settings->insert(settings->end(), {{"group.id", config.group},
                                     {"enable.auto.commit", "false"},
                                     {"enable.auto.offset.store", "false"},
                                     {"auto.offset.reset", "error"},
                                     {"partition.assignment.strategy", "cooperative-sticky"}});
  return settings;
}

Result<TextPairs> producer_settings(const ProducerConfig& config) {
  // As Java's clients choose a partition for a key; whoever needs another way sets it.
  TextPairs own = {{"partitioner", "murmur2_random"}};
  own.insert(own.end(), config.settings.begin(), config.settings.end());
  auto settings = client_settings(config.brokers, config.security, own);
  if (!settings) return settings;
  // SendRoom's bounds and one message more, see there.
  const std::int64_t kilobytes = std::min<std::int64_t>(config.queue_bytes / 1024 * 2 + 1, 2'147'483'647);
  settings->insert(settings->end(),
                   {{"enable.idempotence", "true"},
                    {"queue.buffering.max.messages", std::to_string(config.queue_messages + 1)},
                    {"queue.buffering.max.kbytes", std::to_string(kilobytes)},
                    {"message.timeout.ms", std::to_string(config.timeout_ms)}});
  return settings;
}

ProducerConfig letter_producer(const ConsumerConfig& config) {
  constexpr std::int64_t kTimeout_ms = 10'000;  // then they are kept here
  ProducerConfig producer{.brokers = config.brokers,
                          .security = config.security,
                          .timeout_ms = kTimeout_ms,
                          .settings = config.settings};
  // Of what is read; a producer would not find the topic.
  std::erase_if(producer.settings, [](const auto& setting) { return setting.first == "topic.blacklist"; });
  return producer;
}

Status check_client_settings(TextPairs settings, bool consumes) {
  std::erase_if(settings, [](const auto& setting) { return setting.first == "bootstrap.servers"; });
  const auto made = make_client_conf(settings);
  if (!made) return made.status();
  rd_kafka_conf_set_log_cb(*made, [](const rd_kafka_t*, int, const char*, const char*) {});
  char error[512] = "";
  rd_kafka_t* const client =
      rd_kafka_new(consumes ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER, *made, error, sizeof error);
  if (client == nullptr) {
    rd_kafka_conf_destroy(*made);
    return {Code::InvalidArgument, error};
  }
  rd_kafka_destroy(client);
  return {};
}

Result<rd_kafka_conf_s*> make_client_conf(const TextPairs& settings) {
  rd_kafka_conf_t* const conf = rd_kafka_conf_new();
  for (const auto& [name, value] : settings) {
    char error[512] = "";
    if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), error, sizeof error) == RD_KAFKA_CONF_OK)
      continue;
    rd_kafka_conf_destroy(conf);
    return Status(Code::InvalidArgument, "settings: " + name + ": " + error);
  }
  return conf;
}

}  // namespace silverback::kafka
