#include "query/function_table.h"

#include <algorithm>

#include "query/naming.h"

namespace silverback::query {
namespace {

std::vector<FunctionEntry> all_kernels() {
  std::vector<FunctionEntry> all;
  for (const auto list :
       {core_functions(), histogram_functions(), label_functions(), math_functions(), time_functions()}) {
    all.insert(all.end(), list.begin(), list.end());
  }
  std::ranges::sort(all, {}, &FunctionEntry::name);
  return all;
}

}  // namespace

FunctionKernel find_kernel(std::string_view name) {
  static const std::vector<FunctionEntry> all = all_kernels();
  const auto at = std::ranges::lower_bound(all, name, {}, &FunctionEntry::name);
  return at != all.end() && at->name == name ? at->kernel : nullptr;
}

Matrix make_scalar(const StepGrid& grid, double value) {
  Matrix matrix(grid);
  matrix.add_row({});
  for (std::size_t step = 0; step < grid.steps; ++step) matrix.set(0, step, value);
  return matrix;
}

Result<Matrix> FunctionContext::without_names(Matrix matrix) {
  return drop_names(std::move(matrix), delayed_names);
}
Result<Matrix> FunctionContext::merge_equal_rows(Matrix matrix) {
  return query::merge_equal_rows(std::move(matrix));
}

}  // namespace silverback::query
