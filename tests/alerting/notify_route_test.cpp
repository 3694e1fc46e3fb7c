#include "alerting/notify/route.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "base/yaml.h"

namespace silverback::notify {
namespace {

RouteSpec route(std::string receiver, std::string_view matchers, std::vector<RouteSpec> children = {}) {
  RouteSpec out;
  out.receiver = std::move(receiver);
  out.matchers = *parse_matchers(matchers);
  out.routes = std::move(children);
  return out;
}

RouteSpec going_on(RouteSpec spec) {
  spec.goes_on = true;
  return spec;
}

std::string receivers(const RouteTree& tree, const Labels& labels) {
  std::string out;
  for (const Route* one : tree.match(labels)) out += (out.empty() ? "" : " ") + one->spec().receiver;
  return out;
}

TEST(RouteTree, TakesTheFirstChildThatMatchesAndTheParentOtherwise) {
  const RouteTree tree(route("root", "{}",
                             {route("db", "service=~\"mysql|cassandra\"",
                                    {route("db-page", "severity=page"), route("db-mail", "severity=mail")}),
                              route("page", "severity=page"), route("never", "severity=page")}));

  EXPECT_EQ(receivers(tree, {{"service", "web"}}), "root");
  EXPECT_EQ(receivers(tree, {{"service", "mysql"}}), "db");
  EXPECT_EQ(receivers(tree, {{"service", "mysql"}, {"severity", "mail"}}), "db-mail");
  EXPECT_EQ(receivers(tree, {{"service", "mysql"}, {"severity", "page"}}), "db-page");
  EXPECT_EQ(receivers(tree, {{"severity", "page"}}), "page");
}

TEST(RouteTree, GoesOnBehindAChildThatContinues) {
  const RouteTree tree(route("root", "{}",
                             {going_on(route("audit", "{}")),
                              going_on(route("team", "team=a", {route("team-page", "severity=page")})),
                              route("page", "severity=page"), route("late", "team=a")}));

  EXPECT_EQ(receivers(tree, {{"x", "y"}}), "audit");
  EXPECT_EQ(receivers(tree, {{"team", "a"}}), "audit team late");
  EXPECT_EQ(receivers(tree, {{"team", "a"}, {"severity", "page"}}), "audit team-page page");
}

TEST(RouteTree, NamesRoutesAsAlertmanagerDoes) {
  const RouteTree tree(route("root", "{}",
                             {route("a", "severity=\"page\"", {route("b", "team=~\"x|y\",zone!=eu")}),
                              route("c", "severity=\"page\"")}));

  ASSERT_EQ(tree.routes().size(), 4U);
  EXPECT_EQ(tree.routes()[0].key(), "{}");
  EXPECT_EQ(tree.routes()[1].key(), "{}/{severity=\"page\"}");
  EXPECT_EQ(tree.routes()[2].key(), "{}/{severity=\"page\"}/{team=~\"x|y\",zone!=\"eu\"}");
  EXPECT_EQ(tree.routes()[2].id(), "{}/{severity=\"page\"}/0/{team=~\"x|y\",zone!=\"eu\"}/0");
  EXPECT_EQ(tree.routes()[3].key(), tree.routes()[1].key());
  EXPECT_EQ(tree.routes()[3].id(), "{}/{severity=\"page\"}/1");
}

// routes.golden is what Alertmanager makes of routes.yml, recorded by record_routes.py.
TEST(RouteTree, SendsAlertsWhereAlertmanagerDoes) {
  const std::string folder = SILVERBACK_SOURCE_DIR "/tests/alerting/";
  std::ifstream file(folder + "routes.yml");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  yaml::Problems problems("routes.yml");
  const RouteTree tree(read_notifications(*yaml::parse(text, "routes.yml"), folder, problems).route);
  ASSERT_TRUE(problems.empty()) << problems.status().message();

  std::ifstream golden(folder + "routes.golden");
  std::size_t lines = 0;
  for (std::string line; std::getline(golden, line); ++lines) {
    SCOPED_TRACE(line);
    const std::size_t tab = line.find('\t');
    const auto json = yaml::parse(line.substr(0, tab), "line");
    LabelsBuilder labels;
    for (const auto& [name, value] : json->entries) labels.set(name, value.text);
    std::string expected = line.substr(tab + 1);
    std::ranges::replace(expected, ',', ' ');
    EXPECT_EQ(receivers(tree, labels.build()), expected);
  }
  EXPECT_GT(lines, 60U);
}

TEST(Route, GroupsByTheLabelsThatAreThere) {
  RouteSpec spec = route("root", "{}");
  spec.group_by = {"alertname", "zone"};
  const Labels labels{{"alertname", "Down"}, {"job", "api"}};

  EXPECT_EQ(RouteTree(spec).routes()[0].group_labels(labels), (Labels{{"alertname", "Down"}}));

  spec.group_by_all = true;
  EXPECT_EQ(RouteTree(spec).routes()[0].group_labels(labels), labels);
}

}  // namespace
}  // namespace silverback::notify
