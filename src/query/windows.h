// Windows: which samples of a series each step of a range selector sees.
//
// Step i of a grid looks at the samples with left < time <= right, where right = t(i) - offset (or the
// time of an @ modifier) and left = right - range. Both ends move to the right only, so two pointers
// find all windows in one pass.
//
// Series of one scrape have the same times. WindowCache remembers the last vector of times and finds
// windows, and what follows from times alone, once for all of them.
//
// Threads: one.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "query/matrix.h"
#include "query/plan.h"

namespace silverback::query {

struct Windows {
  std::vector<std::uint32_t> first;      // index of the first sample
  std::vector<std::uint32_t> end;        // one past the last; == first: no sample
  std::vector<std::uint32_t> any_first;  // as first, and any_last as end - 1, but where the window is empty
  std::vector<std::uint32_t> any_last;   // some sample all the same, so that a loop need not ask
  std::vector<std::uint64_t> non_empty;  // a bit per step: one sample or more
  std::vector<std::uint64_t> two;        // two or more
  std::uint64_t samples = 0;             // sum of window sizes
  std::uint64_t generation = 0;          // changes when the windows change

  std::size_t size(std::size_t step) const { return end[step] - first[step]; }
};

class WindowCache {
 public:
  WindowCache(const StepGrid& grid, const Modifiers& modifiers) : grid_(grid), modifiers_(modifiers) {}

  /// @param times  milliseconds, strictly increasing; fewer than 2^32. The answer is valid until the next
  /// call.
  const Windows& windows(std::span<const std::int64_t> times);

  const StepGrid& grid() const { return grid_; }
  const Modifiers& modifiers() const { return modifiers_; }
  std::int64_t right(std::size_t step) const { return modifiers_.reference(grid_.time(step)); }
  std::int64_t left(std::size_t step) const { return right(step) - modifiers_.range_ms; }

 private:
  void find(std::span<const std::int64_t> times);

  const StepGrid grid_;
  const Modifiers modifiers_;
  std::vector<std::int64_t> times_;
  Windows windows_;
};

}  // namespace silverback::query
