#include "query/engine.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <thread>
#include <utility>
#include <vector>

#include "base/metrics.h"
#include "query/evaluator.h"
#include "query/gate.h"
#include "query/naming.h"
#include "query/promql/parser.h"

namespace silverback::query {
namespace {

using SteadyClock = std::chrono::steady_clock;

class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(SteadyClock::now() - start_).count(); }

 private:
  const SteadyClock::time_point start_ = SteadyClock::now();
};

// The names that dashboards for Prometheus ask for.
struct EngineMetrics {
  Counter& samples = metrics().counter("prometheus_engine_query_samples_total",
                                       "The total number of samples loaded by all queries.");
  struct Slice {
    explicit Slice(const char* name)
        : histogram(metrics().histogram("prometheus_engine_query_duration_histogram_seconds", kHelp,
                                        duration_buckets(), {{"slice", name}})),
          summary(metrics().summary("prometheus_engine_query_duration_seconds", kHelp, {{"slice", name}})) {}
    void observe(double seconds) {
      histogram.observe(seconds);
      summary.observe(seconds);
    }
    static constexpr const char* kHelp = "The duration of various parts of PromQL query execution.";
    Histogram& histogram;
    Summary& summary;
  };
  Slice queue{"queue_time"};
  Slice prepare{"prepare_time"};
  Slice eval{"inner_eval"};
  Slice sort{"result_sort"};
};

promql::ParserOptions parser_options(const EngineOptions& options) {
  promql::ParserOptions parser;
  parser.experimental_functions = options.experimental_functions;
  parser.duration_expressions = options.duration_expressions;
  parser.extended_range_selectors = options.extended_range_selectors;
  parser.fill_modifiers = options.fill_modifiers;
  return parser;
}

// Keys compare byte by byte as labels compare pair by pair: names and values each end with a zero byte.
void sort_by_labels(Matrix& matrix) {
  std::string bytes;
  std::vector<std::size_t> ends;
  for (std::size_t row = 0; row < matrix.rows(); ++row) {
    for (const LabelView& pair : matrix.labels(row)) {
      bytes.append(pair.name).append(1, '\0').append(pair.value).append(1, '\0');
    }
    ends.push_back(bytes.size());
  }
  std::vector<std::string_view> keys;
  for (std::size_t row = 0; row < ends.size(); ++row) {
    const std::size_t begin = row == 0 ? 0 : ends[row - 1];
    keys.push_back(std::string_view(bytes).substr(begin, ends[row] - begin));
  }
  std::vector<std::size_t> order(matrix.rows());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto key = [&](std::size_t row) { return keys[row]; };
  if (std::ranges::is_sorted(order, {}, key)) return;
  std::ranges::sort(order, {}, key);
  matrix.reorder(order);
}

Status check_request(const QueryRequest& request) {
  if (request.instant) return {};
  if (request.step_ms <= 0) {
    return Status(Code::InvalidArgument,
                  "zero or negative query resolution step widths are not accepted. Try a positive integer");
  }
  if (request.end_ms < request.start_ms) {
    return Status(Code::InvalidArgument, "end timestamp must not be before start time");
  }
  return {};
}

EngineOptions chosen(EngineOptions options) {
  const std::size_t processors = std::max(1U, std::thread::hardware_concurrency());
  if (options.max_concurrent == 0) options.max_concurrent = std::max<std::size_t>(4, 2 * processors);
  if (options.max_large == 0) options.max_large = processors;
  return options;
}

std::uint64_t bytes_of(const RawSeries& series) {
  return sizeof series + 100 + series.times_ms.capacity() * 8 + series.values.capacity() * 8;
}

}  // namespace

struct Engine::Impl {
  Impl(Queryable& source, const EngineOptions& engine_options)
      : queryable(source),
        options(chosen(engine_options)),
        pool(options.max_total_bytes),
        gate("queries", options.max_concurrent, options.max_waiting, options.queue_timeout),
        large("large queries", options.max_large, options.max_large_waiting, options.queue_timeout) {
    if (options.gauges) register_gauges();
  }

  void register_gauges() {
    const auto add = [this](std::string_view name, std::string_view help, std::function<double()> read) {
      gauges.push_back(metrics().callback(MetricType::Gauge, name, help, {}, std::move(read)));
    };
    add("silverback_query_memory_bytes", "Memory held by queries and by answers that are being sent.",
        [this] { return static_cast<double>(pool.used()); });
    add("silverback_query_memory_max_bytes", "Memory that all queries together may hold.",
        [this] { return static_cast<double>(pool.max_bytes()); });
    add("prometheus_engine_queries", "The current number of queries being executed or waiting.",
        [this] { return static_cast<double>(gate.inside_and_waiting() + large.inside_and_waiting()); });
    add("prometheus_engine_queries_concurrent_max", "The max number of concurrent queries.",
        [this] { return static_cast<double>(options.max_concurrent); });
  }

  Result<QueryResult> run(const QueryRequest& request);
  Result<QueryResult> evaluate(const QueryRequest& request, const promql::Expr& expr, const Plan& plan,
                               Budget& budget, Annotations& annotations, QueryStats& stats);

  Queryable& queryable;
  const EngineOptions options;
  MemoryPool pool;
  Gate gate;
  Gate large;  // queries that gave up their place at the first gate
  EngineMetrics own;
  std::vector<Metrics::Handle> gauges;  // last: they look at the pool and the gates
};

Result<QueryResult> Engine::Impl::run(const QueryRequest& request) {
  const Stopwatch total;
  if (Status checked = check_request(request); !checked.ok()) return checked;
  const auto deadline =
      request.deadline == SteadyClock::time_point{} ? SteadyClock::now() + options.timeout : request.deadline;

  auto expr = promql::parse_expr(request.text, parser_options(options));
  if (!expr) return expr.status();
  const promql::ExprType type = (*expr)->type;
  if (!request.instant && type != promql::ExprType::Scalar && type != promql::ExprType::InstantVector) {
    return Status(Code::InvalidArgument, "invalid expression type \"" + std::string(promql::to_string(type)) +
                                             "\" for range query, must be Scalar or instant Vector");
  }

  const Stopwatch waiting;
  auto place = gate.enter(deadline, request.cancel);
  const double waited = waiting.seconds();
  own.queue.observe(waited);
  if (!place) return place.status();
  std::optional<Gate::Place> here(std::move(*place));
  const auto on_large = [&]() -> Status {
    here.reset();
    auto among_large = large.enter(deadline, request.cancel);
    if (!among_large) return among_large.status();
    here.emplace(std::move(*among_large));
    return {};
  };

  const Stopwatch evaluating;
  const auto cut = [](std::int64_t ms) { return std::clamp(ms, kMinTimeMs, kMaxTimeMs); };
  const std::int64_t end_ms = request.instant ? request.start_ms : request.end_ms;
  const auto plan =
      Plan::make(**expr, {cut(request.start_ms), cut(end_ms), request.instant ? 0 : request.step_ms,
                          request.lookback_ms.value_or(options.lookback_ms), options.subquery_step_ms});
  if (!plan) return plan.status();
  Budget budget(request.limits.value_or(options.limits), deadline, request.cancel, &pool, on_large);
  if (Status status = budget.pace(); !status.ok()) return status;
  Annotations annotations;
  QueryStats stats;
  stats.exec_queue_s = waited;
  stats.query_preparation_s = evaluating.seconds();
  own.prepare.observe(stats.query_preparation_s);

  auto result = evaluate(request, **expr, *plan, budget, annotations, stats);
  if (!result) return result;
  stats.peak_samples = budget.peak_samples();
  stats.eval_total_s = evaluating.seconds();
  stats.exec_total_s = total.seconds();
  own.samples.add(stats.total_queryable_samples);
  constexpr std::size_t kAnnotationsAtMost = 10;
  annotations.render(request.text, kAnnotationsAtMost, result->warnings, result->infos);
  result->stats = std::move(stats);
  return result;
}

Result<QueryResult> Engine::Impl::evaluate(const QueryRequest& request, const promql::Expr& expr,
                                           const Plan& plan, Budget& budget, Annotations& annotations,
                                           QueryStats& stats) {
  const Stopwatch watch;
  const QueryTimes& times = plan.times();
  QueryResult result;
  StepGrid grid{times.start_ms, std::max<std::int64_t>(times.step_ms, 1), 1};
  if (!request.instant)
    grid.steps = static_cast<std::size_t>((times.end_ms - times.start_ms) / times.step_ms) + 1;

  if (const auto* text = promql::as<promql::StringLiteral>(promql::strip_parens(expr))) {
    result.type = ResultType::String;
    result.text = text->value;
    return result;
  }
  Selections selections(queryable, request.tenant, plan, budget);
  Evaluator::Shared shared{plan, selections, budget, annotations, options.delayed_name_removal, {}};
  if (request.per_step_stats) {
    if (Status held = budget.take(grid.steps, 0); !held.ok()) return held;
    shared.samples.per_step.resize(grid.steps);
  }
  Evaluator evaluator(shared);
  double sort_seconds = 0;
  if (expr.type == promql::ExprType::RangeVector) {
    Held held(budget);
    auto raw = evaluator.evaluate_range(expr, times.start_ms, held);
    if (!raw) return raw.status();
    const Stopwatch sorting;
    std::ranges::sort(*raw, {}, &RawSeries::labels);
    sort_seconds = sorting.seconds();
    const auto repeated = std::ranges::adjacent_find(*raw, {}, &RawSeries::labels);
    if (repeated != raw->end()) return same_labelset();
    result.type = ResultType::Matrix;
    result.is_raw = true;
    result.raw = std::move(*raw);
    std::uint64_t bytes = 0;
    for (const RawSeries& series : result.raw) bytes += bytes_of(series);
    result.memory = budget.keep(bytes);
  } else {
    auto matrix = evaluator.evaluate(expr, grid);
    if (!matrix) return matrix.status();
    matrix = remove_marked_names(std::move(*matrix));
    if (!matrix) return matrix.status();
    const Stopwatch sorting;
    if (!request.instant) sort_by_labels(*matrix);
    sort_seconds = sorting.seconds();
    result.memory = budget.keep(matrix->held_bytes());
    matrix->release();
    const bool scalar = expr.type == promql::ExprType::Scalar;
    result.type = !request.instant ? ResultType::Matrix : scalar ? ResultType::Scalar : ResultType::Vector;
    result.matrix = std::move(*matrix);
  }
  stats.inner_eval_s = watch.seconds() - sort_seconds;
  stats.result_sort_s = sort_seconds;
  stats.total_queryable_samples = shared.samples.total;
  stats.total_queryable_samples_per_step = std::move(shared.samples.per_step);
  own.eval.observe(stats.inner_eval_s);
  own.sort.observe(sort_seconds);
  return result;
}

Engine::Engine(Queryable& queryable, const EngineOptions& options)
    : impl_(std::make_unique<Impl>(queryable, options)) {}
Engine::~Engine() = default;

Result<QueryResult> Engine::run(const QueryRequest& request) { return impl_->run(request); }
const EngineOptions& Engine::options() const { return impl_->options; }

std::size_t Engine::threads(const EngineOptions& options) {
  const EngineOptions all = chosen(options);
  return all.max_concurrent + all.max_large + all.max_large_waiting;
}

Result<std::vector<Matcher>> parse_selector(std::string_view text) { return promql::parse_selector(text); }

Result<std::vector<std::vector<Matcher>>> parse_selectors(std::span<const std::string> texts) {
  std::vector<std::vector<Matcher>> selectors;
  for (const std::string& text : texts) {
    auto matchers = promql::parse_selector(text);
    if (!matchers) return matchers.status().in("match[] \"" + text + "\"");
    selectors.push_back(std::move(*matchers));
  }
  return selectors;
}

}  // namespace silverback::query
