#include "server/alerting_setup.h"

#include <unistd.h>

#include <filesystem>

#include "alerting/notify/integration.h"
#include "alerting/rule_file.h"
#include "alerting/rule_manager.h"
#include "base/yaml.h"
#include "server/config_file.h"
#include "server/options.h"

namespace silverback::server {
namespace {

Result<alerting::AlertingConfig> read_sections(const std::string& path) {
  const auto text = read_config_file(path);
  if (!text) return text.status();
  const auto document = yaml::parse(*text, path);
  if (!document) return document.status();
  return alerting::parse_alerting_config(*document, path, std::filesystem::path(path).parent_path().string());
}

std::string own_address(const Settings& settings, std::uint16_t port) {
  std::string url = settings.external_url;
  if (url.empty()) {
    char host[256] = "localhost";
    gethostname(host, sizeof host - 1);
    url = "http://" + std::string(host) + ":" + std::to_string(port) + settings.route_prefix;
  }
  while (url.ends_with('/')) url.pop_back();
  return url;
}

}  // namespace

Result<alerting::AlertingConfig> load_alerting(const Settings& settings, std::uint16_t port) {
  alerting::AlertingConfig config;
  if (!settings.config_file.empty()) {
    auto read = read_sections(settings.config_file);
    if (!read) return read.status();
    config = std::move(*read);
  }
  config.rules.external_url = own_address(settings, port);
  config.rules.expressions = rule_expressions(settings);
  config.rules.resend_delay_ms = settings.alert_resend_delay.count();
  return config;
}

Result<AlertingSummary> check_alerting(const std::string& path, bool has_producer) {
  const auto config = read_sections(path);
  if (!config) return config.status();
  AlertingSummary summary;
  std::string problems;
  if (config->notifications) {
    summary.receivers = config->notifications->receivers.size();
    const auto templates = notify::load_templates(config->notifications->templates);
    if (!templates) problems = path + ": notifications: " + std::string(templates.status().message());
    const Status sink = notify::check_sink(*config->notifications, has_producer);
    if (!sink.ok()) problems += (problems.empty() ? "" : "\n") + path + ": " + std::string(sink.message());
  }
  const auto rules = alerting::RuleManager::check(config->rule_files,
                                                  query::promql::ParserOptions::everything(), has_producer);
  if (!rules) problems += (problems.empty() ? "" : "\n") + std::string(rules.status().message());
  if (!problems.empty()) return Status(Code::InvalidArgument, problems);
  summary.rules = *rules;
  return summary;
}

Result<std::size_t> check_rule_file(const std::string& path) {
  const auto file = alerting::RuleManager::read(path, query::promql::ParserOptions::everything());
  if (!file) return file.status();
  std::size_t rules = 0;
  for (const alerting::GroupSpec& group : file->groups) rules += group.rules.size();
  return rules;
}

}  // namespace silverback::server
