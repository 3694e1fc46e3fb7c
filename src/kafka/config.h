// KafkaConfig: the section `kafka` of the configuration file.
//
//   kafka:
//     consumers:
//       - name: telemetry
//         brokers: [127.0.0.1:9092]
//         topics: [metrics, 'metrics\..*']     # names, or regular expressions
//         group: silverback
//         format: influx                        # prometheus-remote-write, prometheus-text, json
//         database: telegraf
//         labels: {source: kafka}
//         start: earliest
//         dead_letter_topic: metrics.dead
//         security: {protocol: sasl_ssl, mechanism: SCRAM-SHA-256, username: u, password_file: keys/kafka}
//         settings: {}                          # passed to librdkafka
//     producer:                                 # of alerts and recorded series
//       brokers: [127.0.0.1:9092]
//     dead_letters: {max_size: 268435456}       # kept here, when no topic takes them
//
// docs/kafka.md says what each field means.
//
// Threads: values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/yaml.h"

namespace silverback::kafka {

using TextPairs = std::vector<std::pair<std::string, std::string>>;

/// Null when there is none of that name.
const std::string* find_setting(const TextPairs& settings, std::string_view name);

enum class Format : std::uint8_t { Influx, RemoteWrite, Text, Json };
/// "influx", "prometheus-remote-write", "prometheus-text", "json"
std::string_view to_string(Format format);

struct Security {
  std::string protocol = "plaintext";  // or ssl, sasl_plaintext, sasl_ssl
  std::string mechanism;               // PLAIN, SCRAM-SHA-256, SCRAM-SHA-512
  std::string username;
  std::string password;
  std::string password_file;
  std::string password_environment;  // name of a variable
  std::string ca_file;
  std::string cert_file;
  std::string key_file;
  friend bool operator==(const Security&, const Security&) = default;
};

/// Where a partition goes on when its position is outside what the broker still has.
enum class OutOfRange : std::uint8_t { Earliest, Latest, Stop };

/// Of remote write. Auto: snappy where it decodes, else as it is.
enum class Compression : std::uint8_t { Auto, Snappy, None };

/// Names of a JSON sample's members; empty: the usual ones (ingest::JsonFields).
struct JsonNames {
  std::string name;
  std::string labels;
  std::string value;
  std::string timestamp;
  std::string time_unit = "auto";  // of ingest::parse_json_time_unit()
  friend bool operator==(const JsonNames&, const JsonNames&) = default;
};

struct ConsumerConfig {
  std::string name;
  std::vector<std::string> brokers;
  std::vector<std::string> topics;
  std::string group = "silverback";
  Format format = Format::Influx;
  std::string database;
  std::string retention_policy;
  std::string precision = "ns";  // of line protocol
  Compression compression = Compression::Auto;
  JsonNames json;
  TextPairs labels;           // set on every series
  bool from_earliest = true;  // where a partition without a position begins
  OutOfRange out_of_range = OutOfRange::Earliest;
  std::int64_t concurrency = 1;  // members of the group in this server
  std::int64_t batch_bytes = std::int64_t{4} << 20;
  std::int64_t batch_messages = 10'000;
  std::int64_t batch_wait_ms = 50;  // a batch is not held longer
  std::string dead_letter_topic;
  Security security;
  TextPairs settings;
  friend bool operator==(const ConsumerConfig&, const ConsumerConfig&) = default;
};

struct ProducerConfig {
  std::vector<std::string> brokers;  // none: there is no producer
  Security security;
  std::int64_t queue_messages = 100'000;
  std::int64_t queue_bytes = std::int64_t{64} << 20;
  std::int64_t timeout_ms = 30'000;  // a message that is not delivered by then has failed
  std::int64_t close_timeout_ms = 5'000;
  TextPairs settings;
  friend bool operator==(const ProducerConfig&, const ProducerConfig&) = default;
};

struct KafkaConfig {
  std::vector<ConsumerConfig> consumers = {};
  ProducerConfig producer = {};
  std::int64_t max_dead_letter_bytes = std::int64_t{256} << 20;
  bool has_producer() const { return !producer.brokers.empty(); }
  friend bool operator==(const KafkaConfig&, const KafkaConfig&) = default;
};

/// Its name in the configuration file.
inline constexpr std::string_view kSection = "kafka";

/// A topic of a consumer as librdkafka takes it: a name, or "^(...)$".
std::string subscription_of(const std::string& topic);

/// @param node  the value of `kafka`
/// @param folder  that of the file: relative paths in it begin there
/// What is wrong goes to `problems`, with its line; then the result is of no use.
KafkaConfig read_kafka(const yaml::Node& node, std::string_view folder, yaml::Problems& problems);

}  // namespace silverback::kafka
