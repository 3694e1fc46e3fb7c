// The section `kafka` of the configuration file: read, checked, counted.
//
// Threads: any.
#pragma once

#include <string>

#include "base/status.h"
#include "kafka/config.h"

namespace silverback::server {

/// Of settings without a file, and of a file without the section: nothing is consumed.
/// @returns InvalidArgument with all problems and their places; what librdkafka does not take; secrets that
/// are missing
Result<kafka::KafkaConfig> load_kafka(const std::string& config_file);

}  // namespace silverback::server
