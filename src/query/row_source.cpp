#include "query/row_source.h"

#include <algorithm>

namespace silverback::query {

Result<Matrix> collect(RowSource& source, const StepGrid& grid, Budget& budget) {
  constexpr std::size_t kReserveAtMost = 1 << 20;  // values; beyond that growing by doubling is cheap enough
  Matrix matrix(grid);
  matrix.reserve(std::min(source.size_hint(), kReserveAtMost / std::max<std::size_t>(grid.steps, 1) + 1));
  Row row;
  for (;;) {
    const auto more = source.next(row);
    if (!more) return more.status();
    if (!*more) return matrix;
    if (Status held = matrix.hold(budget); !held.ok()) return held;
    const std::size_t at = matrix.add_row(*row.labels, row.drop_name);
    std::copy_n(row.values.data(), grid.steps, matrix.values(at).data());
    std::copy_n(row.present.data(), row.present.size(), matrix.present(at).data());
  }
}

Result<bool> MatrixSource::next(Row& row) {
  while (at_ < matrix_.rows() && !matrix_.any(at_)) ++at_;
  if (at_ == matrix_.rows()) return false;
  row = {&matrix_.labels(at_), matrix_.drop_name(at_), matrix_.values(at_), matrix_.present(at_)};
  ++at_;
  return true;
}

}  // namespace silverback::query
