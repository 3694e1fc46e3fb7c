#include "api/result_json.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <limits>
#include <sstream>

#include "model/sample.h"

namespace silverback::api {
namespace {

using query::Matrix;
using query::QueryResult;
using query::ResultType;

std::string all_of(BodyStream& stream, std::size_t piece) {
  std::string out;
  while (stream.next(out, piece)) {
  }
  return out;
}

/// Compares with a golden file, or writes it when UPDATE_GOLDEN is set.
void expect_golden(const std::string& name, const std::string& text) {
  const std::string path = std::string(SILVERBACK_SOURCE_DIR) + "/tests/golden/api/" + name;
  if (std::getenv("UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path) << text;
    return;
  }
  std::stringstream wanted;
  wanted << std::ifstream(path).rdbuf();
  EXPECT_EQ(text, wanted.str()) << path << " differs; UPDATE_GOLDEN=1 rewrites it";
}

QueryResult range_result() {
  QueryResult result;
  result.type = ResultType::Matrix;
  result.matrix = Matrix({.start_ms = -1'500, .step_ms = 750, .steps = 5});
  const double values[] = {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
                           -std::numeric_limits<double>::infinity(), 1e-7, 1e22};
  std::size_t row = result.matrix.add_row({{"__name__", "http_requests_total"}, {"path", "/a\"b\\c\n<é>"}});
  for (std::size_t step = 0; step < 5; ++step) result.matrix.set(row, step, values[step]);
  row = result.matrix.add_row({{"__name__", "gone"}, {"job", "x"}}, /*drop_name=*/true);
  result.matrix.set(row, 1, -0.0);
  result.matrix.set(row, 4, 0.1);
  row = result.matrix.add_row({});
  result.matrix.set(row, 3, 123456789012345680.0);
  result.warnings = {"a warning"};
  result.infos = {"an info"};
  return result;
}

TEST(ResultJson, WritesARangeAsItStandsInTheGoldenFile) {
  expect_golden("range.json", all_of(*stream_result(range_result(), {}), 1 << 20));
}

TEST(ResultJson, WritesStatsAsTheyStandInTheGoldenFile) {
  QueryResult result = range_result();
  result.stats.total_queryable_samples = 12;
  result.stats.peak_samples = 7;
  result.stats.total_queryable_samples_per_step = {1, 2, 3, 4, 2};
  result.stats.eval_total_s = 0.25;

  expect_golden(
      "stats.json",
      all_of(*stream_result(std::move(result), {.stats = true, .per_step_stats = true, .limit = 1}), 1));
}

TEST(ResultJson, IsTheSameInPiecesOfAnySize) {
  const std::string whole = all_of(*stream_result(range_result(), {}), 1 << 20);
  for (const std::size_t piece : {1u, 50u, 100u, 1000u}) {
    SCOPED_TRACE(piece);
    EXPECT_EQ(all_of(*stream_result(range_result(), {}), piece), whole);
  }
}

}  // namespace
}  // namespace silverback::api
