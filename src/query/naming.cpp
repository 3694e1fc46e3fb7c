#include "query/naming.h"

#include <string>
#include <string_view>
#include <unordered_map>

#include "query/promql/text.h"

namespace silverback::query {
namespace {

constexpr std::string_view kTypeLabel = "__type__";
constexpr std::string_view kUnitLabel = "__unit__";

// All rows are marked and named alike: they were different with that name and so are different without.
bool stay_different(const Matrix& matrix) {
  const std::string_view name = matrix.labels(0).get(kMetricName);
  for (std::size_t row = 0; row < matrix.rows(); ++row) {
    const Labels& labels = matrix.labels(row);
    if (!matrix.drop_name(row) || labels.get(kMetricName) != name) return false;
    if (!labels.get(kTypeLabel).empty() || !labels.get(kUnitLabel).empty()) return false;
  }
  return true;
}

void move_values(Matrix& matrix, std::size_t from, std::size_t to) {
  matrix.for_each(from, [&](std::size_t step) { matrix.set(to, step, matrix.at(from, step)); });
}

bool overlap(const Matrix& matrix, std::size_t a, std::size_t b) {
  for (std::size_t w = 0; w < matrix.words_per_row(); ++w) {
    if ((matrix.present(a)[w] & matrix.present(b)[w]) != 0) return true;
  }
  return false;
}

}  // namespace

Status same_labelset() {
  return Status(Code::Unprocessable, "vector cannot contain metrics with the same labelset");
}

std::string in_braces(const Labels& labels) {
  std::string out = "{";
  for (const LabelView& pair : labels) {
    if (out.size() > 1) out += ", ";
    out.append(pair.name).append("=").append(promql::quote(pair.value));
  }
  return out + "}";
}

bool is_metadata_label(std::string_view name) {
  return name == kMetricName || name == kTypeLabel || name == kUnitLabel;
}

Labels without_metadata(const Labels& labels) {
  std::string bytes;
  bytes.reserve(labels.bytes().size());
  for (const LabelView& pair : labels) {
    if (!is_metadata_label(pair.name)) append_label(bytes, pair.name, pair.value);
  }
  return *Labels::from_bytes(std::move(bytes));
}

Result<Matrix> merge_equal_rows(Matrix matrix) {
  if (matrix.rows() < 2) return matrix;
  std::unordered_map<std::string_view, std::size_t> first_of;
  first_of.reserve(matrix.rows());
  std::vector<bool> merged(matrix.rows());
  bool any = false;
  for (std::size_t row = 0; row < matrix.rows(); ++row) {
    const auto [it, added] = first_of.try_emplace(matrix.labels(row).bytes(), row);
    if (added) continue;
    if (overlap(std::as_const(matrix), it->second, row)) return same_labelset();
    move_values(matrix, row, it->second);
    merged[row] = any = true;
  }
  if (any) {
    matrix.keep_rows([&](std::size_t row) { return !merged[row]; });
  }
  return matrix;
}

Result<Matrix> remove_marked_names(Matrix matrix) {
  bool any = false;
  for (std::size_t row = 0; row < matrix.rows() && !any; ++row) any = matrix.drop_name(row);
  if (!any) return matrix;
  const bool different = stay_different(matrix);
  for (std::size_t row = 0; row < matrix.rows(); ++row) {
    if (!matrix.drop_name(row)) continue;
    matrix.set_labels(row, without_metadata(matrix.labels(row)));
    matrix.set_drop_name(row, false);
  }
  if (different) return matrix;
  return merge_equal_rows(std::move(matrix));
}

Result<Matrix> drop_names(Matrix matrix, bool delayed) {
  for (std::size_t row = 0; row < matrix.rows(); ++row) matrix.set_drop_name(row, true);
  if (delayed) return matrix;
  return remove_marked_names(std::move(matrix));
}

}  // namespace silverback::query
