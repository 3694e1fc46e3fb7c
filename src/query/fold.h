// Fold: the arithmetic of sum, avg, min, max, count, group, stddev and stdvar over the rows of a group.
//
// State is a few values per step; a row is folded in with one pass over its steps, in loops that the
// compiler vectorises. What a group needs is 3 arrays of doubles at most, however many rows it has.
//
// Threads: one.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "query/promql/ast.h"
#include "query/row_source.h"

namespace silverback::query {

/// The groups of one aggregation.
class Fold {
 public:
  /// @param op  Sum, Avg, Min, Max, Count, Group, Stddev or Stdvar
  Fold(promql::AggregateOp op, std::size_t steps);

  std::size_t groups() const { return groups_; }
  /// Bytes that one more group takes.
  std::size_t bytes_per_group() const;
  void add_group();
  void add(std::size_t group, const Row& row);
  /// Writes the result of a group; `present` as well.
  void finish(std::size_t group, std::span<double> values, std::span<std::uint64_t> present);

 private:
  double* state(std::size_t array, std::size_t group) {
    return state_[array].empty() ? nullptr : state_[array].data() + group * steps_;
  }
  void add_avg(std::size_t group, const Row& row);
  void add_avg_carefully(std::size_t group, const Row& row);

  const promql::AggregateOp op_;
  const std::size_t steps_;
  const std::size_t words_;
  std::size_t groups_ = 0;
  // What they hold depends on the operator: value; sum, lost, count; mean, squares, count ...
  std::vector<double> state_[3];
  std::vector<std::uint64_t> present_;
  std::vector<std::uint8_t>
      incremental_;  // avg, per step: the sum would overflow, value is the mean; often empty
};

}  // namespace silverback::query
