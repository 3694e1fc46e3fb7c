#include "kafka/config.h"

#include <regex.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include "model/message_sink.h"

namespace silverback::kafka {
namespace {

constexpr std::array kFormats = {Format::Influx, Format::RemoteWrite, Format::Text, Format::Json};
constexpr std::array<std::string_view, 4> kProtocols = {"plaintext", "ssl", "sasl_plaintext", "sasl_ssl"};
constexpr std::array<std::string_view, 3> kMechanisms = {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"};
constexpr std::array<std::string_view, 5> kTimeUnits = {"auto", "s", "ms", "us", "ns"};
constexpr std::array<std::string_view, 6> kPrecisions = {"ns", "u", "ms", "s", "m", "h"};
// What this server has to decide itself.
constexpr std::array<std::string_view, 8> kOwnSettings = {
    "group.id",          "enable.auto.commit", "enable.auto.offset.store",      "auto.commit.enable",
    "auto.offset.reset", "bootstrap.servers",  "partition.assignment.strategy", "metadata.broker.list"};
// Of a producer: what its other fields say, or what makes it idempotent.
constexpr std::array<std::string_view, 6> kProducerSettings = {
    "enable.idempotence", "queue.buffering.max.messages", "queue.buffering.max.kbytes",
    "message.timeout.ms", "delivery.timeout.ms",          "transactional.id"};

std::string from_folder(std::string_view folder, const std::string& path) {
  if (path.empty() || path.starts_with('/') || folder.empty()) return path;
  return std::string(folder) + "/" + path;
}

// One of `choices`, or a problem that names them.
template <typename Choices>
void choose(yaml::Fields& fields, std::string_view name, const Choices& choices, std::string& out) {
  std::string text;
  if (!fields.text(name, text)) return;
  if (std::ranges::find(choices, text) != choices.end()) {
    out = text;
    return;
  }
  std::string known;
  for (const std::string_view choice : choices) known += (known.empty() ? "" : ", ") + std::string(choice);
  fields.problem(std::string(name) + ": \"" + text + "\" is none of " + known);
}

// The place among `choices` of what the field says.
template <typename Choices>
std::size_t choose_index(yaml::Fields& fields, std::string_view name, const Choices& choices,
                         std::string_view fallback) {
  std::string text(fallback);
  choose(fields, name, choices, text);
  return static_cast<std::size_t>(std::ranges::find(choices, text) - choices.begin());
}

// As librdkafka compiles it. Empty: it is good.
std::string wrong_with_regex(const std::string& pattern) {
  regex_t compiled{};
  const int wrong = regcomp(&compiled, pattern.c_str(), REG_EXTENDED | REG_NOSUB);
  if (wrong == 0) {
    regfree(&compiled);
    return {};
  }
  std::array<char, 256> text{};
  regerror(wrong, &compiled, text.data(), text.size());
  return text.data();
}

// By itself, and as it is subscribed to.
std::string wrong_with_pattern(const std::string& topic) {
  std::string wrong = wrong_with_regex(topic);
  return wrong.empty() ? wrong_with_regex(subscription_of(topic)) : wrong;
}

bool is_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port > 0;
}

// name, name:port, address:port, [address]:port. What librdkafka cannot read it leaves out without a word.
bool is_broker(std::string_view text) {
  const std::size_t behind = text.starts_with('[') ? text.find(']') : 0;
  if (behind == text.npos) return false;
  const std::size_t colon = text.find(':', behind);
  const std::string_view host = text.substr(0, colon);
  return !host.empty() && host.find_first_of("/, \t") == host.npos &&
         (colon == text.npos || is_port(text.substr(colon + 1)));
}

bool is_pattern(std::string_view topic) { return topic.find_first_of("*+?()[]{}|\\^$") != topic.npos; }

class Reader {
 public:
  Reader(std::string_view folder, yaml::Problems& problems) : folder_(folder), problems_(problems) {}

  KafkaConfig read(const yaml::Node& node) {
    KafkaConfig config;
    if (node.kind == yaml::Node::Kind::Null) return config;
    yaml::Fields fields(node, "kafka", problems_);
    std::set<std::string> names;
    if (const yaml::Node* list = fields.list("consumers")) {
      for (const yaml::Node& one : list->items) {
        config.consumers.push_back(read_consumer(one));
        if (!names.insert(config.consumers.back().name).second)
          problems_.add(one, "consumer: there are two of the name \"" + config.consumers.back().name + "\"");
      }
    }
    if (const yaml::Node* producer = fields.map("producer")) read_producer(*producer, config.producer);
    if (const yaml::Node* letters = fields.map("dead_letters")) {
      yaml::Fields own(*letters, "dead_letters", problems_);
      own.whole("max_size", config.max_dead_letter_bytes, 1 << 10, std::int64_t{1} << 40);
      own.done();
    }
    fields.done();
    return config;
  }

 private:
  ConsumerConfig read_consumer(const yaml::Node& node) {
    ConsumerConfig config;
    yaml::Fields fields(node, "consumer", problems_);
    if (fields.text("name", config.name, yaml::Need::Required) && config.name.empty())
      fields.problem("name: is empty");
    if (config.name.find('/') != config.name.npos)
      fields.problem("name: \"" + config.name + "\" has a slash in it");
    read_brokers(fields, config.brokers);
    if (!fields.texts("topics", config.topics) || config.topics.empty())
      fields.problem("topics: a list of names or regular expressions is needed");
    fields.text("group", config.group);
    if (config.group.empty()) fields.problem("group: is empty");
    read_format(fields, config);
    fields.text_map("labels", config.labels);
    for (const auto& [name, value] : config.labels) {
      if (name.empty()) fields.problem("labels: a name is empty");
      if (name == "__name__" && value.empty()) fields.problem("labels: __name__: a series needs a name");
    }
    std::string start = "earliest";
    choose(fields, "start", std::array<std::string_view, 2>{"earliest", "latest"}, start);
    config.from_earliest = start == "earliest";
    constexpr std::array<std::string_view, 3> kOutOfRange = {"earliest", "latest", "stop"};
    config.out_of_range =
        static_cast<OutOfRange>(choose_index(fields, "out_of_range", kOutOfRange, kOutOfRange[0]));
    fields.whole("concurrency", config.concurrency, 1, 64);
    fields.whole("batch_bytes", config.batch_bytes, 1 << 10, 64 << 20);
    fields.whole("batch_messages", config.batch_messages, 1, 1'000'000);
    if (fields.duration_ms("batch_wait", config.batch_wait_ms) && config.batch_wait_ms > 60'000)
      fields.problem("batch_wait: more than a minute");
    fields.text("dead_letter_topic", config.dead_letter_topic);
    check_topics(fields, config);
    if (const yaml::Node* security = fields.map("security")) read_security(*security, config.security);
    read_settings(fields, config.settings);
    if (config.concurrency > 1 && find_setting(config.settings, "group.instance.id") != nullptr)
      fields.problem("settings: group.instance.id is of one member, and concurrency is " +
                     std::to_string(config.concurrency));
    fields.done();
    return config;
  }

  static void read_brokers(yaml::Fields& fields, std::vector<std::string>& brokers) {
    if (!fields.texts("brokers", brokers) || brokers.empty())
      fields.problem("brokers: a list of host:port is needed");
    for (const std::string& broker : brokers) {
      if (!is_broker(broker)) fields.problem("brokers: \"" + broker + "\" is no host:port");
    }
  }

  static void check_topics(yaml::Fields& fields, const ConsumerConfig& config) {
    std::set<std::string_view> seen;
    for (const std::string& topic : config.topics) {
      if (!seen.insert(topic).second) fields.problem("topics: \"" + topic + "\" is there twice");
      if (!is_pattern(topic)) {
        if (const Status good = check_topic(topic); !good.ok())
          fields.problem("topics: " + std::string(good.message()));
      } else if (const std::string wrong = wrong_with_pattern(topic); !wrong.empty()) {
        fields.problem("topics: \"" + topic + "\" is no regular expression: " + wrong);
      }
    }
    const std::string& letters = config.dead_letter_topic;
    if (const Status good = check_topic(letters); !letters.empty() && !good.ok())
      fields.problem("dead_letter_topic: " + std::string(good.message()));
    if (seen.contains(letters)) fields.problem("dead_letter_topic: \"" + letters + "\" is among the topics");
  }

  void read_producer(const yaml::Node& node, ProducerConfig& config) {
    yaml::Fields fields(node, "producer", problems_);
    read_brokers(fields, config.brokers);
    if (const yaml::Node* security = fields.map("security")) read_security(*security, config.security);
    fields.whole("queue_messages", config.queue_messages, 1, 10'000'000);
    fields.whole("queue_bytes", config.queue_bytes, 1 << 10, std::int64_t{1} << 40);
    if (fields.duration_ms("timeout", config.timeout_ms) &&
        (config.timeout_ms < 100 || config.timeout_ms > 3'600'000))
      fields.problem("timeout: from 100ms to 1h");
    read_settings(fields, config.settings);
    for (const auto& [name, value] : config.settings) {
      if (std::ranges::find(kProducerSettings, name) != kProducerSettings.end()) {
        fields.problem("settings: " + name + " cannot be set here: the producer is idempotent, and " +
                       "queue_messages, queue_bytes and timeout are fields of their own");
      }
    }
    fields.done();
  }

  static void read_settings(yaml::Fields& fields, TextPairs& settings) {
    fields.text_map("settings", settings);
    for (const auto& [name, value] : settings) {
      if (std::ranges::find(kOwnSettings, name) != kOwnSettings.end())
        fields.problem("settings: " + name + " cannot be set here: the server decides it");
    }
  }

  void read_format(yaml::Fields& fields, ConsumerConfig& config) {
    std::array<std::string_view, kFormats.size()> names;
    std::ranges::transform(kFormats, names.begin(), [](Format format) { return to_string(format); });
    config.format = kFormats[choose_index(fields, "format", names, names[0])];
    constexpr std::array<std::string_view, 3> kCompressions = {"auto", "snappy", "none"};
    config.compression =
        static_cast<Compression>(choose_index(fields, "compression", kCompressions, kCompressions[0]));
    if (const yaml::Node* json = fields.map("json")) read_json(*json, config.json);
    fields.text("database", config.database);
    fields.text("retention_policy", config.retention_policy);
    choose(fields, "precision", kPrecisions, config.precision);
    if (config.format == Format::Influx && config.database.empty())
      fields.problem("database: line protocol needs one");
  }

  void read_json(const yaml::Node& node, JsonNames& json) {
    yaml::Fields fields(node, "json", problems_);
    fields.text("name", json.name);
    fields.text("labels", json.labels);
    fields.text("value", json.value);
    fields.text("timestamp", json.timestamp);
    choose(fields, "time_unit", kTimeUnits, json.time_unit);
    fields.done();
  }

  void read_security(const yaml::Node& node, Security& security) {
    yaml::Fields fields(node, "security", problems_);
    choose(fields, "protocol", kProtocols, security.protocol);
    choose(fields, "mechanism", kMechanisms, security.mechanism);
    fields.text("username", security.username);
    fields.text("password", security.password);
    fields.text("password_file", security.password_file);
    fields.text("password_environment", security.password_environment);
    fields.text("ca_file", security.ca_file);
    fields.text("cert_file", security.cert_file);
    fields.text("key_file", security.key_file);
    const bool sasl = security.protocol.starts_with("sasl");
    if (sasl && security.mechanism.empty()) fields.problem("mechanism: " + security.protocol + " needs one");
    if (sasl && security.username.empty()) fields.problem("username: " + security.protocol + " needs one");
    const auto given = static_cast<int>(!security.password.empty()) +
                       static_cast<int>(!security.password_file.empty()) +
                       static_cast<int>(!security.password_environment.empty());
    if (!sasl && (given > 0 || !security.username.empty() || !security.mechanism.empty()))
      fields.problem("protocol: " + security.protocol +
                     " has no login; sasl_ssl or sasl_plaintext is needed");
    if (given > 1) fields.problem("password, password_file and password_environment: at most one of them");
    for (std::string* path :
         {&security.password_file, &security.ca_file, &security.cert_file, &security.key_file}) {
      *path = from_folder(folder_, *path);
    }
    fields.done();
  }

  const std::string_view folder_;
  yaml::Problems& problems_;
};

}  // namespace

const std::string* find_setting(const TextPairs& settings, std::string_view name) {
  const auto at = std::ranges::find(settings, name, &TextPairs::value_type::first);
  return at == settings.end() ? nullptr : &at->second;
}

std::string_view to_string(Format format) {
  switch (format) {
    case Format::Influx: return "influx";
    case Format::RemoteWrite: return "prometheus-remote-write";
    case Format::Text: return "prometheus-text";
    case Format::Json: return "json";
  }
  return "";
}

std::string subscription_of(const std::string& topic) {
  return is_pattern(topic) ? "^(" + topic + ")$" : topic;
}

KafkaConfig read_kafka(const yaml::Node& node, std::string_view folder, yaml::Problems& problems) {
  return Reader(folder, problems).read(node);
}

}  // namespace silverback::kafka
