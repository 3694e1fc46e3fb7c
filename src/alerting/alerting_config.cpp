#include "alerting/alerting_config.h"

#include <utility>

#include "alerting/http_config.h"
#include "model/labels.h"

namespace silverback::alerting {
namespace {

constexpr std::string_view kAddress = "__address__";
constexpr std::string_view kScheme = "__scheme__";
constexpr std::string_view kPath = "__alerts_path__";

class Reader {
 public:
  Reader(std::string_view name, std::string_view folder) : problems_(std::string(name)), folder_(folder) {}

  Result<AlertingConfig> run(const yaml::Node& document) {
    if (const yaml::Node* global = document.find("global")) read_global(*global);
    if (document.find("rule_files") != nullptr) {
      yaml::Fields fields(document, "configuration", problems_);
      fields.texts("rule_files", config_.rule_files);
      for (std::string& path : config_.rule_files) path = from_folder(folder_, path);
    }
    if (const yaml::Node* alerting = document.find("alerting")) read_alerting(*alerting);
    const yaml::Node* notifications = document.find("notifications");
    if (notifications != nullptr && notifications->kind != yaml::Node::Kind::Null) {
      config_.notifications = notify::read_notifications(*notifications, folder_, problems_);
    }
    if (Status bad = problems_.status(); !bad.ok()) return bad;
    return std::move(config_);
  }

 private:
  void read_global(const yaml::Node& node) {
    if (node.kind == yaml::Node::Kind::Null) return;
    yaml::Fields fields(node, "global", problems_);
    if (fields.duration_ms("evaluation_interval", config_.rules.interval_ms) &&
        config_.rules.interval_ms <= 0) {
      fields.problem("evaluation_interval must be more than 0");
    }
    fields.duration_ms("rule_query_offset", config_.rules.query_offset_ms);
    fields.text_map("external_labels", config_.rules.external_labels);
    for (const auto& [name, value] : config_.rules.external_labels) {
      if (name.empty() || name == kMetricName)
        fields.problem("external_labels: \"" + name + "\" is not a label name");
    }
    // Of scraping, which is not done here: read, so that a Prometheus file needs no change.
    for (const std::string_view unused :
         {"scrape_interval", "scrape_timeout", "scrape_protocols", "query_log_file"}) {
      fields.any(unused);
    }
    fields.done();
  }

  void read_alerting(const yaml::Node& node) {
    if (node.kind == yaml::Node::Kind::Null) return;
    yaml::Fields fields(node, "alerting", problems_);
    if (const yaml::Node* list = fields.list("alert_relabel_configs"))
      config_.alert_relabel = read_relabel_rules(*list, "alert_relabel_configs", problems_);
    if (const yaml::Node* list = fields.list("alertmanagers")) {
      for (const yaml::Node& one : list->items) read_alertmanager(one);
    }
    fields.done();
  }

  void read_alertmanager(const yaml::Node& node) {
    yaml::Fields fields(node, "alertmanagers", problems_);
    AlertmanagerTarget target;
    std::string scheme = "http";
    std::string prefix;
    std::string version = "v2";
    fields.text("scheme", scheme);
    fields.text("path_prefix", prefix);
    fields.text("api_version", version);
    fields.duration_ms("timeout", target.timeout_ms);
    if (scheme != "http" && scheme != "https")
      fields.problem("scheme: expected http or https, found " + scheme);
    if (version != "v2") fields.problem("api_version: expected v2, found " + version);
    if (!prefix.empty() && !prefix.starts_with('/')) prefix.insert(0, 1, '/');
    while (prefix.ends_with('/')) prefix.pop_back();
    read_http_fields(fields, folder_, problems_, target.http);
    if (const yaml::Node* list = fields.list("alert_relabel_configs"))
      target.alert_relabel = read_relabel_rules(*list, "alert_relabel_configs", problems_);
    std::vector<RelabelRule> rules;
    if (const yaml::Node* list = fields.list("relabel_configs"))
      rules = read_relabel_rules(*list, "relabel_configs", problems_);
    std::vector<Labels> found;
    if (const yaml::Node* configs = fields.list("static_configs")) {
      for (const yaml::Node& config : configs->items) {
        yaml::Fields group(config, "static_configs", problems_);
        std::vector<std::string> targets;
        TextPairs labels;
        group.texts("targets", targets);
        group.text_map("labels", labels);
        group.done();
        for (const std::string& host : targets) found.push_back(discovered(host, scheme, prefix, labels));
      }
    }
    fields.done();
    if (found.empty()) fields.problem("static_configs names no targets");
    add_alertmanagers(found, Relabeller(rules), target);
  }

  // What Prometheus' discovery says of a target, for relabelling.
  static Labels discovered(const std::string& host, const std::string& scheme, const std::string& prefix,
                           const TextPairs& labels) {
    LabelsBuilder builder;
    for (const auto& [name, value] : labels) builder.set(name, value);
    builder.set(kAddress, host);
    builder.set(kScheme, scheme);
    builder.set(kPath, prefix + "/api/v2/alerts");
    return builder.build();
  }

  void add_alertmanagers(const std::vector<Labels>& found, const Relabeller& relabel,
                         AlertmanagerTarget target) {
    for (const Labels& before : found) {
      const auto labels = relabel.apply(before);
      if (!labels || labels->get(kAddress).empty()) continue;
      target.url = std::string(labels->get(kScheme)) + "://" + std::string(labels->get(kAddress)) +
                   std::string(labels->get(kPath));
      config_.alertmanagers.push_back(target);
    }
  }

  yaml::Problems problems_;
  const std::string folder_;
  AlertingConfig config_;
};

}  // namespace

Result<AlertingConfig> parse_alerting_config(const yaml::Node& document, std::string_view name,
                                             std::string_view folder) {
  return Reader(name, folder).run(document);
}

}  // namespace silverback::alerting
