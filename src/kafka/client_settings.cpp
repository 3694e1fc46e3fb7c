#include "kafka/client_settings.h"

#include <librdkafka/rdkafka.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

namespace silverback::kafka {
namespace {

Result<std::string> password_of(const Security& security) {
  if (!security.password_environment.empty()) {
    const char* const value = std::getenv(security.password_environment.c_str());
    if (value == nullptr)
      return Status(Code::NotFound, "the environment has no " + security.password_environment);
    return std::string(value);
  }
  if (security.password_file.empty()) return security.password;
  std::ifstream in(security.password_file, std::ios::binary);
  if (!in) return Status(Code::NotFound, "the password file cannot be read: " + security.password_file);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
  return text;
}

}  // namespace

Result<TextPairs> client_settings(const std::vector<std::string>& brokers, const Security& security,
                                  const TextPairs& own) {
  std::string list;
  for (const std::string& broker : brokers) list += (list.empty() ? "" : ",") + broker;
  TextPairs settings = {
      {"bootstrap.servers", list}, {"client.id", "silverback"}, {"security.protocol", security.protocol}};
  const auto add = [&settings](std::string name, const std::string& value) {
    if (!value.empty()) settings.emplace_back(std::move(name), value);
  };
  add("ssl.ca.location", security.ca_file);
  add("ssl.certificate.location", security.cert_file);
  add("ssl.key.location", security.key_file);
  if (security.protocol.starts_with("sasl")) {
    const auto password = password_of(security);
    if (!password) return password.status();
    add("sasl.mechanism", security.mechanism);
    add("sasl.username", security.username);
    add("sasl.password", *password);
  }
  settings.insert(settings.end(), own.begin(), own.end());
  return settings;
}

Status check_client_settings(const TextPairs& settings, bool consumes) {
  TextPairs all = settings;
  if (consumes) all.emplace_back("group.id", "check");
  const auto made = make_client_conf(all);
  if (!made) return made.status();
  rd_kafka_conf_set_log_cb(*made, [](const rd_kafka_t*, int, const char*, const char*) {});
  char error[512] = "";
  rd_kafka_t* const client =
      rd_kafka_new(consumes ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER, *made, error, sizeof error);
  if (client == nullptr) {
    rd_kafka_conf_destroy(*made);
    return {Code::InvalidArgument, error};
  }
  rd_kafka_destroy(client);
  return {};
}

Result<rd_kafka_conf_s*> make_client_conf(const TextPairs& settings) {
  rd_kafka_conf_t* const conf = rd_kafka_conf_new();
  for (const auto& [name, value] : settings) {
    char error[512] = "";
    if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), error, sizeof error) == RD_KAFKA_CONF_OK)
      continue;
    rd_kafka_conf_destroy(conf);
    return Status(Code::InvalidArgument, "settings: " + name + ": " + error);
  }
  return conf;
}

}  // namespace silverback::kafka
