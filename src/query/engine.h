// Engine: PromQL, text to result. The door of this room.
//
//   Engine engine(queryable, {});
//   QueryRequest request{.text = "sum by (job) (rate(http_requests_total[5m]))"};
//   request.instant = false;
//   request.start_ms = ...; request.end_ms = ...; request.step_ms = 15'000;
//   const auto result = engine.run(request);
//   if (!result) return http_error(result.status());
//   for (std::size_t row = 0; row < result->matrix.rows(); ++row) ...
//
// Semantics are those of Prometheus 3 on floats: ranges and look-back open on the left, `@`, offset,
// subqueries, stale markers, extrapolation. How it works: docs/query.md.
//
// Errors, as codes:
//   InvalidArgument    the text does not parse or does not type-check ("bad_data", 400)
//   Unprocessable      it parses, but cannot be evaluated on this data: many-to-many matching, a repeated
//                      label set, a bad label name ("execution", 422)
//   ResourceExhausted  over a limit of the query, or more than all together may hold ("execution", 422)
//   DeadlineExceeded   the deadline passed, in the queue or later ("timeout", 503)
//   Cancelled          the caller asked it to stop ("canceled", 499 or nothing)
//   Unavailable        too many queries are waiting already, or hold the memory it needs ("unavailable", 503)
//   DataLoss, Internal storage's or our own trouble ("internal", 500)
//
// A query that holds much memory or computes long is a large one: it gives up its place among the others and
// waits for one of few of its own, so that small queries always find a place and large ones do not add up.
//
// Threads: any, many at once. A query is evaluated on the thread that calls run().
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "model/matcher.h"
#include "model/querier.h"
#include "query/limits.h"
#include "query/matrix.h"

namespace silverback::query {

struct EngineOptions {
  std::int64_t lookback_ms = 5 * 60'000;
  std::int64_t subquery_step_ms = 60'000;          // of `[5m:]`: the global evaluation interval
  std::chrono::milliseconds timeout{2 * 60'000};   // when the request brings no deadline
  Limits limits = {};                              // when the request brings none
  std::size_t max_concurrent = 0;                  // 0 chooses: two per processor, at least four
  std::size_t max_waiting = 1000;                  // more than that are refused with Unavailable
  std::size_t max_large = 0;                       // large queries at a time; 0 chooses: one per processor
  std::size_t max_large_waiting = 16;              // they hold a thread and little memory
  std::chrono::milliseconds queue_timeout{5'000};  // waiting longer than this is refused with Unavailable
  std::uint64_t max_total_bytes = 512ULL << 20;    // of all queries and unsent answers together
  bool delayed_name_removal = true;                // feature flag promql-delayed-name-removal
  bool experimental_functions = true;              // feature flag promql-experimental-functions
  bool duration_expressions = true;                // promql-duration-expr
  bool extended_range_selectors = true;            // promql-extended-range-selectors
  bool fill_modifiers = true;                      // promql-binop-fill-modifiers
  bool gauges = true;  // memory and queries under way in /metrics: of one engine only
};

struct QueryRequest {
  std::string text = {};
  bool instant = true;
  std::int64_t start_ms = 0;  // instant: the evaluation time
  std::int64_t end_ms = 0;    // range only; inclusive, >= start_ms
  std::int64_t step_ms = 0;   // range only; > 0
  Tenant tenant = kDefaultTenant;
  std::optional<std::int64_t> lookback_ms = {};
  std::chrono::steady_clock::time_point deadline = {};  // zero: now + EngineOptions::timeout
  std::stop_token cancel = {};
  std::optional<Limits> limits = {};
  bool per_step_stats = false;
};

enum class ResultType : std::uint8_t { Scalar, String, Vector, Matrix };

/// Counts and times for `stats=all`; the names are those of Prometheus' answer.
struct QueryStats {
  std::uint64_t total_queryable_samples = 0;
  std::uint64_t peak_samples = 0;
  std::vector<std::uint64_t>
      total_queryable_samples_per_step;  // only with per_step_stats; on the result's grid
  double exec_queue_s = 0;               // waiting for a free place
  double query_preparation_s = 0;        // parsing and planning
  double inner_eval_s = 0;               // reading and evaluating
  double result_sort_s = 0;
  double eval_total_s = 0;  // preparation, evaluation, sorting
  double exec_total_s = 0;  // and the queue
};

/// Scalar, vector and the matrix of a range query are in `matrix`; an instant query has one step.
///   Scalar:  one row without labels (instant queries only: over a range a scalar is a Matrix)
///   String:  `text`
///   Vector:  one step; rows in the order of the answer (sorted where the query says so)
///   Matrix:  range query: rows sorted by labels; an instant query of a range (`up[5m]`): `raw`, sorted
/// No row is empty, no label set occurs twice.
struct QueryResult {
  ResultType type = ResultType::Vector;
  Matrix matrix;
  std::vector<RawSeries> raw;
  bool is_raw = false;
  std::string text;
  std::vector<std::string> warnings;  // with upstream's words and positions, e.g. "... (1:8)"
  std::vector<std::string> infos;
  QueryStats stats;
  PoolShare memory;  // what rows or raw take of the engine's memory
};

/// A series selector such as match[] takes: `up{job="x"}`. @returns InvalidArgument with the place
Result<std::vector<Matcher>> parse_selector(std::string_view text);
/// Several; the message says which one did not parse.
Result<std::vector<std::vector<Matcher>>> parse_selectors(std::span<const std::string> texts);

class Engine {
 public:
  /// @param queryable  outlives the engine, which outlives its results
  Engine(Queryable& queryable, const EngineOptions& options);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  Result<QueryResult> run(const QueryRequest& request);

  /// As given, with what was left to choose.
  const EngineOptions& options() const;
  /// So many threads may be in run() with a query that is not waiting for its first turn.
  static std::size_t threads(const EngineOptions& options);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace silverback::query
