// JSON out: what Kafka's consumers and producer say of themselves, and dead letters. The shapes are in
// docs/api.md.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <string>

#include "kafka/dead_letters.h"
#include "kafka/status.h"

namespace silverback::api {

void append_kafka_status(std::string& out, const kafka::KafkaStatus& status);

/// Of a list: keys and values are cut to 4 KiB, at a whole character where they are text, and headers are
/// left out.
enum class LetterShape : std::uint8_t { Listed, Whole };
void append_dead_letter(std::string& out, const kafka::DeadLetter& letter, LetterShape shape);

/// As InfluxDB's /health has its checks: {"name":"kafka","status":"pass","message":"..."}. Nothing when
/// nothing of Kafka is set up.
void append_kafka_check(std::string& out, const kafka::KafkaStatus& status);

}  // namespace silverback::api
