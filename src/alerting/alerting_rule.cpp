#include "alerting/alerting_rule.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "query/promql/ast.h"
#include "query/promql/parser.h"
#include "query/promql/printer.h"

namespace silverback::alerting {
namespace {

constexpr std::string_view kAlertName = "alertname";
constexpr std::string_view kAlertStateLabel = "alertstate";

gotemplate::Value template_data(const RuleContext& context, const VectorSample& sample) {
  gotemplate::Map external;
  for (const auto& [name, value] : *context.external_labels) external.items.emplace(name, value);
  gotemplate::Struct data;
  data.type =
      "struct { Labels map[string]string; ExternalLabels map[string]string; ExternalURL string; Value "
      "float64 }";
  data.fields = {{"Labels", to_value(sample.labels)},
                 {"ExternalLabels", std::move(external)},
                 {"ExternalURL", context.external_url},
                 {"Value", sample.value}};
  return data;
}

Labels with(const Labels& labels, std::initializer_list<LabelView> more) {
  LabelsBuilder builder(labels);
  for (const LabelView& pair : more) builder.set(pair.name, pair.value);
  return builder.build();
}

// For each selector of the expression a query that gives something when the selector finds series.
std::vector<std::string> input_queries(const std::string& text) {
  namespace promql = query::promql;
  std::vector<std::string> queries;
  const auto tree = promql::parse_expr(text, promql::ParserOptions::everything());
  if (!tree) return queries;
  const auto collect = [&](const auto& self, const promql::Expr& node) -> void {
    if (node.kind == promql::ExprKind::Matrix) {
      queries.push_back("count(present_over_time(" + promql::to_string(node) + "))");
    } else if (node.kind == promql::ExprKind::Vector) {
      queries.push_back("count(" + promql::to_string(node) + ")");
    } else {
      promql::for_each_child(node, [&](const promql::Expr& child) { self(self, child); });
    }
  };
  collect(collect, **tree);
  return queries;
}

}  // namespace

std::string_view to_string(RuleHealth health) {
  switch (health) {
    case RuleHealth::Unknown: return "unknown";
    case RuleHealth::Ok: return "ok";
    case RuleHealth::Bad: return "err";
  }
  return "";
}

AlertingRule::AlertingRule(RuleSpec spec) : spec_(std::move(spec)) {
  if (spec_.on_missing != OnMissing::Resolve) inputs_ = input_queries(spec_.expr);
}

std::vector<AlertingRule::Text> AlertingRule::parse_texts(const TextPairs& pairs) const {
  std::vector<Text> texts;
  for (const auto& [name, text] : pairs) {
    if (text.find("{{") == text.npos) {
      texts.push_back({name, text, std::nullopt});
      continue;
    }
    auto parsed = gotemplate::Template::parse("__alert_" + spec_.name, with_rule_variables(text),
                                              rule_functions(), gotemplate::MissingKey::Zero);
    if (parsed) texts.push_back({name, {}, std::move(*parsed)});
  }
  std::ranges::sort(texts, {}, &Text::name);
  return texts;
}

const AlertingRule::Texts& AlertingRule::texts() {
  if (!texts_) texts_ = {parse_texts(spec_.labels), parse_texts(spec_.annotations)};
  return *texts_;
}

const Alert* AlertingRule::find(const Labels& labels) const {
  const auto it = alerts_.find(labels);
  return it == alerts_.end() ? nullptr : &it->second;
}

AlertState AlertingRule::state() const {
  AlertState worst = AlertState::Inactive;
  for (const auto& [labels, alert] : alerts_) worst = std::max(worst, alert.state);
  return worst;
}

void AlertingRule::restore(Alert alert) {
  Labels labels = alert.labels;
  alerts_.insert_or_assign(std::move(labels), std::move(alert));
}

void AlertingRule::sent(const Labels& labels, std::int64_t time_ms, std::int64_t valid_until_ms) {
  const auto it = alerts_.find(labels);
  if (it == alerts_.end()) return;
  it->second.last_sent_ms = time_ms;
  it->second.valid_until_ms = valid_until_ms;
}

std::string AlertingRule::expand(const Text& text, const gotemplate::Value& data,
                                 RuleEnvironment& environment, Asked& out) const {
  if (!text.parsed) return text.plain;
  auto expanded = text.parsed->execute(data, environment);
  if (expanded) return std::move(*expanded);
  const std::string problem =
      "error executing template __alert_" + spec_.name + ": " + std::string(expanded.status().message());
  out.problems.push_back(problem);
  return "<error expanding template: " + problem + ">";
}

Alert AlertingRule::make_alert(const RuleContext& context, const VectorSample& sample, Asked& out) {
  RuleEnvironment environment;
  environment.now_ms = context.time_ms;
  environment.external_url = context.external_url;
  environment.query = [&](std::string_view text) { return (*context.query)(text, context.query_time_ms()); };
  const gotemplate::Value data = template_data(context, sample);
  LabelsBuilder labels(sample.labels);
  labels.remove(kMetricName);
  for (const Text& label : texts().labels) labels.set(label.name, expand(label, data, environment, out));
  labels.set(kAlertName, spec_.name);
  Alert alert;
  alert.labels = labels.build();
  for (const Text& annotation : texts().annotations) {
    alert.annotations.emplace_back(annotation.name, expand(annotation, data, environment, out));
  }
  alert.value = sample.value;
  alert.active_ms = context.time_ms;
  return alert;
}

Result<AlertingRule::Asked> AlertingRule::ask(const RuleContext& context) {
  const auto result = (*context.query)(spec_.expr, context.query_time_ms());
  if (!result) return result.status();
  Asked out;
  for (const VectorSample& sample : *result) {
    Alert alert = make_alert(context, sample, out);
    Labels key = alert.labels;
    if (!out.now.emplace(std::move(key), std::move(alert)).second) {
      return Status(Code::Unprocessable,
                    "vector contains metrics with the same labelset after applying alert labels");
    }
  }
  if (Status asked = ask_missing(context, out); !asked.ok()) return asked;
  if (Status asked = ask_resolve(context, out); !asked.ok()) return asked;
  if (out.now.empty()) texts_.reset();
  return out;
}

Result<bool> AlertingRule::inputs_missing(const RuleContext& context) const {
  for (const std::string& input : inputs_) {
    const auto found = (*context.query)(input, context.query_time_ms());
    if (!found) return found.status();
    if (!found->empty()) return false;
  }
  return !inputs_.empty();
}

// on_missing: what is still active stays, or the rule itself becomes an alert.
Status AlertingRule::ask_missing(const RuleContext& context, Asked& out) {
  if (spec_.on_missing == OnMissing::Resolve || !out.now.empty()) return {};
  const auto missing = inputs_missing(context);
  if (!missing) return missing.status();
  if (!*missing) return {};
  if (spec_.on_missing == OnMissing::Keep) {
    for (const auto& [labels, alert] : alerts_) {
      if (alert.state != AlertState::Inactive) out.now.emplace(labels, alert);
    }
  } else {
    Alert alert = make_alert(context, {}, out);
    Labels key = alert.labels;
    out.now.emplace(std::move(key), std::move(alert));
  }
  return {};
}

// resolve: a firing alert without a sample goes on until the resolve expression has one of its labels.
Status AlertingRule::ask_resolve(const RuleContext& context, Asked& out) const {
  if (spec_.resolve.empty()) return {};
  std::vector<const Alert*> open;
  for (const auto& [labels, alert] : alerts_) {
    if (alert.state == AlertState::Firing && !out.now.contains(labels)) open.push_back(&alert);
  }
  if (open.empty()) return {};
  const auto ended = (*context.query)(spec_.resolve, context.query_time_ms());
  if (!ended) return ended.status();
  for (const Alert* alert : open) {
    // The alert may have labels of the rule on top of those of its sample.
    const bool over = std::ranges::any_of(*ended, [&](const VectorSample& sample) {
      return std::ranges::all_of(sample.labels, [&](const LabelView& pair) {
        return pair.name == kMetricName || alert->labels.get(pair.name) == pair.value;
      });
    });
    if (!over) out.now.emplace(alert->labels, *alert);
  }
  return {};
}

void AlertingRule::take_up(const Alerts& now, std::vector<Labels>& changed) {
  for (const auto& [labels, alert] : now) {
    const auto [it, made] = alerts_.try_emplace(labels, alert);
    if (made) {
      changed.push_back(labels);
    } else if (it->second.state == AlertState::Inactive) {
      it->second = alert;  // the one that is remembered as resolved gives way
      changed.push_back(labels);
    } else {
      it->second.value = alert.value;
      it->second.annotations = alert.annotations;
    }
  }
}

// Without a sample: pending ends at once, firing after keep_firing_for, resolved is forgotten in time.
void AlertingRule::end_or_keep(Alert& alert, std::int64_t time_ms, bool& gone) const {
  if (alert.state == AlertState::Firing && spec_.keep_firing_for_ms > 0) {
    if (alert.keep_firing_ms == 0) alert.keep_firing_ms = time_ms;
    if (time_ms - alert.keep_firing_ms < spec_.keep_firing_for_ms) return;
  }
  gone = alert.state == AlertState::Pending ||
         (alert.state == AlertState::Inactive && time_ms - alert.resolved_ms > kResolvedRetentionMs);
  if (alert.state != AlertState::Inactive) {
    alert.state = AlertState::Inactive;
    alert.resolved_ms = time_ms;
  }
}

void AlertingRule::advance(const RuleContext& context, const Alerts& now, std::vector<Labels>& changed) {
  for (auto it = alerts_.begin(); it != alerts_.end();) {
    Alert& alert = it->second;
    const AlertState before = alert.state;
    const std::int64_t kept_before = alert.keep_firing_ms;
    bool gone = false;
    if (now.contains(it->first)) {
      alert.keep_firing_ms = 0;
    } else {
      end_or_keep(alert, context.time_ms, gone);
    }
    if (!gone && alert.state == AlertState::Pending && context.time_ms - alert.active_ms >= spec_.for_ms) {
      alert.state = AlertState::Firing;
      alert.fired_ms = context.time_ms;
    }
    if (gone || alert.state != before || alert.keep_firing_ms != kept_before) changed.push_back(it->first);
    it = gone ? alerts_.erase(it) : std::next(it);
  }
}

AlertingRule::Evaluated AlertingRule::apply(const RuleContext& context, const Asked& asked) {
  Evaluated out;
  take_up(asked.now, out.changed);
  advance(context, asked.now, out.changed);
  std::uint64_t active = 0;
  for (const auto& [labels, alert] : alerts_) {
    if (alert.state == AlertState::Inactive) continue;
    ++active;
    out.samples.push_back(state_sample(alert));
    out.samples.push_back(since_sample(alert));
  }
  if (context.limit != 0 && active > context.limit) {
    out.samples.clear();
    for (auto& [labels, alert] : alerts_) {
      out.changed.push_back(labels);
      if (alert.state != AlertState::Firing || alert.fired_ms == context.time_ms) continue;
      alert.state = AlertState::Inactive;
      alert.resolved_ms = context.time_ms;
      out.dropped.push_back(std::move(alert));
    }
    alerts_.clear();
    out.status = {Code::ResourceExhausted, "exceeded limit of " + std::to_string(context.limit) + " with " +
                                               std::to_string(active) + " alerts"};
  }
  std::ranges::sort(out.changed);
  out.changed.erase(std::unique(out.changed.begin(), out.changed.end()), out.changed.end());
  return out;
}

RuleSample state_sample(const Alert& alert) {
  return {with(alert.labels, {{kMetricName, "ALERTS"}, {kAlertStateLabel, to_string(alert.state)}}), 1};
}
RuleSample since_sample(const Alert& alert) {
  return {with(alert.labels, {{kMetricName, "ALERTS_FOR_STATE"}}),
          static_cast<double>(floor_div(alert.active_ms, 1000))};
}

}  // namespace silverback::alerting
