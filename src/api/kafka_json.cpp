#include "api/kafka_json.h"

#include <string_view>

#include "api/json.h"
#include "base/base64.h"
#include "base/clock.h"
#include "base/number.h"
#include "base/utf8.h"

namespace silverback::api {
namespace {

constexpr std::size_t kListedBytes = 4096;  // of a key or value in a list

void append_text(std::string& out, std::string_view name, std::string_view value) {
  append_json_key(out, name);
  append_json_string(out, value);
}
void append_number(std::string& out, std::string_view name, std::uint64_t value) {
  append_json_key(out, name);
  out += std::to_string(value);
}
// Offsets and lags: -1 is not known yet.
void append_known(std::string& out, std::string_view name, std::int64_t value) {
  append_json_key(out, name);
  out += value < 0 ? "null" : std::to_string(value);
}
// 0: there is none.
void append_time(std::string& out, std::string_view name, std::int64_t ms) {
  append_json_key(out, name);
  if (ms == 0) {
    out += "null";
  } else {
    append_json_string(out, format_rfc3339(ms * kNsPerMs));
  }
}

template <typename Items, typename Append>
void append_list(std::string& out, std::string_view name, const Items& items, const Append& append) {
  append_json_key(out, name);
  out += '[';
  for (const auto& item : items) {
    if (out.back() != '[') out += ',';
    append(item);
  }
  out += ']';
}

void append_troubles(std::string& out, const std::vector<kafka::Trouble>& troubles) {
  append_list(out, "troubles", troubles, [&](const kafka::Trouble& trouble) {
    append_text(out += '{', "code", trouble.code);
    append_text(out += ',', "text", trouble.text);
    append_time(out += ',', "since", trouble.since_ms);
    out += '}';
  });
}

void append_partition(std::string& out, const kafka::PartitionStatus& partition) {
  append_text(out += '{', "topic", partition.partition.topic);
  append_json_key(out += ',', "partition");
  out += std::to_string(partition.partition.number);
  append_known(out += ',', "position", partition.position);
  append_known(out += ',', "first", partition.first);
  append_known(out += ',', "next", partition.next);
  append_known(out += ',', "committed", partition.committed);
  append_known(out += ',', "lag", partition.lag);
  append_time(out += ',', "lastMessage", partition.last_message_ms);
  append_json_key(out += ',', "waiting");
  out += partition.waiting ? "true}" : "false}";
}

void append_consumer(std::string& out, const kafka::ConsumerStatus& consumer) {
  append_text(out += '{', "name", consumer.name);
  append_text(out += ',', "group", consumer.group);
  append_text(out += ',', "format", consumer.format);
  append_json_key(out += ',', "brokers");
  append_json_strings(out, consumer.brokers);
  append_json_key(out += ',', "topics");
  append_json_strings(out, consumer.topics);
  append_number(out += ',', "members", consumer.members);
  append_troubles(out += ',', consumer.troubles);
  append_list(out += ',', "partitions", consumer.partitions,
              [&](const kafka::PartitionStatus& partition) { append_partition(out, partition); });
  append_number(out += ',', "messages", consumer.messages);
  append_number(out += ',', "bytes", consumer.bytes);
  append_number(out += ',', "samples", consumer.samples);
  append_json_key(out += ',', "rejected");
  out += '{';
  for (const auto& [reason, count] : consumer.rejected) {
    if (out.back() != '{') out += ',';
    append_number(out, reason, count);
  }
  append_number(out += "},", "deadLettersSent", consumer.dead_letters_sent);
  append_number(out += ',', "deadLettersKept", consumer.dead_letters_kept);
  append_number(out += ',', "rebalances", consumer.rebalances);
  out += '}';
}

void append_producer(std::string& out, const kafka::ProducerStatus& producer) {
  append_json_key(out += '{', "configured");
  out += producer.configured ? "true," : "false,";
  append_json_key(out, "brokers");
  append_json_strings(out, producer.brokers);
  append_number(out += ',', "queued", producer.queued);
  append_number(out += ',', "maxQueued", producer.max_queued);
  append_number(out += ',', "sent", producer.sent);
  append_number(out += ',', "failed", producer.failed);
  append_troubles(out += ',', producer.troubles);
  out += '}';
}

// "name":"...","nameEncoding":"text", or base64 for what is no UTF-8; at most `most` bytes of it.
void append_bytes(std::string& out, const std::string& name, std::string_view bytes, std::size_t most) {
  const bool text = valid_utf8(bytes);
  std::string_view shown = bytes.substr(0, most);
  if (text) shown = shown.substr(0, valid_utf8_prefix(shown));
  append_json_key(out, name);
  if (text) {
    append_json_string(out, shown);
  } else {
    out += '"' + to_base64(shown) + '"';
  }
  append_text(out += ',', name + "Encoding", text ? "text" : "base64");
}

void append_troubles_of(std::string& message, std::string_view who,
                        const std::vector<kafka::Trouble>& troubles) {
  for (const kafka::Trouble& trouble : troubles) {
    if (!message.empty()) message += "; ";
    message += who;
    message += ": ";
    message += trouble.text.empty() ? trouble.code : trouble.text;
  }
}

}  // namespace

void append_kafka_status(std::string& out, const kafka::KafkaStatus& status) {
  append_list(out += '{', "consumers", status.consumers,
              [&](const kafka::ConsumerStatus& consumer) { append_consumer(out, consumer); });
  append_json_key(out += ',', "producer");
  append_producer(out, status.producer);
  append_json_key(out += ',', "deadLetters");
  append_number(out += '{', "letters", status.dead_letters);
  append_number(out += ',', "bytes", status.dead_letter_bytes);
  append_number(out += ',', "maxBytes", status.max_dead_letter_bytes);
  out += "}}";
}

void append_dead_letter(std::string& out, const kafka::DeadLetter& letter, LetterShape shape) {
  const std::size_t most = shape == LetterShape::Listed ? kListedBytes : std::string::npos;
  append_text(out += '{', "id", letter.id());
  append_text(out += ',', "consumer", letter.consumer);
  append_text(out += ',', "topic", letter.source.topic);
  append_json_key(out += ',', "partition");
  out += std::to_string(letter.source.number);
  append_json_key(out += ',', "offset");
  out += std::to_string(letter.offset);
  append_time(out += ',', "time", letter.time_ms);
  append_time(out += ',', "failedAt", letter.failed_at_ms);
  append_text(out += ',', "code", letter.code);
  append_text(out += ',', "text", letter.text);
  append_bytes(out += ',', "key", letter.key, most);
  append_number(out += ',', "keyBytes", letter.key.size());
  append_bytes(out += ',', "value", letter.value, most);
  append_number(out += ',', "valueBytes", letter.value.size());
  if (shape == LetterShape::Whole) {
    append_list(out += ',', "headers", letter.headers, [&](const auto& header) {
      append_text(out += '{', "name", header.first);
      append_bytes(out += ',', "value", header.second, std::string::npos);
      out += '}';
    });
  }
  out += '}';
}

void append_kafka_check(std::string& out, const kafka::KafkaStatus& status) {
  if (status.consumers.empty() && !status.producer.configured) return;
  std::string message;
  for (const kafka::ConsumerStatus& consumer : status.consumers)
    append_troubles_of(message, "consumer " + consumer.name, consumer.troubles);
  append_troubles_of(message, "producer", status.producer.troubles);
  const bool well = message.empty();
  append_text(out += '{', "name", "kafka");
  append_text(out += ',', "status", well ? "pass" : "fail");
  append_text(out += ',', "message", well ? "no trouble" : message);
  out += '}';
}

}  // namespace silverback::api
