// topk, bottomk, limitk and limit_ratio: some of the input's rows, chosen at each step anew.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>

#include "base/hash.h"
#include "query/aggregate.h"
#include "query/grouping.h"

namespace silverback::query {
namespace {

using promql::AggregateOp;

struct Candidate {
  double value;
  std::size_t row;
};

// Of equal values it depends on the heap which one is kept, so this is the binary heap of Go's
// container/heap, with its order of comparisons. NaN is worst.
class Heap {
 public:
  explicit Heap(bool largest) : largest_(largest) {}
  void clear() { items_.clear(); }
  std::vector<Candidate>& items() { return items_; }

  void offer(Candidate candidate, std::size_t k) {
    if (items_.size() < k) {
      items_.push_back(candidate);
      up(items_.size() - 1);
    } else if (better(candidate.value, items_[0].value) ||
               (std::isnan(items_[0].value) && !std::isnan(candidate.value))) {
      items_[0] = candidate;
      down();
    }
  }
  bool worse(double a, double b) const { return std::isnan(a) || (largest_ ? a < b : a > b); }

 private:
  bool better(double a, double b) const { return largest_ ? a > b : a < b; }
  void up(std::size_t at) {
    while (at > 0) {
      const std::size_t parent = (at - 1) / 2;
      if (!worse(items_[at].value, items_[parent].value)) return;
      std::swap(items_[at], items_[parent]);
      at = parent;
    }
  }
  void down() {
    for (std::size_t at = 0;;) {
      std::size_t child = 2 * at + 1;
      if (child >= items_.size()) return;
      if (child + 1 < items_.size() && worse(items_[child + 1].value, items_[child].value)) ++child;
      if (!worse(items_[child].value, items_[at].value)) return;
      std::swap(items_[at], items_[child]);
      at = child;
    }
  }

  const bool largest_;
  std::vector<Candidate> items_;
};

// Where a series falls in [0, 1]: its labels' XXH64, the labels written as Prometheus holds them
// (sizes below 255 in one byte, else 255 and three bytes), so that both choose the same series.
double sampling_offset(const Labels& labels) {
  std::string bytes;
  const auto put = [&](std::string_view s) {
    if (s.size() < 255) {
      bytes += static_cast<char>(s.size());
    } else {
      bytes += static_cast<char>(255);
      for (int shift = 0; shift < 24; shift += 8) bytes += static_cast<char>(s.size() >> shift);
    }
    bytes += s;
  };
  for (const LabelView& pair : labels) {
    put(pair.name);
    put(pair.value);
  }
  return static_cast<double>(XXH64(bytes.data(), bytes.size(), 0)) /
         static_cast<double>(std::numeric_limits<std::uint64_t>::max());
}

bool sampled(double offset, double ratio) {
  return (ratio >= 0 && offset < ratio) || (ratio < 0 && offset >= 1 + ratio);
}

struct Bounds {
  double min = std::numeric_limits<double>::max();
  double max = std::numeric_limits<double>::lowest();
  bool nan = false;
};
Bounds bounds_of(std::span<const double> parameter) {
  Bounds b;
  for (const double v : parameter) {
    if (std::isnan(v)) {
      b.nan = true;
      continue;
    }
    b.min = std::min(b.min, v);
    b.max = std::max(b.max, v);
  }
  return b;
}

Status check_count(const Bounds& bounds) {
  if (bounds.nan) return Status(Code::Unprocessable, "Parameter value is NaN");
  if (bounds.min <= -9.223372036854775808e18) {
    return Status(Code::Unprocessable, "Scalar value " + format_g(bounds.min) + " underflows int64");
  }
  if (bounds.max >= 9.223372036854775807e18) {
    return Status(Code::Unprocessable, "Scalar value " + format_g(bounds.max) + " overflows int64");
  }
  return {};
}

class Ranking {
 public:
  Ranking(const AggregateContext& context, Matrix input)
      : context_(context), op_(context.node.op), input_(std::move(input)), heap_(op_ == AggregateOp::Topk) {
    std::vector<std::string> names = context.node.grouping;
    if (context.node.without) names.emplace_back(kMetricName);
    Grouping grouping(context.node.without ? Grouping::Keep::AllBut : Grouping::Keep::These,
                      std::move(names));
    for (std::size_t row = 0; row < input_.rows(); ++row) {
      const std::size_t group = grouping.group_of(input_.labels(row));
      if (group == members_.size()) members_.emplace_back();
      members_[group].push_back(row);
      if (op_ == AggregateOp::LimitRatio) offsets_.push_back(sampling_offset(input_.labels(row)));
    }
  }

  Result<Matrix> run(std::span<const double> parameter) {
    for (std::size_t step = 0; step < input_.steps(); ++step) {
      if (step % 64 == 0) {
        if (Status status = context_.budget.pace(); !status.ok()) return status;
      }
      for (const auto& rows : members_) choose(rows, step, parameter[step]);
    }
    if (context_.instant) {
      input_.reorder(order_);
    } else {
      input_.drop_empty_rows();
    }
    return std::move(input_);
  }

 private:
  void choose(const std::vector<std::size_t>& rows, std::size_t step, double parameter) {
    if (op_ == AggregateOp::LimitRatio) {
      const double ratio = std::clamp(parameter, -1.0, 1.0);
      for (const std::size_t row : rows) {
        if (input_.has(row, step)) settle(row, step, ratio != 0 && sampled(offsets_[row], ratio));
      }
      return;
    }
    const auto k = parameter < 1
                       ? std::size_t{0}
                       : static_cast<std::size_t>(std::min(parameter, static_cast<double>(input_.rows())));
    if (op_ == AggregateOp::Limitk) {
      std::size_t kept = 0;
      for (const std::size_t row : rows) {
        if (input_.has(row, step)) settle(row, step, kept++ < k);
      }
      return;
    }
    choose_best(rows, step, k);
  }

  void choose_best(const std::vector<std::size_t>& rows, std::size_t step, std::size_t k) {
    heap_.clear();
    for (const std::size_t row : rows) {
      if (!input_.has(row, step)) continue;
      if (k > 0) heap_.offer({input_.at(row, step), row}, k);
      input_.clear_at(row, step);
    }
    std::vector<Candidate>& chosen = heap_.items();
    if (context_.instant) {
      std::ranges::stable_sort(chosen, [&](const Candidate& a, const Candidate& b) {
        return heap_.worse(b.value, a.value) && !std::isnan(a.value);
      });
    }
    for (const Candidate& candidate : chosen) {
      input_.set(candidate.row, step, candidate.value);
      if (context_.instant) order_.push_back(candidate.row);
    }
  }

  void settle(std::size_t row, std::size_t step, bool keep) {
    if (!keep) {
      input_.clear_at(row, step);
    } else if (context_.instant) {
      order_.push_back(row);
    }
  }

  const AggregateContext& context_;
  const AggregateOp op_;
  Matrix input_;
  Heap heap_;
  std::vector<std::vector<std::size_t>> members_;  // rows by group, in the input's order
  std::vector<double> offsets_;
  std::vector<std::size_t> order_;
};

}  // namespace

Result<Matrix> aggregate_ranked(const AggregateContext& context, Matrix input,
                                std::span<const double> parameter) {
  const Bounds bounds = bounds_of(parameter);
  if (context.node.op == AggregateOp::LimitRatio) {
    if (!bounds.nan && bounds.min == 0 && bounds.max == 0) return Matrix(context.grid);
    if (bounds.nan) return Status(Code::Unprocessable, "Ratio value is NaN");
    const auto warn = [&](double value, double limit) {
      context.annotations.warn("ratio value should be between -1 and 1, got " + format_g(value) +
                                   ", capping to " + format_g(limit),
                               context.node.param->pos);
    };
    if (bounds.max > 1) warn(bounds.max, 1);
    if (bounds.min < -1) warn(bounds.min, -1);
  } else {
    if (!bounds.nan && bounds.max < 1) return Matrix(context.grid);
    if (Status checked = check_count(bounds); !checked.ok()) return checked;
  }
  return Ranking(context, std::move(input)).run(parameter);
}

}  // namespace silverback::query
