#include "server/kafka_setup.h"

#include <filesystem>

#include "base/yaml.h"
#include "kafka/kafka.h"
#include "server/config_file.h"

namespace silverback::server {

Result<kafka::KafkaConfig> load_kafka(const std::string& config_file) {
  kafka::KafkaConfig config;
  if (config_file.empty()) return config;
  const auto text = read_config_file(config_file);
  if (!text) return text.status();
  const auto document = yaml::parse(*text, config_file);
  if (!document) return document.status();
  const yaml::Node* section = document->find(kafka::kSection);
  if (section == nullptr) return config;
  yaml::Problems problems(config_file);
  config = kafka::read_kafka(*section, std::filesystem::path(config_file).parent_path().string(), problems);
  if (Status bad = problems.status(); !bad.ok()) return bad;
  if (Status refused = kafka::check(config); !refused.ok()) return std::move(refused).in(config_file);
  return config;
}

}  // namespace silverback::server
