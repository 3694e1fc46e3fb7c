#include "alerting/notify/config.h"

#include <utility>

#include "alerting/notify/config_parts.h"
#include "base/utf8.h"
#include "query/promql/text.h"

namespace silverback::notify {
namespace {

using query::promql::quote;

// `time_intervals`, and under its old name `mute_time_intervals`: both are one space of names.
void read_intervals(yaml::Fields& fields, std::string_view field, Names& named, const Reading& reading,
                    NotifyConfig& out) {
  const yaml::Node* list = fields.list(field);
  if (list == nullptr) return;
  for (const yaml::Node& item : list->items) {
    yaml::Fields one(item, std::string(field), reading.problems);
    std::string name;
    one.text("name", name);
    std::vector<TimeInterval> intervals;
    if (const yaml::Node* times = one.list("time_intervals")) {
      for (const yaml::Node& time : times->items) {
        intervals.push_back(TimeInterval::read(time, reading.problems));
      }
    }
    one.done();
    if (name.empty()) {
      one.problem("missing name in time interval");
    } else if (!named.insert(name).second) {
      one.problem("time interval " + quote(name) + " is not unique");
    }
    out.time_intervals[name] = std::move(intervals);
  }
}

InhibitRule read_inhibit_rule(const yaml::Node& node, const Reading& reading) {
  InhibitRule out;
  yaml::Fields fields(node, "inhibit_rules", reading.problems);
  std::string name;
  fields.text("name", name);
  out.source = read_matchers(fields, "source_", reading);
  out.target = read_matchers(fields, "target_", reading);
  for (const yaml::Node* item : text_items(fields, "equal", reading)) {
    if (item->text.empty() || !valid_utf8(item->text)) {
      reading.problems.add(*item, "invalid label name " + quote(item->text) + " in equal list");
    }
    out.equal.push_back(item->text);
  }
  fields.done();
  return out;
}

Egress read_egress(const yaml::Node& node, const Reading& reading) {
  yaml::Fields fields(node, "egress", reading.problems);
  std::vector<std::string> allowed;
  const bool given = fields.texts("allow", allowed);
  fields.done();
  if (!given) return {};
  const auto made = Egress::make(allowed);
  if (made) return *made;
  reading.problems.add(*fields.any("allow"), "egress: " + std::string(made.status().message()));
  return {};
}

}  // namespace

NotifyConfig read_notifications(const yaml::Node& node, std::string_view folder, yaml::Problems& problems) {
  const Reading reading{folder, problems};
  NotifyConfig out;
  yaml::Fields fields(node, "notifications", problems);
  static const yaml::Node kNothing;
  const yaml::Node* global = fields.any("global");
  const Globals globals = read_globals(global == nullptr ? kNothing : *global, reading);
  out.resolve_timeout_ms = globals.resolve_timeout_ms;

  Names receivers;
  if (const yaml::Node* list = fields.list("receivers")) {
    for (const yaml::Node& one : list->items) {
      out.receivers.push_back(read_receiver(one, globals, receivers, reading));
    }
  }
  Names intervals;
  read_intervals(fields, "mute_time_intervals", intervals, reading, out);
  read_intervals(fields, "time_intervals", intervals, reading, out);
  if (const yaml::Node* route = fields.map("route")) {
    out.route = read_routes(*route, receivers, intervals, reading);
  } else if (fields.any("route") == nullptr || fields.any("route")->kind == yaml::Node::Kind::Null) {
    fields.problem("no route provided in config");
  }
  if (const yaml::Node* list = fields.list("inhibit_rules")) {
    for (const yaml::Node& one : list->items) out.inhibit_rules.push_back(read_inhibit_rule(one, reading));
  }
  fields.texts("templates", out.templates);
  for (std::string& pattern : out.templates) pattern = alerting::from_folder(folder, pattern);
  if (const yaml::Node* egress = fields.map("egress")) out.egress = read_egress(*egress, reading);
  for (const std::string_view unused : {"tracing", "event_recorder"}) fields.any(unused);
  fields.done();
  out.shown = shown_text(out);
  return out;
}

}  // namespace silverback::notify
