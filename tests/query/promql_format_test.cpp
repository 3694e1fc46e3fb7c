// What /api/v1/format_query answers.
#include <gtest/gtest.h>

#include "query/promql/parser.h"
#include "query/promql/printer.h"

namespace silverback::query::promql {
namespace {

std::string formatted(std::string_view text) {
  const auto expr = parse_expr(text, ParserOptions::everything());
  return expr ? pretty(**expr) : std::string(expr.status().message());
}

TEST(PromqlFormat, LeavesShortQueriesOnOneLine) {
  EXPECT_EQ(formatted("sum(rate( foo[5m] ))by(job)/2"), "sum by (job) (rate(foo[5m])) / 2");
}

TEST(PromqlFormat, SplitsBinaryExpressionsAroundTheOperator) {
  EXPECT_EQ(
      formatted(
          R"(node_filesystem_avail_bytes{job="node",fstype!=""}/on(instance, device)group_left node_filesystem_size_bytes{job="node",fstype!=""}*100)"),
      R"(    node_filesystem_avail_bytes{fstype!="",job="node"}
  / on (instance, device) group_left ()
    node_filesystem_size_bytes{fstype!="",job="node"}
*
  100)");
}

TEST(PromqlFormat, IndentsCallsAggregationsAndParentheses) {
  EXPECT_EQ(
      formatted(
          R"(topk(10,sum by(job,instance)((rate(http_request_duration_seconds_bucket{job="api-server",environment="production",handler="/api"}[5m] offset 1h)))))"),
      R"(topk(
  10,
  sum by (job, instance) (
    (
      rate(
        http_request_duration_seconds_bucket{environment="production",handler="/api",job="api-server"}[5m] offset 1h
      )
    )
  )
))");
  EXPECT_EQ(
      formatted(
          R"(-label_replace(up{job="api-server",service="a:c",environment="production"}, "foo", "$1", "service", "(.*):.*"))"),
      R"(-label_replace(
  up{environment="production",job="api-server",service="a:c"},
  "foo",
  "$1",
  "service",
  "(.*):.*"
))");
}

TEST(PromqlFormat, StaysQuickAndShortForDeepQueries) {
  std::string chain = "a";
  for (int i = 0; i < 990; ++i) chain += "+a";
  std::string wide = std::string(900, '(') + "label_join(a,\"b\",\"c\"";
  for (int i = 0; i < 100'000; ++i) wide += ",\"x\"";
  wide += ")" + std::string(900, ')');

  EXPECT_TRUE(formatted(chain).ends_with("\n+\n  a"));
  EXPECT_EQ(formatted(wide).find('\n'), std::string::npos);
}

TEST(PromqlFormat, SplitsInsideASubquery) {
  EXPECT_EQ(
      formatted(
          R"(max_over_time(rate(demo_api_request_duration_seconds_count{environment="production",handler="/api/v1/query_range"}[1m])[1h:1m] @ start() offset 1m))"),
      R"(max_over_time(
  rate(
    demo_api_request_duration_seconds_count{environment="production",handler="/api/v1/query_range"}[1m]
  )[1h:1m] @ start() offset 1m
))");
}

}  // namespace
}  // namespace silverback::query::promql
