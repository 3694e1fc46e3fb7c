// Functions of classic histograms: series that differ in the label `le` alone are the buckets of one.
//
// The rows of a histogram are found and put in order once; then each step takes the buckets it has.
// What to do with impossible buckets, and the words about them, follow Prometheus 3.
// Source: https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile
//
// Functions of native histograms alone (histogram_count ...) see no floats, so they have no result.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/number.h"
#include "query/function_table.h"
#include "query/promql/text.h"

namespace silverback::query {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::string_view kBucketLabel = "le";
// Counts this close, relative to their sum, differ by rounding only.
constexpr double kTolerance = 1e-12;

struct Bucket {
  double upper;
  double count;  // cumulative
};

struct Histogram {
  Labels labels;  // without le
  bool drop_name = false;
  struct Row {
    double upper;
    std::size_t row;
  };
  std::vector<Row> rows;  // by upper bound
};

Labels without_bucket(const Labels& labels) {
  LabelsBuilder builder(labels);
  builder.remove(kBucketLabel);
  return builder.build();
}

std::vector<Histogram> histograms_of(const Matrix& matrix, FunctionContext& context, promql::PosRange place) {
  std::vector<Histogram> out;
  std::unordered_map<Labels, std::size_t, LabelsHash> index;
  for (std::size_t row = 0; row < matrix.rows(); ++row) {
    const Labels& labels = matrix.labels(row);
    const auto upper = parse_float(labels.get(kBucketLabel));
    if (!upper) {
      if (!matrix.any(row)) continue;
      std::string message = "bucket label \"le\" is missing or has a malformed value of " +
                            promql::quote(labels.get(kBucketLabel));
      const std::string_view name = context.delayed_names ? labels.get(kMetricName) : std::string_view();
      if (!name.empty()) message += " for metric name " + promql::quote(name);
      context.annotations.warn(std::move(message), place);
      continue;
    }
    Labels rest = without_bucket(labels);
    const auto [at, added] = index.try_emplace(rest, out.size());
    if (added) out.push_back({std::move(rest), matrix.drop_name(row), {}});
    out[at->second].rows.push_back({*upper, row});
  }
  for (Histogram& histogram : out) {
    std::stable_sort(histogram.rows.begin(), histogram.rows.end(),
                     [](const auto& a, const auto& b) { return a.upper < b.upper; });
  }
  return out;
}

// The buckets present at a step; equal bounds (le="1" and le="1.0") are one bucket.
void buckets_at(const Matrix& matrix, const Histogram& histogram, std::size_t step,
                std::vector<Bucket>& out) {
  out.clear();
  for (const auto& [upper, row] : histogram.rows) {
    if (!matrix.has(row, step)) continue;
    if (!out.empty() && out.back().upper == upper) {
      out.back().count += matrix.at(row, step);
    } else {
      out.push_back({upper, matrix.at(row, step)});
    }
  }
}

bool nearly_equal(double a, double b) {
  const double sum = std::fabs(a) + std::fabs(b);
  const double difference = std::fabs(a - b);
  constexpr double kSmallest = std::numeric_limits<double>::min();
  if (a == 0 || b == 0 || sum < kSmallest) return difference < kTolerance * kSmallest;
  return difference / std::min(sum, std::numeric_limits<double>::max()) < kTolerance;
}

// What had to be done to make counts grow with the bounds.
struct Forced {
  bool any = false;
  double min_bucket = kInfinity;
  double max_bucket = -kInfinity;
  double max_difference = 0;
};

Forced make_monotonic(std::vector<Bucket>& buckets) {
  Forced forced;
  double previous = buckets.front().count;
  for (std::size_t i = 1; i < buckets.size(); ++i) {
    Bucket& bucket = buckets[i];
    if (bucket.count == previous) continue;
    if (nearly_equal(previous, bucket.count)) {
      bucket.count = previous;
    } else if (bucket.count < previous) {
      forced.any = true;
      forced.min_bucket = std::min(forced.min_bucket, bucket.upper);
      forced.max_bucket = std::max(forced.max_bucket, bucket.upper);
      forced.max_difference = std::max(forced.max_difference, previous - bucket.count);
      bucket.count = previous;
    } else {
      previous = bucket.count;
    }
  }
  return forced;
}

// Linear within the bucket of rank q * count. In the first bucket from 0 when its bound is positive; in
// the last, whose bound is +Inf, the bound before it.
double bucket_quantile(double q, std::vector<Bucket>& buckets, Forced& forced) {
  if (std::isnan(q)) return q;
  if (q < 0) return -kInfinity;
  if (q > 1) return kInfinity;
  if (buckets.back().upper != kInfinity) return std::nan("");
  forced = make_monotonic(buckets);
  const double observations = buckets.back().count;
  if (buckets.size() < 2 || observations == 0) return std::nan("");

  double rank = q * observations;
  const std::size_t last = buckets.size() - 1;
  std::size_t b = 0;
  {  // as Go's sort.Search: a NaN count is never reached
    std::size_t end = last;
    while (b < end) {
      const std::size_t middle = b + (end - b) / 2;
      if (buckets[middle].count >= rank) {
        end = middle;
      } else {
        b = middle + 1;
      }
    }
  }
  if (b == last) return buckets[last - 1].upper;
  if (b == 0 && buckets[0].upper <= 0) return buckets[0].upper;
  double lower = 0;
  double count = buckets[b].count;
  if (b > 0) {
    lower = buckets[b - 1].upper;
    count -= buckets[b - 1].count;
    rank -= buckets[b - 1].count;
  }
  return lower + (buckets[b].upper - lower) * (rank / count);
}

// Observations at or below `bound`, as far as the buckets tell.
double observations_below(double bound, const std::vector<Bucket>& buckets) {
  const double total = buckets.back().count;
  double rank = 0;
  double lower = buckets.front().upper <= 0 ? -kInfinity : 0;
  for (const Bucket& bucket : buckets) {
    if (lower >= bound) return std::min(rank, total);
    if (bucket.upper > bound) {
      // A bucket without a lower end cannot be cut: all of it is below.
      const double part = lower == -kInfinity
                              ? bucket.count
                              : rank + (bucket.count - rank) * (bound - lower) / (bucket.upper - lower);
      return part > total ? total : part;
    }
    rank = bucket.count;
    lower = bucket.upper;
  }
  return total;
}

double bucket_fraction(double lower, double upper, const std::vector<Bucket>& buckets) {
  if (buckets.back().upper != kInfinity) return std::nan("");
  const double count = buckets.back().count;
  if (count == 0 || std::isnan(lower) || std::isnan(upper)) return std::nan("");
  if (lower >= upper) return 0;
  return (observations_below(upper, buckets) - observations_below(lower, buckets)) / count;
}

void check_quantile(double q, FunctionContext& context, promql::PosRange place) {
  if (q >= 0 && q <= 1) return;
  context.annotations.warn("quantile value should be between 0 and 1, got " + format_g(q), place);
}

class Quantiles {
 public:
  Quantiles(FunctionContext& context, const Matrix& buckets, promql::PosRange place)
      : context_(context),
        input_(buckets),
        place_(place),
        histograms_(histograms_of(buckets, context, place)) {}

  const std::vector<Histogram>& histograms() const { return histograms_; }

  /// Nothing when the histogram has no bucket at the step.
  std::optional<double> at(const Histogram& histogram, std::size_t step, double q) {
    buckets_at(input_, histogram, step, buckets_);
    if (buckets_.empty()) return std::nullopt;
    Forced forced;
    const double value = bucket_quantile(q, buckets_, forced);
    if (forced.any) {
      context_.annotations.forced_monotonicity(
          context_.delayed_names ? histogram.labels.get(kMetricName) : std::string_view(), place_,
          context_.grid.time(step), forced.min_bucket, forced.max_bucket, forced.max_difference);
    }
    return value;
  }

 private:
  FunctionContext& context_;
  const Matrix& input_;
  const promql::PosRange place_;
  const std::vector<Histogram> histograms_;
  std::vector<Bucket> buckets_;  // of one step; kept for its memory
};

Result<Matrix> histogram_quantile(FunctionContext& context, Arguments& args) {
  const auto q = args.scalar(0);
  for (const double value : q) check_quantile(value, context, args.place(0));
  Quantiles quantiles(context, args.vector(1), args.place(1));
  Matrix out(context.grid);
  out.reserve(quantiles.histograms().size());
  for (const Histogram& histogram : quantiles.histograms()) {
    const std::size_t row = out.add_row(histogram.labels, histogram.drop_name);
    for (std::size_t step = 0; step < out.steps(); ++step) {
      if (const auto value = quantiles.at(histogram, step, q[step])) out.set(row, step, *value);
    }
  }
  out.drop_empty_rows();
  return context.without_names(std::move(out));
}

// OpenMetrics' way: a number always has a point or an exponent.
std::string open_metrics_float(double v) {
  std::string out;
  append_float_exponent(out, v);
  if (std::isfinite(v) && out.find_first_of(".e") == out.npos) out += ".0";
  return out;
}

// histogram_quantiles(v, "quantile", 0.5, 0.9, ...): a row per histogram and quantile. A quantile may
// change from step to step, and with it the label.
Result<Matrix> histogram_quantiles(FunctionContext& context, Arguments& args) {
  Quantiles quantiles(context, args.vector(0), args.place(0));
  Matrix out(context.grid);
  Held held(context.budget);
  for (std::size_t arg = 2; arg < args.size(); ++arg) {
    const auto q = args.scalar(arg);
    for (const double value : q) check_quantile(value, context, args.place(arg));
    for (const Histogram& histogram : quantiles.histograms()) {
      std::unordered_map<std::string, std::size_t> row_of;
      for (std::size_t step = 0; step < out.steps(); ++step) {
        const auto value = quantiles.at(histogram, step, q[step]);
        if (!value) continue;
        const auto [at, added] = row_of.try_emplace(open_metrics_float(q[step]), out.rows());
        if (added) {
          if (Status taken = held.more(out.steps(), out.steps() * sizeof(double)); !taken.ok()) return taken;
          LabelsBuilder labels(histogram.labels);
          labels.set(args.text(1), at->first);
          out.add_row(labels.build(), histogram.drop_name);
        }
        out.set(at->second, step, *value);
      }
    }
  }
  auto merged = context.merge_equal_rows(std::move(out));
  if (!merged) return merged;
  return context.without_names(std::move(*merged));
}

Result<Matrix> histogram_fraction(FunctionContext& context, Arguments& args) {
  const auto lower = args.scalar(0), upper = args.scalar(1);
  const Matrix& input = args.vector(2);
  const std::vector<Histogram> histograms = histograms_of(input, context, args.place(2));
  Matrix out(context.grid);
  out.reserve(histograms.size());
  std::vector<Bucket> buckets;
  for (const Histogram& histogram : histograms) {
    const std::size_t row = out.add_row(histogram.labels, histogram.drop_name);
    for (std::size_t step = 0; step < out.steps(); ++step) {
      buckets_at(input, histogram, step, buckets);
      if (!buckets.empty()) out.set(row, step, bucket_fraction(lower[step], upper[step], buckets));
    }
  }
  out.drop_empty_rows();
  return context.without_names(std::move(out));
}

Result<Matrix> of_native_histograms(FunctionContext& context, Arguments&) { return Matrix(context.grid); }

constexpr FunctionEntry kEntries[] = {
    {"histogram_avg", of_native_histograms},      {"histogram_count", of_native_histograms},
    {"histogram_fraction", histogram_fraction},   {"histogram_quantile", histogram_quantile},
    {"histogram_quantiles", histogram_quantiles}, {"histogram_stddev", of_native_histograms},
    {"histogram_stdvar", of_native_histograms},   {"histogram_sum", of_native_histograms},
};

}  // namespace

std::span<const FunctionEntry> histogram_functions() { return kEntries; }

}  // namespace silverback::query
