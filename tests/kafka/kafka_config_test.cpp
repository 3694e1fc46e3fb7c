#include <gtest/gtest.h>

#include "kafka/config.h"

namespace silverback::kafka {
namespace {

Result<KafkaConfig> read(std::string_view text) {
  const auto document = yaml::parse(text, "k.yml");
  if (!document) return document.status();
  yaml::Problems problems("k.yml");
  KafkaConfig config = read_kafka(*document, "/etc", problems);
  if (Status bad = problems.status(); !bad.ok()) return bad;
  return config;
}

TEST(KafkaConfig, ReadsAConsumer) {
  const auto config = read(R"(consumers:
  - name: telemetry
    brokers: [a:9092, b:9092]
    topics: [metrics, 'metrics\..*']
    format: influx
    database: telegraf
    labels: {source: kafka}
    start: latest
    concurrency: 2
    dead_letter_topic: metrics.dead
    security: {protocol: sasl_ssl, mechanism: PLAIN, username: u, password_file: keys/k}
    settings: {fetch.min.bytes: 1}
    out_of_range: stop
    compression: snappy
    json: {name: metric, value: v, time_unit: ms}
producer:
  brokers: [c:9092]
  timeout: 5s
dead_letters: {max_size: 4096}
)");
  ASSERT_TRUE(config) << config.status().message();
  const ConsumerConfig& consumer = config->consumers.at(0);
  EXPECT_EQ(consumer.name, "telemetry");
  EXPECT_EQ(consumer.brokers, (std::vector<std::string>{"a:9092", "b:9092"}));
  EXPECT_EQ(consumer.group, "silverback");
  EXPECT_EQ(consumer.format, Format::Influx);
  EXPECT_FALSE(consumer.from_earliest);
  EXPECT_EQ(consumer.concurrency, 2);
  EXPECT_EQ(consumer.security.password_file, "/etc/keys/k");
  EXPECT_EQ(consumer.settings, (TextPairs{{"fetch.min.bytes", "1"}}));
  EXPECT_EQ(consumer.out_of_range, OutOfRange::Stop);
  EXPECT_EQ(consumer.compression, Compression::Snappy);
  EXPECT_EQ(consumer.json.name, "metric");
  EXPECT_EQ(consumer.json.time_unit, "ms");
  EXPECT_EQ(config->producer.brokers, std::vector<std::string>{"c:9092"});
  EXPECT_EQ(config->producer.timeout_ms, 5000);
  EXPECT_EQ(config->max_dead_letter_bytes, 4096);
}

TEST(KafkaConfig, SaysWhatIsWrongAndWhere) {
  const auto config = read(R"(consumers:
  - {name: a/b, brokers: [x:1], topics: [t], database: d}
  - {name: c, topics: [t], format: xml, start: now}
  - {name: c, brokers: [x:1], topics: [t], database: d, settings: {group.id: g}, speed: 1}
  - {name: d, brokers: [x:1], topics: [t], format: json, security: {protocol: sasl_ssl, password: a, password_file: b}}
  - {name: e, brokers: [x:1], topics: [t, '(t'], format: json, dead_letter_topic: t}
  - {name: '', brokers: ['', 'a:port', 'http://a:1', 'a:1,b:1', 'a:0', '[::1'], topics: [t, t, 'a b'], format: json}
  - {name: f, brokers: [x:1], topics: [t], format: json, dead_letter_topic: 'a!', labels: {'': x, __name__: ''}}
  - {name: g, brokers: [x:1], topics: [t], format: json, security: {password_file: nope}}
  - {name: h, brokers: [x:1], topics: ['t)(t', '(t)\1'], format: json, concurrency: 2, settings: {group.instance.id: i}}
  - {name: i, brokers: [x:1], topics: [t], format: json, settings: {metadata.broker.list: 'b:1'}}
producer:
  brokers: [x]
  timeout: 1ms
  settings: {message.timeout.ms: 1}
)");
  ASSERT_FALSE(config);
  for (const std::string_view text :
       {"k.yml:2: consumer: name: \"a/b\" has a slash in it",
        "k.yml:3: consumer: brokers: a list of host:port is needed",
        "k.yml:3: consumer: format: \"xml\" is none of influx, prometheus-remote-write, prometheus-text, "
        "json",
        "k.yml:3: consumer: start: \"now\" is none of earliest, latest",
        "k.yml:3: consumer: database: line protocol needs one",
        "k.yml:4: consumer: settings: group.id cannot be set here",
        "k.yml:4: unknown field \"speed\" in consumer",
        "k.yml:4: consumer: there are two of the name \"c\"",
        "k.yml:5: security: mechanism: sasl_ssl needs one",
        "k.yml:5: security: username: sasl_ssl needs one",
        "k.yml:5: security: password, password_file",
        "k.yml:6: consumer: topics: \"(t\" is no regular expression: ",
        "k.yml:6: consumer: dead_letter_topic: \"t\" is among the topics",
        "k.yml:7: consumer: name: is empty",
        "k.yml:7: consumer: brokers: \"\" is no host:port",
        "k.yml:7: consumer: brokers: \"a:port\" is no host:port",
        "k.yml:7: consumer: brokers: \"http://a:1\" is no host:port",
        "k.yml:7: consumer: brokers: \"a:1,b:1\" is no host:port",
        "k.yml:7: consumer: brokers: \"a:0\" is no host:port",
        "k.yml:7: consumer: brokers: \"[::1\" is no host:port",
        "k.yml:7: consumer: topics: \"t\" is there twice",
        "k.yml:7: consumer: topics: \"a b\" is no name of a topic",
        "k.yml:8: consumer: dead_letter_topic: \"a!\" is no name of a topic",
        "k.yml:8: consumer: labels: a name is empty",
        "k.yml:8: consumer: labels: __name__: a series needs a name",
        "k.yml:9: security: protocol: plaintext has no login",
        "k.yml:10: consumer: topics: \"t)(t\" is no regular expression: ",
        "k.yml:10: consumer: topics: \"(t)\\1\" is no regular expression: ",
        "k.yml:10: consumer: settings: group.instance.id is of one member, and concurrency is 2",
        "k.yml:11: consumer: settings: metadata.broker.list cannot be set here",
        "producer: timeout: from 100ms to 1h",
        "producer: settings: message.timeout.ms cannot be set here"}) {
    EXPECT_NE(config.status().message().find(text), std::string_view::npos) << text << "\n"
                                                                            << config.status().message();
  }
}

TEST(KafkaConfig, BrokersAreHostsWithOrWithoutAPort) {
  for (const std::string_view broker : {"a", "a.b-c:9092", "10.0.0.1:1", "'[::1]:65535'", "'[::1]'"}) {
    const auto config = read("producer: {brokers: [" + std::string(broker) + "]}");
    EXPECT_TRUE(config) << config.status().message();
  }
}

TEST(KafkaConfig, APatternHasToFitTheWholeName) {
  EXPECT_EQ(subscription_of("metrics.a"), "metrics.a");
  EXPECT_EQ(subscription_of("alpha|beta"), "^(alpha|beta)$");
  EXPECT_EQ(subscription_of("^sol"), "^(^sol)$");
}

}  // namespace
}  // namespace silverback::kafka
