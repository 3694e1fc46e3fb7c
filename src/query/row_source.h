// RowSource: rows of a matrix one at a time, so that what consumes them need not hold them all.
//
// `sum by (host) (rate(x[5m]))` pulls each series through decode, windows and sum before the next one
// is read; only the sums stay in memory.
//
// Threads: one, the query's.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "base/status.h"
#include "model/labels.h"
#include "query/matrix.h"

namespace silverback::query {

/// Valid until the next call to next(). The receiver may write to values and present.
struct Row {
  const Labels* labels = nullptr;
  bool drop_name = false;
  std::span<double> values;          // one per step; unspecified where absent
  std::span<std::uint64_t> present;  // a bit per step; bits beyond the last step are clear
};

class RowSource {
 public:
  virtual ~RowSource() = default;
  /// The next row that has a value. @returns false at the end
  virtual Result<bool> next(Row& row) = 0;
  /// At most as many rows as this; for reserving.
  virtual std::size_t size_hint() const = 0;
};

/// All rows in one matrix, counted against the budget as it grows.
Result<Matrix> collect(RowSource& source, const StepGrid& grid, Budget& budget);

/// The rows of a matrix that is at hand.
class MatrixSource final : public RowSource {
 public:
  explicit MatrixSource(Matrix matrix) : matrix_(std::move(matrix)) {}
  Result<bool> next(Row& row) override;
  std::size_t size_hint() const override { return matrix_.rows(); }

 private:
  Matrix matrix_;
  std::size_t at_ = 0;
};

/// All bits of a row of `steps` steps.
inline void set_all(std::span<std::uint64_t> present, std::size_t steps) {
  for (std::size_t w = 0; w < present.size(); ++w) {
    const std::size_t left = steps - w * 64;
    present[w] = left >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << left) - 1;
  }
}
inline bool any_set(std::span<const std::uint64_t> present) {
  for (const std::uint64_t word : present) {
    if (word != 0) return true;
  }
  return false;
}

/// Calls dense(from, to) for runs of 64 steps (or the last ones) that are all present, single(step) for
/// the other present steps.
template <typename Dense, typename Single>
void for_each_present(std::span<const std::uint64_t> present, std::size_t steps, Dense dense, Single single) {
  for (std::size_t w = 0; w < present.size(); ++w) {
    std::uint64_t bits = present[w];
    if (bits == 0) continue;
    const std::size_t from = w * 64;
    const std::size_t n = steps - from < 64 ? steps - from : 64;
    if (bits == (n == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << n) - 1)) {
      dense(from, from + n);
      continue;
    }
    for (; bits != 0; bits &= bits - 1) single(from + static_cast<std::size_t>(std::countr_zero(bits)));
  }
}

}  // namespace silverback::query
