// librdkafka's lists of partitions, owned and walked.
//
// Threads: values.
#pragma once

#include <librdkafka/rdkafka.h>

#include <memory>
#include <span>
#include <vector>

#include "kafka/message.h"

namespace silverback::kafka {

struct ListDeleter {
  void operator()(rd_kafka_topic_partition_list_t* list) const {
    rd_kafka_topic_partition_list_destroy(list);
  }
};
using List = std::unique_ptr<rd_kafka_topic_partition_list_t, ListDeleter>;

inline List make_list(std::size_t size) {
  return List(rd_kafka_topic_partition_list_new(static_cast<int>(size)));
}

inline std::span<rd_kafka_topic_partition_t> items(const rd_kafka_topic_partition_list_t* list) {
  return {list->elems, static_cast<std::size_t>(list->cnt)};
}

inline std::vector<Partition> partitions_of(const rd_kafka_topic_partition_list_t* list) {
  std::vector<Partition> partitions;
  for (const rd_kafka_topic_partition_t& item : items(list))
    partitions.push_back({item.topic, item.partition});
  return partitions;
}

inline List list_of(std::span<const Position> positions) {
  List list = make_list(positions.size());
  for (const Position& position : positions) {
    rd_kafka_topic_partition_list_add(list.get(), position.partition.topic.c_str(), position.partition.number)
        ->offset = position.offset;
  }
  return list;
}

}  // namespace silverback::kafka
