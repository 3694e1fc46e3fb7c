#include "kafka/messages.h"

#include <librdkafka/rdkafka.h>

namespace silverback::kafka {
namespace {

void add_headers(const rd_kafka_message_t* message, std::vector<Header>& out) {
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0;
       rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i) {
    out.push_back({name, {static_cast<const char*>(value), size}});
  }
}

}  // namespace

Messages::~Messages() {
  for (rd_kafka_message_t* one : raw_) rd_kafka_message_destroy(one);
}

void Messages::add(rd_kafka_message_s* one) {
  raw_.push_back(one);
  rd_kafka_timestamp_type_t type{};
  const std::int64_t time_ms = rd_kafka_message_timestamp(one, &type);
  Message& message = messages_.emplace_back();
  message.topic = rd_kafka_topic_name(one->rkt);
  message.partition = one->partition;
  message.offset = one->offset;
  message.time_ms = type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE || time_ms < 0 ? 0 : time_ms;
  message.key = {static_cast<const char*>(one->key), one->key_len};
  message.value = {static_cast<const char*>(one->payload), one->len};
  message.tombstone = one->payload == nullptr;
  const std::size_t before = headers_.size();
  add_headers(one, headers_);
  header_counts_.push_back(headers_.size() - before);
}

void Messages::finish(bool full) {
  full_ = full;
  std::span<const Header> rest = headers_;
  for (std::size_t i = 0; i < messages_.size() && !rest.empty(); ++i) {
    messages_[i].headers = rest.first(header_counts_[i]);
    rest = rest.subspan(header_counts_[i]);
  }
}

}  // namespace silverback::kafka
