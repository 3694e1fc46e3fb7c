#include "kafka/messages.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <cstring>

namespace silverback::kafka {

Messages::Messages(std::size_t usual_bytes)
    : usual_(std::make_unique_for_overwrite<char[]>(usual_bytes)), memory_(usual_.get(), usual_bytes) {}

void Messages::clear() {
  constexpr std::size_t kKept = 8;  // whose memory is kept
  for (Batch& batch : std::span(batches_).first(used_)) batch.messages.clear();
  if (batches_.size() > kKept) batches_.resize(kKept);
  memory_.release();
  used_ = last_ = 0;
}

Messages::Batch& Messages::batch_of(std::string_view topic, std::int32_t partition) {
  const auto same = [&](const Batch& batch) {
    return batch.partition.number == partition && batch.partition.topic == topic;
  };
  if (last_ < used_ && same(batches_[last_])) return batches_[last_];
  const auto in_use = std::span(batches_).first(used_);
  last_ = static_cast<std::size_t>(std::ranges::find_if(in_use, same) - in_use.begin());
  if (last_ < used_) return batches_[last_];
  if (used_ == batches_.size()) batches_.emplace_back();
  Batch& fresh = batches_[used_++];
  fresh.partition.topic = topic;
  fresh.partition.number = partition;
  fresh.topic = copy(topic.data(), topic.size());
  return fresh;
}

std::string_view Messages::copy(const void* bytes, std::size_t size) {
  if (size == 0) return {};
  void* const to = memory_.allocate(size, 1);
  std::memcpy(to, bytes, size);
  return {static_cast<const char*>(to), size};
}

std::span<const Header> Messages::copy_headers(const rd_kafka_message_t& message) {
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  const std::size_t count = rd_kafka_header_cnt(headers);
  const std::span to(std::pmr::polymorphic_allocator<Header>(&memory_).allocate(count), count);
  for (std::size_t i = 0; i < count; ++i) {
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    rd_kafka_header_get_all(headers, i, &name, &value, &size);
    std::construct_at(&to[i], Header{copy(name, std::strlen(name)), copy(value, size)});
  }
  return to;
}

void Messages::add(const rd_kafka_message_t& from) {
  Batch& batch = batch_of(rd_kafka_topic_name(from.rkt), from.partition);
  if (!batch.messages.empty() && batch.messages.back().offset >= from.offset) return;
  rd_kafka_timestamp_type_t type{};
  const std::int64_t time_ms = rd_kafka_message_timestamp(&from, &type);
  Message& message = batch.messages.emplace_back();
  message.topic = batch.topic;
  message.partition = from.partition;
  message.offset = from.offset;
  message.time_ms = type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE || time_ms < 0 ? 0 : time_ms;
  message.key = copy(from.key, from.key_len);
  message.value = copy(from.payload, from.len);
  message.tombstone = from.payload == nullptr;
  message.headers = copy_headers(from);
}

}  // namespace silverback::kafka
