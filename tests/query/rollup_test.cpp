// Properties: what the columns give is what the definitions give, window by window.
#include "query/rollup.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>
#include <random>

#include "query/engine.h"
#include "tests/query/memory_store.h"

namespace silverback::query {
namespace {

struct Samples {
  std::vector<std::int64_t> times;
  std::vector<double> values;
};

/// Irregular times with gaps; counters with resets, gauges around zero, constants, now and then NaN.
Samples random_samples(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Samples s;
  std::int64_t time = static_cast<std::int64_t>(random() % 60'000);
  const auto kind = seed % 4;
  double counter = static_cast<double>(random() % 1000);
  for (std::size_t n = random() % 200; n > 0; --n) {
    time += random() % 20 == 0 ? 400'000 : 15'000 + static_cast<std::int64_t>(random() % 3) - 1;
    const double noise = static_cast<double>(random() % 1000) / 10;
    if (random() % 40 == 0) counter = 0;
    counter += noise;
    s.times.push_back(time);
    s.values.push_back(kind == 0            ? counter
                       : kind == 1          ? noise - 50
                       : kind == 2          ? 7
                       : random() % 10 == 0 ? std::nan("")
                                            : noise);
  }
  return s;
}

using Window = Samples;
using Definition = std::function<std::optional<double>(const Window&, std::int64_t left, std::int64_t right)>;

double extrapolated(const Window& w, std::int64_t left, std::int64_t right, bool counter, bool per_second) {
  const std::size_t n = w.values.size();
  double result = w.values[n - 1] - w.values[0];
  for (std::size_t i = 1; counter && i < n; ++i) {
    if (w.values[i] < w.values[i - 1]) result += w.values[i - 1];
  }
  double to_start = static_cast<double>(w.times[0] - left) / 1000;
  double to_end = static_cast<double>(right - w.times[n - 1]) / 1000;
  const double sampled = static_cast<double>(w.times[n - 1] - w.times[0]) / 1000;
  const double mean = sampled / static_cast<double>(n - 1);
  if (to_start >= mean * 1.1) to_start = mean / 2;
  if (counter && result > 0 && w.values[0] >= 0)
    to_start = std::min(to_start, sampled * (w.values[0] / result));
  if (to_end >= mean * 1.1) to_end = mean / 2;
  double factor = (sampled + to_start + to_end) / sampled;
  if (per_second) factor /= static_cast<double>(right - left) / 1000;
  return result * factor;
}

template <typename F>
Definition of_two(F f) {
  return [f](const Window& w, std::int64_t left, std::int64_t right) -> std::optional<double> {
    if (w.values.size() < 2) return std::nullopt;
    return f(w, left, right);
  };
}
template <typename F>
Definition of_any(F f) {
  return [f](const Window& w, std::int64_t, std::int64_t) -> std::optional<double> {
    if (w.values.empty()) return std::nullopt;
    return f(w.values);
  };
}

double plain_sum(const std::vector<double>& v) {
  long double sum = 0;
  for (const double x : v) sum += x;
  return static_cast<double>(sum);
}
double plain_variance(const std::vector<double>& v) {
  const long double mean = static_cast<long double>(plain_sum(v)) / static_cast<long double>(v.size());
  long double squares = 0;
  for (const double x : v) squares += (x - mean) * (x - mean);
  return static_cast<double>(squares / static_cast<long double>(v.size()));
}
double best(const std::vector<double>& v, bool largest) {
  double result = v[0];
  for (const double x : v) {
    if ((largest ? x > result : x < result) || std::isnan(result)) result = x;
  }
  return result;
}

const std::map<std::string, Definition>& definitions() {
  static const std::map<std::string, Definition> all = {
      {"rate", of_two([](const Window& w, auto l, auto r) { return extrapolated(w, l, r, true, true); })},
      {"increase",
       of_two([](const Window& w, auto l, auto r) { return extrapolated(w, l, r, true, false); })},
      {"delta", of_two([](const Window& w, auto l, auto r) { return extrapolated(w, l, r, false, false); })},
      {"idelta",
       of_two([](const Window& w, auto, auto) { return w.values.back() - w.values[w.values.size() - 2]; })},
      {"sum_over_time", of_any(plain_sum)},
      {"avg_over_time", of_any([](const auto& v) { return plain_sum(v) / static_cast<double>(v.size()); })},
      {"count_over_time", of_any([](const auto& v) { return static_cast<double>(v.size()); })},
      {"max_over_time", of_any([](const auto& v) { return best(v, true); })},
      {"min_over_time", of_any([](const auto& v) { return best(v, false); })},
      {"first_over_time", of_any([](const auto& v) { return v.front(); })},
      {"last_over_time", of_any([](const auto& v) { return v.back(); })},
      {"stdvar_over_time", of_any(plain_variance)},
      {"changes", of_any([](const auto& v) {
         double n = 0;
         for (std::size_t i = 1; i < v.size(); ++i)
           n += v[i] != v[i - 1] && !(std::isnan(v[i]) && std::isnan(v[i - 1])) ? 1 : 0;
         return n;
       })},
      {"resets", of_any([](const auto& v) {
         double n = 0;
         for (std::size_t i = 1; i < v.size(); ++i) n += v[i] < v[i - 1] ? 1 : 0;
         return n;
       })},
  };
  return all;
}

bool close(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  return std::abs(a - b) <= 1e-9 * std::max({1.0, std::abs(a), std::abs(b)});
}

TEST(Rollups, GiveWhatTheirDefinitionsGiveInEveryWindow) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);  // a failure prints the seed that found it
    const Samples all = random_samples(seed);
    const StepGrid grid{0, 1 + static_cast<std::int64_t>(seed * 7919 % 90'000), 70};
    // Now and then windows meet: the range is so many steps.
    const std::int64_t range_ms = 20'000 + static_cast<std::int64_t>(seed * 104'729 % 1'200'000);
    const Modifiers modifiers{.range_ms = seed % 4 == 1 ? range_ms / 20'000 * grid.step_ms : range_ms,
                              .offset_ms = seed % 3 == 0 ? 30'000 : 0,
                              .at_ms = {}};
    for (const auto& [name, definition] : definitions()) {
      SCOPED_TRACE(name);
      RollupContext context(grid, modifiers);
      std::vector<double> values(grid.steps);
      std::vector<std::uint64_t> present(2);

      const RollupInput input{all.times, all.values, context.cache.windows(all.times)};
      ASSERT_TRUE(find_rollup(name)->kernel(context, input, values, present).ok());

      for (std::size_t step = 0; step < grid.steps; ++step) {
        const std::int64_t right = grid.time(step) - modifiers.offset_ms;
        Window window;
        for (std::size_t i = 0; i < all.times.size(); ++i) {
          if (all.times[i] <= right - modifiers.range_ms || all.times[i] > right) continue;
          window.times.push_back(all.times[i]);
          window.values.push_back(all.values[i]);
        }
        const auto wanted = definition(window, right - modifiers.range_ms, right);
        ASSERT_EQ(present[step / 64] >> (step % 64) & 1, wanted ? 1u : 0u) << step;
        if (!wanted) continue;
        ASSERT_TRUE(close(values[step], *wanted)) << step << ": " << values[step] << " for " << *wanted;
      }
    }
  }
}

TEST(Rollups, SumWideWindowsAsExactlyAsNarrowOnes) {
  MemoryStore store;
  auto& series = store.series({{"__name__", "x"}});
  for (int i = 0; i < 999; ++i) {  // each third cancels the one before
    series.times_ms.push_back(i * 1000);
    series.values.push_back(i % 3 == 0 ? 1e100 : i % 3 == 1 ? 1 : -1e100);
  }
  Engine engine(store, {});

  const auto result = engine.run({.text = "sum_over_time(x[1h])", .start_ms = 1'000'000});

  ASSERT_TRUE(result);
  EXPECT_EQ(result->matrix.at(0, 0), 333);
}

class Queries : public testing::Test {
 protected:
  Queries() {
    for (std::uint64_t seed = 0; seed < 24; ++seed) {
      const Samples samples = random_samples(seed * 4);  // counters
      auto& series = store_.add_series({{"__name__", seed % 2 == 0 ? "a_total" : "b_total"},
                                        {"host", std::to_string(seed / 4)},
                                        {"mode", std::to_string(seed / 2 % 2)}});
      series.times_ms = samples.times;
      series.values = samples.values;
    }
  }
  Result<QueryResult> range(const std::string& text) {
    return engine_.run(
        {.text = text, .instant = false, .start_ms = 0, .end_ms = 1'800'000, .step_ms = 25'000});
  }
  static std::map<std::string, double> at_step(const Matrix& matrix, std::size_t step) {
    std::map<std::string, double> values;
    for (std::size_t row = 0; row < matrix.rows(); ++row) {
      if (matrix.has(row, step)) values[matrix.labels(row).to_string()] = matrix.at(row, step);
    }
    return values;
  }
  static void expect_same(const std::map<std::string, double>& a, const std::map<std::string, double>& b) {
    ASSERT_EQ(a.size(), b.size());
    for (const auto& [labels, value] : a) {
      ASSERT_TRUE(b.contains(labels)) << labels;
      EXPECT_TRUE(close(value, b.at(labels))) << labels << ": " << value << " and " << b.at(labels);
    }
  }

  MemoryStore store_;
  Engine engine_{store_, {}};
};

TEST_F(Queries, GiveAtEachStepOfARangeWhatAnInstantQueryGivesThere) {
  for (const std::string text : {"a_total",
                                 "rate(a_total[5m])",
                                 "sum by (host) (rate(a_total[5m]))",
                                 "topk(2, a_total)",
                                 "quantile(0.4, a_total)",
                                 "a_total > on (host, mode) b_total",
                                 "a_total and on (host) (b_total > 500)",
                                 "a_total or b_total",
                                 "a_total unless on (mode) (b_total > 1000)",
                                 "count_values(\"n\", changes(a_total[5m]))",
                                 "a_total / on (host) group_left () sum by (host) (b_total)",
                                 "max_over_time(rate(a_total[1m])[5m:30s])",
                                 "absent(a_total > 3000)",
                                 "-a_total ^ 2",
                                 "predict_linear(a_total[10m], 60)",
                                 "a_total @ 600 - b_total @ end()",
                                 "avg_over_time(a_total[7m] offset 2m)",
                                 "stddev without (mode) (a_total)",
                                 "timestamp(a_total)",
                                 "bottomk by (host) (1, a_total)",
                                 "limitk(3, a_total)",
                                 "limit_ratio(0.5, a_total)"}) {
    SCOPED_TRACE(text);
    const auto whole = range(text);
    ASSERT_TRUE(whole) << whole.status().message();
    for (std::size_t step = 0; step < whole->matrix.steps(); ++step) {
      SCOPED_TRACE(step);
      if (text.find("end()") != std::string::npos) break;  // it is another time for each instant query
      const auto one = engine_.run({.text = text, .start_ms = static_cast<std::int64_t>(step) * 25'000});
      ASSERT_TRUE(one) << one.status().message();
      expect_same(at_step(whole->matrix, step), at_step(one->matrix, 0));
    }
  }
}

TEST_F(Queries, FoldRowsOneByOneAsTheyDoAMatrix) {
  for (const std::string op : {"sum", "avg", "min", "max", "count", "group", "stddev", "stdvar"}) {
    for (const std::string inner : {"a_total", "rate(a_total[5m])", "max_over_time(a_total[3m]) > 200"}) {
      SCOPED_TRACE(op + " of " + inner);
      // `or` needs whole matrices, so what is above it cannot take rows straight from the series.
      const auto fused = range(op + " by (host) (" + inner + ")");
      const auto whole = range(op + " by (host) ((" + inner + ") or nothing)");

      ASSERT_TRUE(fused);
      ASSERT_TRUE(whole);
      for (std::size_t step = 0; step < fused->matrix.steps(); ++step) {
        expect_same(at_step(fused->matrix, step), at_step(whole->matrix, step));
      }
    }
  }
}

}  // namespace
}  // namespace silverback::query
