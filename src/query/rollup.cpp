#include "query/rollup.h"

#include <algorithm>

namespace silverback::query {
namespace {

std::vector<RollupFunction> all_rollups() {
  std::vector<RollupFunction> all;
  for (const auto list :
       {rate_rollups(), simple_rollups(), sum_rollups(), ordered_rollups(), trend_rollups()}) {
    all.insert(all.end(), list.begin(), list.end());
  }
  std::ranges::sort(all, {}, &RollupFunction::name);
  return all;
}

}  // namespace

const RollupFunction* find_rollup(std::string_view name) {
  static const std::vector<RollupFunction> all = all_rollups();
  const auto at = std::ranges::lower_bound(all, name, {}, &RollupFunction::name);
  return at != all.end() && at->name == name ? &*at : nullptr;
}

}  // namespace silverback::query
