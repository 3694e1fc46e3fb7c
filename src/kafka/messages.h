// Messages: what one poll gave, by partition.
//
// They are copied out of librdkafka's memory, which goes back at once: held until they are stored, 10,000 of
// its messages would not fit the caches, and each poll would find its memory cold.
//
// Threads: one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <span>
#include <string_view>
#include <vector>

#include "kafka/message.h"

struct rd_kafka_message_s;

namespace silverback::kafka {

class Messages {
 public:
  /// Messages of one partition, in order.
  struct Batch {
    Partition partition;
    std::string_view topic;  // lasts as long as the messages' views
    std::vector<Message> messages;
  };

  /// @param usual_bytes  of the messages of a poll; this much is kept from one to the next
  explicit Messages(std::size_t usual_bytes);
  Messages(const Messages&) = delete;
  Messages& operator=(const Messages&) = delete;

  /// The views last until clear().
  std::span<const Batch> batches() const { return std::span(batches_).first(used_); }
  bool empty() const { return used_ == 0; }

  void clear();
  /// A copy of one that is no error. One that was there before is left out: librdkafka may give one again
  /// when it pauses a partition.
  void add(const rd_kafka_message_s& message);

 private:
  Batch& batch_of(std::string_view topic, std::int32_t partition);
  std::string_view copy(const void* bytes, std::size_t size);
  std::span<const Header> copy_headers(const rd_kafka_message_s& message);

  std::unique_ptr<char[]> usual_;
  std::pmr::monotonic_buffer_resource memory_;
  std::vector<Batch> batches_;  // the first used_ of them; the others are there for their memory
  std::size_t used_ = 0;
  std::size_t last_ = 0;  // the one that the last message went to
};

}  // namespace silverback::kafka
