#include "alerting/rule_file.h"

#include <algorithm>
#include <array>
#include <set>

#include "alerting/gotemplate/template.h"
#include "alerting/text_functions.h"
#include "base/utf8.h"
#include "base/yaml.h"
#include "model/labels.h"
#include "model/message_sink.h"
#include "query/promql/parser.h"
#include "query/promql/printer.h"
#include "query/promql/text.h"

namespace silverback::alerting {
namespace {

using query::promql::quote;

constexpr std::int64_t kMaxLimit = 1'000'000'000;

class Reader {
 public:
  Reader(std::string_view name, const query::promql::ParserOptions& expressions)
      : name_(name), expressions_(expressions), problems_(std::string(name)) {}

  Result<RuleFile> run(const yaml::Node& document) {
    RuleFile file;
    if (document.kind == yaml::Node::Kind::Null) return file;
    yaml::Fields fields(document, "rule file", problems_);
    if (const yaml::Node* groups = fields.list("groups")) {
      for (const yaml::Node& group : groups->items) read_group(group, file);
    }
    if (const yaml::Node* alerts = fields.list("alerts")) read_short_form(*alerts, file);
    fields.done();
    if (Status bad = problems_.status(); !bad.ok()) return bad;
    return file;
  }

 private:
  void read_group(const yaml::Node& node, RuleFile& file) {
    yaml::Fields fields(node, "group", problems_);
    GroupSpec group;
    fields.text("name", group.name, yaml::Need::Required);
    if (std::int64_t ms = 0; fields.duration_ms("interval", ms) && ms > 0) group.interval_ms = ms;
    if (std::int64_t ms = 0; fields.duration_ms("query_offset", ms)) group.query_offset_ms = ms;
    if (std::int64_t limit = 0; fields.whole("limit", limit, 0, kMaxLimit))
      group.limit = static_cast<std::uint64_t>(limit);
    fields.text_map("labels", group.labels);
    check_label_names(node, "group " + quote(group.name), group.labels);
    read_topic(fields, group.kafka_topic);
    if (const yaml::Node* rules = fields.list("rules")) {
      for (std::size_t i = 0; i < rules->items.size(); ++i) read_rule(rules->items[i], i + 1, group);
    }
    fields.done();
    if (!group_names_.insert(group.name).second) {
      problems_.add(node, "groupname: " + quote(group.name) + " is repeated in the same file");
    }
    file.groups.push_back(std::move(group));
  }

  void read_rule(const yaml::Node& node, std::size_t number, GroupSpec& group) {
    std::string record;
    std::string alert;
    if (const yaml::Node* name = node.find("record")) record = name->text;
    if (const yaml::Node* name = node.find("alert")) alert = name->text;
    const std::string what = "group " + quote(group.name) + ", rule " + std::to_string(number) + ", " +
                             quote(record.empty() ? alert : record);
    yaml::Fields fields(node, what, problems_);
    RuleSpec rule;
    rule.line = node.line;
    fields.text("record", record);
    fields.text("alert", alert);
    if (!record.empty() && !alert.empty()) fields.problem("only one of 'record' and 'alert' must be set");
    if (record.empty() && alert.empty()) fields.problem("one of 'record' or 'alert' must be set");
    rule.alerting = record.empty();
    rule.name = rule.alerting ? alert : record;
    if (fields.text("expr", rule.expr); rule.expr.empty()) {
      fields.problem("field 'expr' must be set in rule");
    } else {
      check_expression(node, what, "could not parse expression", rule.expr);
    }
    fields.text_map("labels", rule.labels);
    check_label_names(node, what, rule.labels);
    if (rule.alerting) {
      read_alert(node, what, fields, rule);
    } else {
      check_recording(node, what, rule.name);
      rule.kafka_topic = group.kafka_topic;
      read_topic(fields, rule.kafka_topic);
    }
    fields.done();
    for (const auto& pair : group.labels) {
      if (std::ranges::find(rule.labels, pair.first, &TextPairs::value_type::first) == rule.labels.end())
        rule.labels.push_back(pair);
    }
    group.rules.push_back(std::move(rule));
  }

  void read_alert(const yaml::Node& node, const std::string& what, yaml::Fields& fields, RuleSpec& rule) {
    fields.duration_ms("for", rule.for_ms);
    fields.duration_ms("keep_firing_for", rule.keep_firing_for_ms);
    fields.text_map("annotations", rule.annotations);
    for (const auto& [name, value] : rule.annotations) {
      if (!valid_label_name(name)) problems_.add(node, what + ": invalid annotation name: " + quote(name));
    }
    if (fields.text("resolve", rule.resolve))
      check_expression(node, what, "could not parse 'resolve'", rule.resolve);
    if (std::string policy; fields.text("on_missing", policy)) {
      if (policy == "resolve") {
        rule.on_missing = OnMissing::Resolve;
      } else if (policy == "keep") {
        rule.on_missing = OnMissing::Keep;
      } else if (policy == "fire") {
        rule.on_missing = OnMissing::Fire;
      } else {
        fields.problem("on_missing: expected resolve, keep or fire, found " + quote(policy));
      }
    }
    if (fields.any("kafka_topic") != nullptr)
      fields.problem(
          "invalid field 'kafka_topic' in alerting rule: alerts are sent by 'kafka_configs' of a receiver");
    check_templates(node, what, "label", rule.labels);
    check_templates(node, what, "annotation", rule.annotations);
  }

  void check_recording(const yaml::Node& node, const std::string& what, const std::string& name) {
    constexpr std::array<std::string_view, 5> kAlertOnly = {"annotations", "for", "keep_firing_for",
                                                            "on_missing", "resolve"};
    for (const std::string_view field : kAlertOnly) {
      if (node.find(field) == nullptr) continue;
      problems_.add(node, what + ": invalid field '" + std::string(field) + "' in recording rule");
    }
    // It would otherwise be a matcher written by mistake: up{job="x"}.
    if (name.find_first_of("{}") != name.npos || !valid_utf8(name)) {
      problems_.add(node, what + ": invalid recording rule name: " + name);
    }
  }

  // An empty one is none, also where the group has one.
  static void read_topic(yaml::Fields& fields, std::string& topic) {
    if (!fields.text("kafka_topic", topic) || topic.empty()) return;
    if (const Status bad = check_topic(topic); !bad.ok())
      fields.problem("kafka_topic: " + std::string(bad.message()));
  }

  // A list of {name, condition, severity, notification}.
  void read_short_form(const yaml::Node& alerts, RuleFile& file) {
    GroupSpec group;
    group.name = "alerts";
    if (!group_names_.insert(group.name).second) {
      problems_.add(alerts, "a group may not be named \"alerts\" beside the list of that name");
    }
    for (std::size_t i = 0; i < alerts.items.size(); ++i) {
      const yaml::Node& node = alerts.items[i];
      const std::string what = "alert " + std::to_string(i + 1);
      yaml::Fields fields(node, what, problems_);
      RuleSpec rule;
      rule.line = node.line;
      rule.alerting = true;
      fields.text("name", rule.name, yaml::Need::Required);
      if (fields.text("condition", rule.expr, yaml::Need::Required)) {
        check_expression(node, what, "could not parse condition", rule.expr);
      }
      for (const std::string_view label : {"severity", "notification"}) {
        if (std::string value; fields.text(label, value)) rule.labels.emplace_back(label, value);
      }
      fields.duration_ms("for", rule.for_ms);
      fields.done();
      group.rules.push_back(std::move(rule));
    }
    file.groups.push_back(std::move(group));
  }

  // ---- checks

  static bool valid_label_name(std::string_view name) { return !name.empty() && valid_utf8(name); }

  void check_label_names(const yaml::Node& node, const std::string& what, const TextPairs& labels) {
    for (const auto& [name, value] : labels) {
      if (!valid_label_name(name) || name == kMetricName) {
        problems_.add(node, what + ": invalid label name: " + name);
      } else if (!valid_utf8(value)) {
        problems_.add(node, what + ": invalid label value of " + name + ": not UTF-8");
      }
    }
  }

  // What is good becomes the form that Prometheus shows in its API and in links.
  void check_expression(const yaml::Node& node, const std::string& what, std::string_view trouble,
                        std::string& text) {
    const auto parsed = query::promql::parse_expr(text, expressions_);
    if (parsed) {
      text = query::promql::to_string(**parsed);
    } else {
      problems_.add(node, what + ": " + std::string(trouble) + ": " + std::string(parsed.status().message()));
    }
  }

  void check_templates(const yaml::Node& node, const std::string& what, std::string_view kind,
                       const TextPairs& texts) {
    for (const auto& [name, text] : texts) {
      const auto parsed = gotemplate::Template::parse(name, with_rule_variables(text), rule_functions());
      if (!parsed)
        problems_.add(node, what + ": " + std::string(kind) + " " + quote(name) + ": " +
                                std::string(parsed.status().message()));
    }
  }

  const std::string name_;
  query::promql::ParserOptions expressions_;
  yaml::Problems problems_;
  std::set<std::string> group_names_;
};

}  // namespace

std::string with_rule_variables(std::string_view text) {
  return "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := "
         ".ExternalURL}}{{$value := .Value}}" +
         std::string(text);
}

Result<RuleFile> parse_rule_file(std::string_view text, std::string_view name,
                                 const query::promql::ParserOptions& expressions) {
  const auto document = yaml::parse(text, name);
  if (!document) return document.status();
  return Reader(name, expressions).run(*document);
}

}  // namespace silverback::alerting
