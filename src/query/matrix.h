// Matrix: many series on one grid of steps, the shape in which PromQL is evaluated and answered.
//
//            step 0   1   2 ...
//   row 0  |  1.0    2.0   -        values: rows x steps, row-major, one block
//   row 1  |   -     7.0  8.0       present: one bit per value, each row begins a new word
//
// NaN is a value; absence is a cleared bit. A value whose bit is cleared is unspecified and never read.
// An instant query has a grid of one step. A row's labels may still hold a metric name that the result
// does not have: see `drop_name`. Rows are sorted and left out by number; their values stay where they are.
//
// Native histograms are to come as a second block of values with a presence of their own.
//
// Threads: a value; it moves but does not copy, since it may hold a share of a query's budget.
#pragma once

#include <bit>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "base/uninitialised.h"
#include "model/labels.h"
#include "query/limits.h"

namespace silverback::query {

/// Evaluation times: start, start + step, ... Milliseconds since 1970.
struct StepGrid {
  std::int64_t start_ms = 0;
  std::int64_t step_ms = 1;  // > 0
  std::size_t steps = 1;     // may be 0 for the grid of a subquery without points

  std::int64_t time(std::size_t step) const { return start_ms + static_cast<std::int64_t>(step) * step_ms; }
  std::int64_t end_ms() const { return time(steps - 1); }
  friend bool operator==(const StepGrid&, const StepGrid&) = default;
};

class Matrix {
 public:
  Matrix() = default;
  explicit Matrix(const StepGrid& grid) : grid_(grid), words_((grid.steps + 63) / 64) {}

  /// Counts this matrix against a budget until it goes, in full (at most `rows` rows) before it is filled
  /// or row by row. @returns the budget's refusal
  Status hold(Budget& budget, std::size_t rows = 1);
  std::uint64_t held_bytes() const { return held_.bytes(); }
  /// The matrix stays, its query is over.
  void release() { held_ = Held(); }

  const StepGrid& grid() const { return grid_; }
  std::size_t rows() const { return labels_.size(); }
  std::size_t steps() const { return grid_.steps; }
  bool empty() const { return labels_.empty(); }
  std::size_t words_per_row() const { return words_; }

  void reserve(std::size_t rows) {
    labels_.reserve(rows);
    drop_name_.reserve(rows);
    slot_.reserve(rows);
    values_.reserve(rows * grid_.steps);
    present_.reserve(rows * words_);
  }
  /// A new last row without values. @returns its index
  std::size_t add_row(Labels labels, bool drop_name = false) {
    labels_.push_back(std::move(labels));
    drop_name_.push_back(drop_name ? 1 : 0);
    slot_.push_back(slots_++);
    values_.resize(slots_ * grid_.steps);
    present_.resize(slots_ * words_);
    return labels_.size() - 1;
  }

  const Labels& labels(std::size_t row) const { return labels_[row]; }
  void set_labels(std::size_t row, Labels labels) { labels_[row] = std::move(labels); }
  /// The metric name goes when the result is complete ("delayed name removal").
  bool drop_name(std::size_t row) const { return drop_name_[row] != 0; }
  void set_drop_name(std::size_t row, bool drop) { drop_name_[row] = drop ? 1 : 0; }

  std::span<double> values(std::size_t row) {
    return {values_.data() + slot_[row] * grid_.steps, grid_.steps};
  }
  std::span<const double> values(std::size_t row) const {
    return {values_.data() + slot_[row] * grid_.steps, grid_.steps};
  }
  std::span<std::uint64_t> present(std::size_t row) {
    return {present_.data() + slot_[row] * words_, words_};
  }
  std::span<const std::uint64_t> present(std::size_t row) const {
    return {present_.data() + slot_[row] * words_, words_};
  }

  bool has(std::size_t row, std::size_t step) const { return (word(row, step) >> (step % 64) & 1) != 0; }
  double at(std::size_t row, std::size_t step) const { return values_[slot_[row] * grid_.steps + step]; }
  void set(std::size_t row, std::size_t step, double value) {
    values_[slot_[row] * grid_.steps + step] = value;
    present_[slot_[row] * words_ + step / 64] |= std::uint64_t{1} << (step % 64);
  }
  void clear_at(std::size_t row, std::size_t step) {
    present_[slot_[row] * words_ + step / 64] &= ~(std::uint64_t{1} << (step % 64));
  }

  std::size_t count(std::size_t row) const {
    std::size_t n = 0;
    for (const std::uint64_t word : present(row)) n += static_cast<std::size_t>(std::popcount(word));
    return n;
  }
  bool any(std::size_t row) const {
    for (const std::uint64_t word : present(row)) {
      if (word != 0) return true;
    }
    return false;
  }

  /// Calls f(step) for each present value of a row, in order.
  template <typename F>
  void for_each(std::size_t row, F f) const {
    const auto words = present(row);
    for (std::size_t w = 0; w < words.size(); ++w) {
      for (std::uint64_t bits = words[w]; bits != 0; bits &= bits - 1) {
        f(w * 64 + static_cast<std::size_t>(std::countr_zero(bits)));
      }
    }
  }

  /// Keeps the rows for which keep(row) is true, in order.
  template <typename F>
  void keep_rows(F keep) {
    std::size_t to = 0;
    for (std::size_t row = 0; row < rows(); ++row) {
      if (!keep(row)) continue;
      if (to != row) {
        labels_[to] = std::move(labels_[row]);
        drop_name_[to] = drop_name_[row];
        slot_[to] = slot_[row];
      }
      ++to;
    }
    labels_.resize(to);
    drop_name_.resize(to);
    slot_.resize(to);
  }
  void drop_empty_rows() {
    keep_rows([this](std::size_t row) { return any(row); });
  }
  /// Row i of the result is row order[i]; `order` may name fewer rows than there are.
  void reorder(std::span<const std::size_t> order);

 private:
  std::uint64_t word(std::size_t row, std::size_t step) const {
    return present_[slot_[row] * words_ + step / 64];
  }

  StepGrid grid_;
  std::size_t words_ = 1;
  std::vector<Labels> labels_;
  std::vector<std::uint8_t> drop_name_;
  std::vector<std::size_t> slot_;  // where a row's values lie
  std::size_t slots_ = 0;
  UninitialisedVector<double> values_;
  std::vector<std::uint64_t> present_;
  Held held_;
};

/// Samples as they were stored: the answer to an instant query of a range such as `up[5m]`.
struct RawSeries {
  Labels labels;
  std::vector<std::int64_t> times_ms;
  std::vector<double> values;
};

}  // namespace silverback::query
