// Messages: what one poll gave, in librdkafka's memory.
//
// Threads: one at a time.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include "kafka/message.h"

struct rd_kafka_message_s;

namespace silverback::kafka {

class Messages {
 public:
  Messages() = default;
  ~Messages();
  Messages(Messages&& other) noexcept { swap(other); }
  Messages& operator=(Messages&& other) noexcept {
    swap(other);
    return *this;
  }

  /// Of one partition in order; partitions in any. The views last as long as this.
  std::span<const Message> all() const { return messages_; }
  bool empty() const { return messages_.empty(); }
  /// As many as were asked for: there are more.
  bool full() const { return full_; }

  /// One that is no error, which this frees.
  void add(rd_kafka_message_s* message);
  /// After the last add().
  void finish(bool full);

 private:
  void swap(Messages& other) noexcept {
    messages_.swap(other.messages_);
    headers_.swap(other.headers_);
    header_counts_.swap(other.header_counts_);
    raw_.swap(other.raw_);
    std::swap(full_, other.full_);
  }

  std::vector<Message> messages_;
  std::vector<Header> headers_;
  std::vector<std::size_t> header_counts_;  // of each message
  std::vector<rd_kafka_message_s*> raw_;
  bool full_ = false;
};

}  // namespace silverback::kafka
