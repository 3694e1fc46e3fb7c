// Binary operators: arithmetic, comparison and set operators on whole matrices.
//
// Which series of two vectors belong together is found once, from their labels, not at each step. Where
// each match group has one row on either side, which is the rule, a pair of rows is one loop over steps.
//
// Threads: one, the query's.
#pragma once

#include <memory>

#include "query/promql/ast.h"
#include "query/row_source.h"

namespace silverback::query {

struct BinaryContext {
  const promql::BinaryExpr& node;
  StepGrid grid;
  bool delayed_names = true;
  Budget& budget;
};

/// out = a op b. Comparisons: out = a, and the bits of what does not hold are cleared; with return_bool 1 or
/// 0.
struct ElementOperation {
  promql::BinaryOp op;
  bool return_bool = false;
  bool keep_right = false;  // a comparison keeps b rather than a: a is the scalar
};
void apply(const ElementOperation& operation, std::span<const double> a, std::span<const double> b,
           std::span<double> out, std::span<std::uint64_t> present);

/// vector op scalar and scalar op vector, row by row.
class ScalarOperationSource final : public RowSource {
 public:
  /// @param scalar  one full row
  ScalarOperationSource(const BinaryContext& context, std::unique_ptr<RowSource> rows, Matrix scalar,
                        bool scalar_left);
  Result<bool> next(Row& row) override;
  std::size_t size_hint() const override { return rows_->size_hint(); }

 private:
  const std::unique_ptr<RowSource> rows_;
  const Matrix scalar_;
  const bool scalar_left_;
  const bool drops_name_;
  const bool delayed_names_;
  const ElementOperation operation_;
  Labels nameless_;
};

Result<Matrix> match_vectors(const BinaryContext& context, Matrix left,
                             Matrix right);  // arithmetic, comparison
Result<Matrix> combine_sets(const BinaryContext& context, Matrix left, Matrix right);  // and, or, unless

/// The operator makes something else of the series, so that the metric name no longer fits.
bool changes_meaning(promql::BinaryOp op);

}  // namespace silverback::query
