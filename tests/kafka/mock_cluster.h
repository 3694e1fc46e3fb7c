// MockCluster: librdkafka's brokers in this process, for tests of consumers and producers.
//
// Threads: one.
#pragma once

#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>
// After rdkafka.h, as it demands.
#include <librdkafka/rdkafka_mock.h>

#include <csignal>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace silverback::kafka {

class MockCluster {
 public:
  /// One broker with the topic "metrics".
  explicit MockCluster(int partitions) {
    std::signal(SIGPIPE, SIG_IGN);  // as the server does; brokers go away here
    char error[512] = "";
    rd_kafka_conf_t* const quiet = rd_kafka_conf_new();
    rd_kafka_conf_set(quiet, "log_level", "3", error, sizeof error);
    owner_ = rd_kafka_new(RD_KAFKA_PRODUCER, quiet, error, sizeof error);
    cluster_ = rd_kafka_mock_cluster_new(owner_, 1);
    create_topic("metrics", partitions);
    brokers_ = rd_kafka_mock_cluster_bootstraps(cluster_);
  }
  ~MockCluster() {
    if (sender_ != nullptr) rd_kafka_destroy(sender_);
    rd_kafka_mock_cluster_destroy(cluster_);
    rd_kafka_destroy(owner_);
  }
  MockCluster(const MockCluster&) = delete;
  MockCluster& operator=(const MockCluster&) = delete;

  const std::string& brokers() const { return brokers_; }
  void create_topic(const char* topic, int partitions) {
    rd_kafka_mock_topic_create(cluster_, topic, partitions, 1);
  }
  /// The next requests of that kind (Kafka's number of it) are answered so, in this order.
  void fail(std::int16_t api, std::vector<rd_kafka_resp_err_t> errors) {
    rd_kafka_mock_push_request_errors_array(cluster_, api, errors.size(), errors.data());
  }
  void fail_topic(const char* topic, rd_kafka_resp_err_t error) {
    rd_kafka_mock_topic_set_error(cluster_, topic, error);
  }
  void down() { rd_kafka_mock_broker_set_down(cluster_, 1); }
  void up() { rd_kafka_mock_broker_set_up(cluster_, 1); }

  /// To "metrics", with a header kind=test; waits until it is there.
  void send(std::int32_t partition, const std::string& value) {
    rd_kafka_vu_t parts[5] = {};  // the macros of the header are no standard C++
    parts[0].vtype = RD_KAFKA_VTYPE_TOPIC;
    parts[0].u.cstr = "metrics";
    parts[1].vtype = RD_KAFKA_VTYPE_PARTITION;
    parts[1].u.i32 = partition;
    parts[2].vtype = RD_KAFKA_VTYPE_VALUE;
    parts[2].u.mem = {const_cast<char*>(value.data()), value.size()};
    parts[3].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
    parts[3].u.i = RD_KAFKA_MSG_F_COPY;
    parts[4].vtype = RD_KAFKA_VTYPE_HEADER;
    parts[4].u.header = {"kind", "test", 4};
    if (sender_ == nullptr) sender_ = client(RD_KAFKA_PRODUCER, {});
    EXPECT_EQ(rd_kafka_produceva(sender_, parts, 5), nullptr);
    EXPECT_EQ(rd_kafka_flush(sender_, 10'000), RD_KAFKA_RESP_ERR_NO_ERROR);
  }

  struct Read {
    std::string key;
    std::string value;
    std::vector<std::pair<std::string, std::string>> headers;
    std::int64_t time_ms = 0;
  };
  /// The messages of a partition from its beginning: `count` of them, or fewer when no more come for a while.
  std::vector<Read> read(const char* topic, std::size_t count, std::int32_t partition = 0) {
    rd_kafka_t* const reader = client(RD_KAFKA_CONSUMER, {{"group.id", "reader"}});
    rd_kafka_topic_partition_list_t* const from = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(from, topic, partition)->offset = RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_assign(reader, from);
    rd_kafka_topic_partition_list_destroy(from);
    std::vector<Read> all;
    while (all.size() < count) {
      rd_kafka_message_t* const one = rd_kafka_consumer_poll(reader, all.empty() ? 5'000 : 500);
      if (one == nullptr) break;
      if (one->err == RD_KAFKA_RESP_ERR_NO_ERROR) all.push_back(copy_of(one));
      rd_kafka_message_destroy(one);
    }
    rd_kafka_destroy(reader);
    return all;
  }

 private:
  rd_kafka_t* client(rd_kafka_type_t type, std::vector<std::pair<std::string, std::string>> settings) const {
    char error[512] = "";
    rd_kafka_conf_t* const conf = rd_kafka_conf_new();
    settings.emplace_back("bootstrap.servers", brokers_);
    for (const auto& [name, value] : settings)
      rd_kafka_conf_set(conf, name.c_str(), value.c_str(), error, sizeof error);
    return rd_kafka_new(type, conf, error, sizeof error);
  }
  static Read copy_of(rd_kafka_message_t* from) {
    Read read;
    read.key.assign(static_cast<const char*>(from->key), from->key_len);
    read.value.assign(static_cast<const char*>(from->payload), from->len);
    rd_kafka_timestamp_type_t type{};
    read.time_ms = rd_kafka_message_timestamp(from, &type);
    rd_kafka_headers_t* headers = nullptr;
    if (rd_kafka_message_headers(from, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return read;
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    for (std::size_t i = 0;
         rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i) {
      read.headers.emplace_back(name, std::string(static_cast<const char*>(value), size));
    }
    return read;
  }

  rd_kafka_t* owner_ = nullptr;
  rd_kafka_mock_cluster_t* cluster_ = nullptr;
  rd_kafka_t* sender_ = nullptr;
  std::string brokers_;
};

}  // namespace silverback::kafka
