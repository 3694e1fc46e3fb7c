// Naming: when a row loses its metric name, and what happens when rows become the same.
//
// Delayed name removal: functions mark rows (Matrix::drop_name) and the names go when the query is
// complete, so that `sum by (__name__) (rate(x[5m]))` works. Without it they go at once.
// Source: https://prometheus.io/docs/prometheus/latest/feature_flags/ (promql-delayed-name-removal).
//
// A matrix never has two rows with the same labels; what changes labels goes through merge_equal_rows.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "query/matrix.h"

namespace silverback::query {

/// `labels` without the metric name, __type__ and __unit__.
Labels without_metadata(const Labels& labels);
bool is_metadata_label(std::string_view name);

/// Rows with the same labels become one, at the place of the first.
/// @returns Unprocessable when two of them have a value at the same step
Result<Matrix> merge_equal_rows(Matrix matrix);

/// Takes the names of the rows that are marked. @returns as merge_equal_rows
Result<Matrix> remove_marked_names(Matrix matrix);

/// The rows lose their names: marked, or (delayed false) at once.
Result<Matrix> drop_names(Matrix matrix, bool delayed);

Status same_labelset();

/// {__name__="up", job="x"}, as Prometheus writes labels in the errors of matching.
std::string in_braces(const Labels& labels);

}  // namespace silverback::query
