#include <algorithm>
#include <utility>

#include "alerting/notify/config_parts.h"
#include "base/utf8.h"
#include "query/promql/text.h"

namespace silverback::notify {
namespace {

using query::promql::quote;

void read_pairs(yaml::Fields& fields, const std::string& name, MatchOp op, const Reading& reading,
                Matchers& out) {
  const yaml::Node* map = fields.map(name);
  if (map == nullptr) return;
  for (const yaml::Entry& entry : map->entries) {
    const std::string& key = entry.key;
    const yaml::Node& value = entry.value;
    const auto problem = [&](const std::string& text) { reading.problems.add(value, name + ": " + text); };
    if (!query::promql::is_plain_label(key)) {
      problem("invalid label name " + quote(key));
    } else if (op == MatchOp::Regex && value.kind == yaml::Node::Kind::Null) {
      problem("invalid regexp value for " + quote(key));
    } else if (value.kind == yaml::Node::Kind::List || value.kind == yaml::Node::Kind::Map) {
      problem(quote(key) + ": expected text");
    } else if (auto made = Matcher::make(op, key, value.text); !made) {
      problem(std::string(made.status().message()));
    } else if (op == MatchOp::Regex) {
      // Alertmanager's own way of writing it, which receivers see in the group key.
      out.push_back(*Matcher::make(op, key, "^(?:" + value.text + ")$"));
    } else {
      out.push_back(std::move(*made));
    }
  }
}

class Routes {
 public:
  Routes(const Names& receivers, const Names& intervals, const Reading& reading)
      : receivers_(receivers), intervals_(intervals), reading_(reading) {}

  RouteSpec read(const yaml::Node& node, const RouteSpec* parent) const {
    RouteSpec out;
    if (parent != nullptr) inherit(*parent, out);
    yaml::Fields fields(node, "route", reading_.problems);
    std::string receiver;
    if (fields.text("receiver", receiver) && !receiver.empty()) {
      if (!receivers_.contains(receiver)) {
        reading_.problems.add(*fields.any("receiver"),
                              "undefined receiver " + quote(receiver) + " used in route");
      }
      out.receiver = std::move(receiver);
    }
    read_group_by(fields, out);
    fields.duration_ms("group_wait", out.group_wait_ms);
    for (const auto& [name, ms] : {std::pair{"group_interval", &out.group_interval_ms},
                                   std::pair{"repeat_interval", &out.repeat_interval_ms}}) {
      if (fields.duration_ms(name, *ms) && *ms == 0) {
        reading_.problems.add(*fields.any(name), std::string(name) + " cannot be zero");
      }
    }
    fields.boolean("continue", out.goes_on);
    out.matchers = read_matchers(fields, "", reading_);
    read_intervals(fields, "mute_time_intervals", out.mute_time_intervals);
    read_intervals(fields, "active_time_intervals", out.active_time_intervals);
    refuse(fields, "labels", "put labels on the alerts", reading_);
    if (parent == nullptr) check_root(fields, out);
    // Its children inherit what it has come to be.
    std::vector<RouteSpec> children;
    if (const yaml::Node* list = fields.list("routes")) {
      for (const yaml::Node& child : list->items) children.push_back(read(child, &out));
    }
    out.routes = std::move(children);
    fields.done();
    return out;
  }

 private:
  static void inherit(const RouteSpec& parent, RouteSpec& out) {
    out.receiver = parent.receiver;
    out.group_by = parent.group_by;
    out.group_by_all = parent.group_by_all;
    out.group_wait_ms = parent.group_wait_ms;
    out.group_interval_ms = parent.group_interval_ms;
    out.repeat_interval_ms = parent.repeat_interval_ms;
  }

  static void check_root(yaml::Fields& fields, const RouteSpec& root) {
    if (root.receiver.empty()) fields.problem("root route must specify a default receiver");
    if (!root.matchers.empty()) fields.problem("root route must not have any matchers");
    if (!root.mute_time_intervals.empty()) {
      fields.problem("root route must not have any mute time intervals");
    }
    if (!root.active_time_intervals.empty()) {
      fields.problem("root route must not have any active time intervals");
    }
    if (root.goes_on) fields.problem("cannot have continue in root route");
  }

  void read_group_by(yaml::Fields& fields, RouteSpec& out) const {
    if (fields.list("group_by") == nullptr) return;
    out.group_by.clear();
    out.group_by_all = false;
    for (const yaml::Node* item : text_items(fields, "group_by", reading_)) {
      if (item->text == "...") {
        out.group_by_all = true;
      } else if (item->text.empty() || !valid_utf8(item->text)) {
        reading_.problems.add(*item, "invalid label name " + quote(item->text) + " in group_by list");
      } else if (std::ranges::find(out.group_by, item->text) != out.group_by.end()) {
        reading_.problems.add(*item, "duplicated label " + quote(item->text) + " in group_by");
      } else {
        out.group_by.push_back(item->text);
      }
    }
    std::ranges::sort(out.group_by);
    if (out.group_by_all && !out.group_by.empty()) {
      fields.problem("cannot have wildcard group_by (`...`) and other labels at the same time");
    }
  }

  void read_intervals(yaml::Fields& fields, std::string_view name, std::vector<std::string>& out) const {
    for (const yaml::Node* item : text_items(fields, name, reading_)) {
      if (!intervals_.contains(item->text)) {
        reading_.problems.add(*item, "undefined time interval " + quote(item->text) + " used in route");
      }
      out.push_back(item->text);
    }
  }

  const Names& receivers_;
  const Names& intervals_;
  const Reading& reading_;
};

}  // namespace

Matchers read_matchers(yaml::Fields& fields, std::string_view prefix, const Reading& reading) {
  Matchers out;
  const std::string start(prefix);
  read_pairs(fields, start + "match", MatchOp::Equal, reading, out);
  read_pairs(fields, start + "match_re", MatchOp::Regex, reading, out);
  for (const yaml::Node* item : text_items(fields, start + "matchers", reading)) {
    auto read = parse_matchers(item->text);
    if (read) {
      for (Matcher& matcher : *read) out.push_back(std::move(matcher));
    } else {
      reading.problems.add(*item, std::string(read.status().message()));
    }
  }
  sort_matchers(out);
  return out;
}

RouteSpec read_routes(const yaml::Node& node, const Names& receivers, const Names& intervals,
                      const Reading& reading) {
  return Routes(receivers, intervals, reading).read(node, nullptr);
}

}  // namespace silverback::notify
