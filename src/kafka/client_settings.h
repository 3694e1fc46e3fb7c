// What librdkafka is told of brokers and security, for consumers and producers.
//
// Threads: any.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "kafka/config.h"

struct rd_kafka_conf_s;

namespace silverback::kafka {

/// Brokers, security with its secrets read, then what `own` says, which wins.
/// @returns NotFound with the file or variable of a secret that is not there
Result<TextPairs> client_settings(const std::vector<std::string>& brokers, const Security& security,
                                  const TextPairs& own);

/// All that librdkafka is told, with what is ours and what the configuration says.
/// @returns as client_settings()
Result<TextPairs> consumer_settings(const ConsumerConfig& config);
Result<TextPairs> producer_settings(const ProducerConfig& config);
/// Of the producer of a consumer's dead letters.
ProducerConfig letter_producer(const ConsumerConfig& config);

/// Makes a client of them, for a moment, that connects to nobody. @returns InvalidArgument with librdkafka's
/// words on what it does not take
Status check_client_settings(TextPairs settings, bool consumes);
/// The caller owns it. @returns InvalidArgument with librdkafka's words on the setting it does not take
Result<rd_kafka_conf_s*> make_client_conf(const TextPairs& settings);

}  // namespace silverback::kafka
