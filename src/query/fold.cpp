#include "query/fold.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "query/kahan.h"

namespace silverback::query {
namespace {

using promql::AggregateOp;

// Restrict: the arrays are different blocks. CMakeLists.txt compiles this file with -O3, which is what
// turns these loops into vector code.
void fold_sum(double* __restrict sum, double* __restrict lost, const double* __restrict x, std::size_t n) {
  std::size_t i = 0;
  for (; i + 2 <= n; i += 2) {
    DoublePair pair, sums, losses;
    std::memcpy(&pair, x + i, sizeof pair);
    std::memcpy(&sums, sum + i, sizeof sums);
    std::memcpy(&losses, lost + i, sizeof losses);
    kahan_add(pair, sums, losses);
    std::memcpy(sum + i, &sums, sizeof sums);
    std::memcpy(lost + i, &losses, sizeof losses);
  }
  for (; i < n; ++i) kahan_add(x[i], sum[i], lost[i]);
}
void fold_ones(double* __restrict count, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) count[i] += 1;
}
// NaN gives way to any number: the state begins as NaN.
void fold_max(double* __restrict best, const double* __restrict x, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) best[i] = best[i] >= x[i] || std::isnan(x[i]) ? best[i] : x[i];
}
void fold_min(double* __restrict best, const double* __restrict x, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) best[i] = best[i] <= x[i] || std::isnan(x[i]) ? best[i] : x[i];
}
// Welford's method.
void fold_variance(double* __restrict mean, double* __restrict squares, double* __restrict count,
                   const double* __restrict x, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    count[i] += 1;
    const double delta = x[i] - mean[i];
    mean[i] += delta / count[i];
    squares[i] += delta * (x[i] - mean[i]);
  }
}

template <typename F>
void each_run(const Row& row, std::size_t steps, F f) {
  for_each_present(
      row.present, steps, [&](std::size_t from, std::size_t to) { f(from, to - from); },
      [&](std::size_t step) { f(step, std::size_t{1}); });
}

}  // namespace

Fold::Fold(AggregateOp op, std::size_t steps) : op_(op), steps_(steps), words_((steps + 63) / 64) {}

namespace {

std::size_t arrays_of(AggregateOp op) {
  switch (op) {
    case AggregateOp::Group: return 0;
    case AggregateOp::Sum: return 2;
    case AggregateOp::Avg:
    case AggregateOp::Stddev:
    case AggregateOp::Stdvar: return 3;
    default: return 1;
  }
}

double initial(AggregateOp op) {
  if (op == AggregateOp::Min || op == AggregateOp::Max) return std::numeric_limits<double>::quiet_NaN();
  return 0;
}

}  // namespace

std::size_t Fold::bytes_per_group() const { return arrays_of(op_) * steps_ * sizeof(double) + words_ * 8; }

void Fold::add_group() {
  ++groups_;
  for (std::size_t a = 0; a < arrays_of(op_); ++a) state_[a].resize(groups_ * steps_, initial(op_));
  present_.resize(groups_ * words_);
  if (!incremental_.empty()) incremental_.resize(groups_ * steps_);
}

void Fold::add(std::size_t group, const Row& row) {
  std::uint64_t* const present = present_.data() + group * words_;
  for (std::size_t w = 0; w < words_; ++w) present[w] |= row.present[w];
  const double* const x = row.values.data();
  switch (op_) {
    case AggregateOp::Sum:
      each_run(row, steps_, [&](std::size_t at, std::size_t n) {
        fold_sum(state(0, group) + at, state(1, group) + at, x + at, n);
      });
      break;
    case AggregateOp::Avg: add_avg(group, row); break;
    case AggregateOp::Min:
      each_run(row, steps_,
               [&](std::size_t at, std::size_t n) { fold_min(state(0, group) + at, x + at, n); });
      break;
    case AggregateOp::Max:
      each_run(row, steps_,
               [&](std::size_t at, std::size_t n) { fold_max(state(0, group) + at, x + at, n); });
      break;
    case AggregateOp::Count:
      each_run(row, steps_, [&](std::size_t at, std::size_t n) { fold_ones(state(0, group) + at, n); });
      break;
    case AggregateOp::Stddev:
    case AggregateOp::Stdvar:
      each_run(row, steps_, [&](std::size_t at, std::size_t n) {
        fold_variance(state(0, group) + at, state(1, group) + at, state(2, group) + at, x + at, n);
      });
      break;
    default: break;  // Group: presence is all
  }
}

void Fold::add_avg(std::size_t group, const Row& row) {
  // Far from overflow the mean is sum / count; near it, it has to be found incrementally.
  constexpr double kFarFromOverflow = 1e300;
  std::size_t near = incremental_.empty() ? 0 : 1;
  const double* const sum = state(0, group);
  each_run(row, steps_, [&](std::size_t at, std::size_t n) {
    for (std::size_t i = at; i < at + n; ++i)
      near += std::abs(sum[i] + row.values[i]) > kFarFromOverflow ? 1 : 0;
  });
  if (near != 0) return add_avg_carefully(group, row);
  each_run(row, steps_, [&](std::size_t at, std::size_t n) {
    fold_sum(state(0, group) + at, state(1, group) + at, row.values.data() + at, n);
    fold_ones(state(2, group) + at, n);
  });
}

void Fold::add_avg_carefully(std::size_t group, const Row& row) {
  incremental_.resize(groups_ * steps_);
  std::uint8_t* const incremental = incremental_.data() + group * steps_;
  each_run(row, steps_, [&](std::size_t at, std::size_t run) {
    for (std::size_t i = at; i < at + run; ++i) {
      double& sum = state(0, group)[i];
      double& lost = state(1, group)[i];
      double& n = state(2, group)[i];
      const double x = row.values[i];
      n += 1;
      if (n == 1) {
        sum = x;  // an infinity may be the first, and then the sum does not "overflow"
        continue;
      }
      if (incremental[i] == 0) {
        double new_sum = sum;
        double new_lost = lost;
        kahan_add(x, new_sum, new_lost);
        if (!std::isinf(new_sum)) {
          sum = new_sum;
          lost = new_lost;
          continue;
        }
        incremental[i] = 1;
        sum /= n - 1;
        lost /= n - 1;
      }
      const double q = (n - 1) / n;
      sum *= q;
      lost *= q;
      kahan_add(x / n, sum, lost);
    }
  });
}

void Fold::finish(std::size_t group, std::span<double> values, std::span<std::uint64_t> present) {
  std::copy_n(present_.data() + group * words_, words_, present.data());
  const double* const a = state(0, group);
  const double* const b = state(1, group);
  const double* const c = state(2, group);
  for (std::size_t i = 0; i < steps_; ++i) {
    switch (op_) {
      case AggregateOp::Group: values[i] = 1; break;
      case AggregateOp::Sum: values[i] = a[i] + b[i]; break;
      case AggregateOp::Avg:
        values[i] = !incremental_.empty() && incremental_[group * steps_ + i] != 0
                        ? a[i] + b[i]
                        : a[i] / c[i] + b[i] / c[i];
        break;
      case AggregateOp::Stdvar: values[i] = b[i] / c[i]; break;
      case AggregateOp::Stddev: values[i] = std::sqrt(b[i] / c[i]); break;
      default: values[i] = a[i]; break;
    }
  }
}

}  // namespace silverback::query
