#include "base/summary.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "base/metrics.h"

namespace silverback {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

const Summary::Time kBegin{std::chrono::hours(1)};

double of_rank(const std::vector<double>& sorted, double quantile) {
  return sorted[static_cast<std::size_t>(std::ceil(quantile * static_cast<double>(sorted.size()))) - 1];
}

TEST(SummaryTest, QuantilesAreWithinTheErrorItStates) {
  Summary summary({0.01, 0.05, 0.5, 0.9, 0.99});
  std::mt19937_64 random(7);
  std::lognormal_distribution<double> seconds_taken(-7, 3);  // from nanoseconds to minutes
  std::vector<double> all;
  for (int i = 0; i < 20'000; ++i) {
    all.push_back(std::clamp(seconds_taken(random), 1e-9, 1000.0));
    summary.observe(all.back(), kBegin);
  }
  std::sort(all.begin(), all.end());

  const auto snapshot = summary.snapshot(kBegin);

  for (std::size_t i = 0; i < summary.quantiles().size(); ++i) {
    const double exact = of_rank(all, summary.quantiles()[i]);
    EXPECT_NEAR(snapshot.values[i], exact, exact / 32) << summary.quantiles()[i];
  }
  EXPECT_EQ(snapshot.count, all.size());
}

TEST(SummaryTest, ForgetsWhatIsOlderThanItsWindowButNotTheCount) {
  Summary summary;
  for (int i = 0; i < 100; ++i) summary.observe(10, kBegin);
  for (int i = 0; i < 50; ++i) summary.observe(0.001, kBegin + minutes(6));

  EXPECT_NEAR(summary.snapshot(kBegin + minutes(9)).values[0], 10, 0.4);
  EXPECT_NEAR(summary.snapshot(kBegin + minutes(10)).values[2], 0.001, 0.00004);
  const auto later = summary.snapshot(kBegin + minutes(60));
  EXPECT_TRUE(std::isnan(later.values[0]));
  EXPECT_EQ(later.count, 150u);
  EXPECT_NEAR(later.sum, 1000.05, 1e-9);
}

TEST(SummaryTest, TakesEveryValueThereIs) {
  Summary summary;
  EXPECT_TRUE(std::isnan(summary.snapshot(kBegin).values[0]));

  for (const double v : {0.0, -1.0, 1e-300, 5e-324, 1e300, std::numeric_limits<double>::infinity(),
                         std::numeric_limits<double>::quiet_NaN()}) {
    summary.observe(v, kBegin);
  }

  const auto snapshot = summary.snapshot(kBegin);
  EXPECT_EQ(snapshot.count, 6u);
  EXPECT_GT(snapshot.values[0], 0);
  EXPECT_LE(snapshot.values[2], 1024);
}

TEST(SummaryTest, StandsInTheExpositionAsPrometheusWritesIt) {
  Metrics metrics;
  Summary& summary = metrics.summary("query_seconds", "Time taken.", {{"slice", "inner_eval"}});
  for (int i = 0; i < 10; ++i) summary.observe(1);

  EXPECT_EQ(expose(metrics.collect(), false),
            "# HELP query_seconds Time taken.\n"
            "# TYPE query_seconds summary\n"
            "query_seconds{slice=\"inner_eval\",quantile=\"0.5\"} 1.03125\n"
            "query_seconds{slice=\"inner_eval\",quantile=\"0.9\"} 1.03125\n"
            "query_seconds{slice=\"inner_eval\",quantile=\"0.99\"} 1.03125\n"
            "query_seconds_sum{slice=\"inner_eval\"} 10\n"
            "query_seconds_count{slice=\"inner_eval\"} 10\n");
}

}  // namespace
}  // namespace silverback
