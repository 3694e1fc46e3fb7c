// RouteTree: which routes an alert takes.
//
// From the root down, children in order: an alert goes to the first child that matches and on to those after
// it only when that one says `continue`; to the route itself when no child matches. Source:
// https://prometheus.io/docs/alerting/latest/configuration/#route
//
// Threads: immutable.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "alerting/notify/config.h"
#include "model/labels.h"

namespace silverback::notify {

class Route {
 public:
  /// What it says, without its children.
  const RouteSpec& spec() const { return spec_; }
  /// Alertmanager's name of the route, the beginning of its groups' keys: {}/{severity="page"}. Two routes
  /// may have the same.
  const std::string& key() const { return key_; }
  /// The key with each child's place among its siblings, no two alike: {}/{severity="page"}/0
  const std::string& id() const { return id_; }
  /// What the alerts of a group have in common.
  Labels group_labels(const Labels& labels) const;

 private:
  friend class RouteTree;
  RouteSpec spec_;
  std::string key_;
  std::string id_;
  std::vector<std::size_t> children_;
};

class RouteTree {
 public:
  explicit RouteTree(const RouteSpec& root);

  /// In the order of the configuration; at least one when the root matches everything, as it has to. Valid
  /// as long as the tree.
  std::vector<const Route*> match(const Labels& labels) const;
  /// All, the root first, children behind their parents.
  const std::vector<Route>& routes() const { return routes_; }

 private:
  std::size_t add(const RouteSpec& spec, std::string key, std::string id);
  bool collect(std::size_t at, const Labels& labels, std::vector<const Route*>& out) const;

  std::vector<Route> routes_;
};

}  // namespace silverback::notify
