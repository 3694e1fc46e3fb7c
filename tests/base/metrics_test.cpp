#include "base/metrics.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace silverback {
namespace {

bool has(const Metrics& metrics, const std::string& line) {
  return expose(metrics.collect(), false).find(line) != std::string::npos;
}

TEST(Metrics, WhatALeaseNamesGoesWithTheLastOne) {
  Metrics metrics;
  auto one = std::make_unique<Metrics::Lease>(metrics, MetricLabels{{"group", "a"}});
  auto two = std::make_unique<Metrics::Lease>(metrics, MetricLabels{{"group", "a"}});
  metrics.counter("evaluations_total", "", one->labels()).add(3);
  metrics.counter("evaluations_total", "", {{"group", "b"}}).add(4);
  metrics.summary("only_here", "", one->labels());

  one.reset();
  EXPECT_TRUE(has(metrics, "evaluations_total{group=\"a\"} 3"));
  two.reset();

  EXPECT_FALSE(has(metrics, "group=\"a\""));
  EXPECT_FALSE(has(metrics, "only_here"));
  EXPECT_TRUE(has(metrics, "evaluations_total{group=\"b\"} 4"));
}

}  // namespace
}  // namespace silverback
