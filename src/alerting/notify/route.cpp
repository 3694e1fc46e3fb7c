#include "alerting/notify/route.h"

#include <utility>

#include "alerting/notify/matcher_text.h"

namespace silverback::notify {
namespace {

RouteSpec without_children(const RouteSpec& spec) {
  RouteSpec out;
  out.receiver = spec.receiver;
  out.group_by = spec.group_by;
  out.group_by_all = spec.group_by_all;
  out.matchers = spec.matchers;
  out.goes_on = spec.goes_on;
  out.group_wait_ms = spec.group_wait_ms;
  out.group_interval_ms = spec.group_interval_ms;
  out.repeat_interval_ms = spec.repeat_interval_ms;
  out.mute_time_intervals = spec.mute_time_intervals;
  out.active_time_intervals = spec.active_time_intervals;
  return out;
}

}  // namespace

Labels Route::group_labels(const Labels& labels) const {
  if (spec_.group_by_all) return labels;
  LabelsBuilder group;
  for (const std::string& name : spec_.group_by) group.set(name, labels.get(name));
  return group.build();
}

RouteTree::RouteTree(const RouteSpec& root) {
  const std::string own = matchers_text(root.matchers);
  add(root, own, own);
}

std::size_t RouteTree::add(const RouteSpec& spec, std::string key, std::string id) {
  const std::size_t at = routes_.size();
  Route& route = routes_.emplace_back();
  route.spec_ = without_children(spec);
  route.key_ = key;
  route.id_ = id;
  std::vector<std::size_t> children;
  for (const RouteSpec& child : spec.routes) {
    const std::string step = '/' + matchers_text(child.matchers);
    children.push_back(add(child, key + step, id + step + '/' + std::to_string(children.size())));
  }
  routes_[at].children_ = std::move(children);  // `route` may have moved
  return at;
}

bool RouteTree::collect(std::size_t at, const Labels& labels, std::vector<const Route*>& out) const {
  const Route& route = routes_[at];
  if (!matches(route.spec_.matchers, labels)) return false;
  bool taken = false;
  for (const std::size_t child : route.children_) {
    if (!collect(child, labels, out)) continue;
    taken = true;
    if (!routes_[child].spec_.goes_on) break;
  }
  if (!taken) out.push_back(&route);
  return true;
}

std::vector<const Route*> RouteTree::match(const Labels& labels) const {
  std::vector<const Route*> out;
  collect(0, labels, out);
  return out;
}

}  // namespace silverback::notify
