// scalar, vector, time, absent, the sorts, and what is known of the query itself.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "query/function_table.h"
#include "query/natural_order.h"

namespace silverback::query {
namespace {

using namespace promql;

Result<Matrix> scalar(FunctionContext& context, Arguments& args) {
  const Matrix& in = args.vector(0);
  Matrix out = make_scalar(context.grid, std::numeric_limits<double>::quiet_NaN());
  std::vector<std::uint8_t> found(in.steps());
  for (std::size_t row = 0; row < in.rows(); ++row) {
    in.for_each(row, [&](std::size_t step) {
      if (found[step] < 2) ++found[step];
      out.set(0, step, found[step] == 1 ? in.at(row, step) : std::numeric_limits<double>::quiet_NaN());
    });
  }
  return out;
}

Result<Matrix> vector(FunctionContext&, Arguments& args) { return args.take_vector(0); }

Result<Matrix> time(FunctionContext& context, Arguments&) {
  Matrix out = make_scalar(context.grid, 0);
  for (std::size_t step = 0; step < context.grid.steps; ++step) {
    out.values(0)[step] = static_cast<double>(context.grid.time(step)) / 1000;
  }
  return out;
}

double seconds(std::int64_t ms) { return static_cast<double>(ms) / 1000; }
Result<Matrix> query_start(FunctionContext& context, Arguments&) {
  return make_scalar(context.grid, seconds(context.query_start_ms));
}
Result<Matrix> query_end(FunctionContext& context, Arguments&) {
  return make_scalar(context.grid, seconds(context.query_end_ms));
}
Result<Matrix> query_range(FunctionContext& context, Arguments&) {
  return make_scalar(context.grid, seconds(context.query_end_ms - context.query_start_ms));
}
Result<Matrix> query_step(FunctionContext& context, Arguments&) {
  const bool one_point = context.query_start_ms == context.query_end_ms;
  return make_scalar(context.grid, one_point ? 0 : seconds(context.query_step_ms));
}

Result<Matrix> absent(FunctionContext& context, Arguments& args) {
  return absent_of(args.vector(0), strip_parens(*context.call.args[0]));
}

void warn_unless_instant(FunctionContext& context) {
  if (context.instant) return;
  context.annotations.warn("sort is ineffective for range queries since results are always ordered by labels",
                           context.call.pos);
}

template <typename Before>
Result<Matrix> sorted(FunctionContext& context, Arguments& args, Before before) {
  warn_unless_instant(context);
  Matrix in = args.take_vector(0);
  if (!context.instant) return in;
  in.drop_empty_rows();
  std::vector<std::size_t> order(in.rows());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return before(in, a, b); });
  in.reorder(order);
  return in;
}

// NaN goes last in both directions.
bool before_by_value(double a, double b, bool descending) {
  if (std::isnan(a) || std::isnan(b)) return !std::isnan(a) && std::isnan(b);
  return descending ? a > b : a < b;
}
Result<Matrix> sort_ascending(FunctionContext& context, Arguments& args) {
  return sorted(context, args, [](const Matrix& m, std::size_t a, std::size_t b) {
    return before_by_value(m.at(a, 0), m.at(b, 0), false);
  });
}
Result<Matrix> sort_descending(FunctionContext& context, Arguments& args) {
  return sorted(context, args, [](const Matrix& m, std::size_t a, std::size_t b) {
    return before_by_value(m.at(a, 0), m.at(b, 0), true);
  });
}

/// By the labels named, then by all of them, so that the order is the same every time.
std::strong_ordering compare_labels(const Labels& a, const Labels& b, const Arguments& args) {
  for (std::size_t i = 1; i < args.size(); ++i) {
    const std::string_view left = a.get(args.text(i));
    const std::string_view right = b.get(args.text(i));
    if (natural_less(left, right)) return std::strong_ordering::less;
    if (natural_less(right, left)) return std::strong_ordering::greater;
  }
  return a <=> b;
}
Result<Matrix> sort_by_label(FunctionContext& context, Arguments& args) {
  return sorted(context, args, [&](const Matrix& m, std::size_t a, std::size_t b) {
    return compare_labels(m.labels(a), m.labels(b), args) < 0;
  });
}
Result<Matrix> sort_by_label_desc(FunctionContext& context, Arguments& args) {
  return sorted(context, args, [&](const Matrix& m, std::size_t a, std::size_t b) {
    return compare_labels(m.labels(a), m.labels(b), args) > 0;
  });
}

constexpr FunctionEntry kEntries[] = {
    {"absent", absent},
    {"end", query_end},
    {"range", query_range},
    {"scalar", scalar},
    {"sort", sort_ascending},
    {"sort_by_label", sort_by_label},
    {"sort_by_label_desc", sort_by_label_desc},
    {"sort_desc", sort_descending},
    {"start", query_start},
    {"step", query_step},
    {"time", time},
    {"vector", vector},
};

const VectorSelector* selector_of(const Expr& expr) {
  if (const auto* matrix = as<MatrixSelector>(expr)) return matrix->selector.get();
  return as<VectorSelector>(expr);
}

// What the matchers fix: {job="a",instance=~".*"} gives {job="a"}. A label matched twice is not fixed.
Labels labels_of_absent(const Expr& expr) {
  LabelsBuilder builder;
  const VectorSelector* const selector = selector_of(expr);
  if (selector == nullptr) return {};
  std::set<std::string_view> seen;
  for (const Matcher& matcher : selector->matchers) {
    if (matcher.name() == kMetricName) continue;
    if (matcher.op() == MatchOp::Equal && seen.insert(matcher.name()).second) {
      builder.set(matcher.name(), matcher.value());
    } else {
      builder.remove(matcher.name());
    }
  }
  return builder.build();
}

}  // namespace

Matrix absent_of(const Matrix& in, const Expr& expr) {
  Matrix out(in.grid());
  out.add_row(labels_of_absent(expr));
  for (std::size_t step = 0; step < in.steps(); ++step) out.set(0, step, 1);
  for (std::size_t row = 0; row < in.rows(); ++row) {
    for (std::size_t w = 0; w < in.words_per_row(); ++w) out.present(0)[w] &= ~in.present(row)[w];
  }
  out.drop_empty_rows();
  return out;
}

std::span<const FunctionEntry> core_functions() { return kEntries; }

}  // namespace silverback::query
