// Tree to PromQL text.
//
// Threads: any.
#pragma once

#include <string>

#include "query/promql/ast.h"

namespace silverback::query::promql {

/// Canonical, on one line. parse_expr() reads it back as the same tree.
std::string to_string(const Expr& expr);
std::string to_string(const DurationExpr& expr);

/// As /api/v1/format_query answers: what is longer than 100 characters is split and indented by two spaces.
/// Beyond 8 MiB of that: on one line.
std::string pretty(const Expr& expr);

}  // namespace silverback::query::promql
