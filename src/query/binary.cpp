#include "query/binary.h"

#include <algorithm>
#include <cmath>

#include "query/naming.h"

namespace silverback::query {
namespace {

using promql::BinaryOp;

template <typename F>
void each(std::span<const double> a, std::span<const double> b, std::span<double> out, F f) {
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = f(a[i], b[i]);
}

// One word of presence at a time: 64 comparisons, then one store.
template <typename F>
void compare(const ElementOperation& operation, std::span<const double> a, std::span<const double> b,
             std::span<double> out, std::span<std::uint64_t> present, F holds) {
  const double* const kept = operation.keep_right ? b.data() : a.data();
  for (std::size_t w = 0; w < present.size(); ++w) {
    const std::size_t from = w * 64;
    const std::size_t n = std::min<std::size_t>(64, out.size() - from);
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < n; ++i) word |= std::uint64_t{holds(a[from + i], b[from + i])} << i;
    if (operation.return_bool) {
      for (std::size_t i = 0; i < n; ++i) out[from + i] = static_cast<double>(word >> i & 1);
    } else {
      if (out.data() != kept) std::copy_n(kept + from, n, out.data() + from);
      present[w] &= word;
    }
  }
}

}  // namespace

bool changes_meaning(BinaryOp op) { return !promql::is_comparison(op) && !promql::is_set_operator(op); }

void apply(const ElementOperation& operation, std::span<const double> a, std::span<const double> b,
           std::span<double> out, std::span<std::uint64_t> present) {
  switch (operation.op) {
    case BinaryOp::Add: return each(a, b, out, [](double x, double y) { return x + y; });
    case BinaryOp::Sub: return each(a, b, out, [](double x, double y) { return x - y; });
    case BinaryOp::Mul: return each(a, b, out, [](double x, double y) { return x * y; });
    case BinaryOp::Div: return each(a, b, out, [](double x, double y) { return x / y; });
    case BinaryOp::Mod: return each(a, b, out, [](double x, double y) { return std::fmod(x, y); });
    case BinaryOp::Pow: return each(a, b, out, [](double x, double y) { return std::pow(x, y); });
    case BinaryOp::Atan2: return each(a, b, out, [](double x, double y) { return std::atan2(x, y); });
    case BinaryOp::Equal:
      return compare(operation, a, b, out, present, [](double x, double y) { return x == y; });
    case BinaryOp::NotEqual:
      return compare(operation, a, b, out, present, [](double x, double y) { return x != y; });
    case BinaryOp::Less:
      return compare(operation, a, b, out, present, [](double x, double y) { return x < y; });
    case BinaryOp::LessEqual:
      return compare(operation, a, b, out, present, [](double x, double y) { return x <= y; });
    case BinaryOp::Greater:
      return compare(operation, a, b, out, present, [](double x, double y) { return x > y; });
    case BinaryOp::GreaterEqual:
      return compare(operation, a, b, out, present, [](double x, double y) { return x >= y; });
    case BinaryOp::TrimUpper:
    case BinaryOp::TrimLower:  // of histograms; two floats give nothing
      std::ranges::fill(present, 0);
      return;
    case BinaryOp::And:
    case BinaryOp::Or:
    case BinaryOp::Unless: break;
  }
}

ScalarOperationSource::ScalarOperationSource(const BinaryContext& context, std::unique_ptr<RowSource> rows,
                                             Matrix scalar, bool scalar_left)
    : rows_(std::move(rows)),
      scalar_(std::move(scalar)),
      scalar_left_(scalar_left),
      drops_name_(changes_meaning(context.node.op) || context.node.return_bool),
      delayed_names_(context.delayed_names),
      operation_{context.node.op, context.node.return_bool, scalar_left} {}

Result<bool> ScalarOperationSource::next(Row& row) {
  for (;;) {
    const auto more = rows_->next(row);
    if (!more || !*more) return more;
    const std::span<const double> scalar = scalar_.values(0);
    apply(operation_, scalar_left_ ? scalar : row.values, scalar_left_ ? row.values : scalar, row.values,
          row.present);
    if (!any_set(row.present)) continue;
    row.drop_name = row.drop_name || drops_name_;
    if (row.drop_name && !delayed_names_) {
      nameless_ = without_metadata(*row.labels);
      row.labels = &nameless_;
      row.drop_name = false;
    }
    return true;
  }
}

}  // namespace silverback::query
