// PromQL text to tree.
//
// Grammar and messages follow Prometheus 3.x: a failure is InvalidArgument with the place first,
// "1:5: parse error: unexpected right parenthesis ')'", line and column from 1, columns in bytes.
// The first failure is the one reported.
//
// Threads: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "model/matcher.h"
#include "query/promql/ast.h"

namespace silverback::query::promql {

struct ParserOptions {
  bool experimental_functions = false;    // --enable-feature=promql-experimental-functions
  bool duration_expressions = false;      // promql-duration-expr
  bool extended_range_selectors = false;  // promql-extended-range-selectors: anchored, smoothed
  bool fill_modifiers = false;            // promql-binop-fill-modifiers
  std::size_t max_bytes = 1 << 20;
  std::uint32_t max_depth = 1'000;  // nesting, and length of a chain such as 1 + 1 + ...

  static ParserOptions everything() { return {true, true, true, true, 1 << 20, 1'000}; }
  friend bool operator==(const ParserOptions&, const ParserOptions&) = default;
};

Result<ExprPtr> parse_expr(std::string_view text, const ParserOptions& options);

/// A series selector without modifiers, as match[] takes: up{job="x"}, {"my.metric", le=~".+"}.
/// Does not refuse one that matches everything: the caller decides (see matches_everything()).
Result<std::vector<Matcher>> parse_selector(std::string_view text);

/// No matcher would refuse a series without labels: `{}`, {job=~".*"}.
bool matches_everything(const std::vector<Matcher>& matchers);

}  // namespace silverback::query::promql
