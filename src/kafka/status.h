// What consumers and producers say of themselves: for GET /api/v1/status/kafka and the health check.
//
// Threads: values.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "kafka/message.h"

namespace silverback::kafka {

struct PartitionStatus {
  Partition partition;
  std::int64_t position = -1;  // of what comes next; -1: not known yet
  std::int64_t first = -1;     // of the broker's log; -1: not known yet
  std::int64_t next = -1;
  std::int64_t committed = -1;       // as we told the broker
  std::int64_t lag = -1;             // messages; -1: not known yet
  std::int64_t last_message_ms = 0;  // time of the message last taken in; 0: none since the start
  bool waiting = false;              // what is next cannot be stored yet
};

/// Something that is wrong now.
struct Trouble {
  std::string code;  // librdkafka's ("_TRANSPORT", "_AUTHENTICATION", "UNKNOWN_TOPIC_OR_PART"), or our own
                     // ("store", "dead_letters", "out_of_range", "open")
  std::string text;
  std::int64_t since_ms = 0;  // Unix time
};

struct ConsumerStatus {
  std::string name;
  std::string group;
  std::string format;
  std::vector<std::string> brokers;
  std::vector<std::string> topics;
  std::size_t members = 0;        // of the group, in this server
  std::vector<Trouble> troubles;  // none: all is well
  std::vector<PartitionStatus> partitions;
  std::uint64_t messages = 0;  // since the start, as all that follow
  std::uint64_t bytes = 0;
  std::uint64_t samples = 0;
  std::vector<std::pair<std::string, std::uint64_t>> rejected;  // messages by reason
  std::uint64_t dead_letters_sent = 0;
  std::uint64_t dead_letters_kept = 0;  // here, since no topic took them
  std::uint64_t rebalances = 0;
};

struct ProducerStatus {
  bool configured = false;
  std::vector<std::string> brokers;
  std::uint64_t queued = 0;
  std::uint64_t max_queued = 0;
  std::uint64_t sent = 0;  // since the start
  std::uint64_t failed = 0;
  std::vector<Trouble> troubles;
};

struct KafkaStatus {
  std::vector<ConsumerStatus> consumers;
  ProducerStatus producer;
  std::uint64_t dead_letters = 0;  // kept here now
  std::uint64_t dead_letter_bytes = 0;
  std::uint64_t max_dead_letter_bytes = 0;
};

}  // namespace silverback::kafka
