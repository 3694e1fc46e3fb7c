// Signatures of PromQL's functions: what each takes and returns. How they are computed stands with the
// evaluator.
//
// Source: https://prometheus.io/docs/prometheus/latest/querying/functions/, release 3.x.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "query/promql/ast.h"

namespace silverback::query::promql {

struct FunctionSignature {
  static constexpr std::uint8_t kUnbounded = 255;

  std::string_view name;
  std::array<ExprType, 5> types;  // of the first arguments; the last repeats for the ones beyond
  std::uint8_t type_count;
  std::uint8_t min_args;
  std::uint8_t max_args;  // kUnbounded: no limit
  ExprType returns;
  bool experimental;

  ExprType type_of(std::size_t arg) const { return types[arg < type_count ? arg : type_count - 1u]; }
};

/// Null when there is no such function. Names are case-sensitive.
const FunctionSignature* find_function(std::string_view name);
/// All of them, sorted by name.
std::span<const FunctionSignature> all_functions();

}  // namespace silverback::query::promql
