#include "query/windows.h"

#include <algorithm>
#include <cstring>

namespace silverback::query {
namespace {

// First index at or after `from` whose time is later than `bound`. Steps are usually a few samples apart,
// so it doubles its stride from where it is rather than halving the whole.
std::size_t first_after(std::span<const std::int64_t> times, std::size_t from, std::int64_t bound) {
  std::size_t stride = 1;
  std::size_t at = from;
  while (at + stride <= times.size() && times[at + stride - 1] <= bound) {
    at += stride;
    stride *= 2;
  }
  // times[at - 1] <= bound, and either times[at + stride - 1] > bound or it is past the end.
  const std::size_t limit = std::min(at + stride, times.size());
  return static_cast<std::size_t>(std::upper_bound(times.begin() + static_cast<std::ptrdiff_t>(at),
                                                   times.begin() + static_cast<std::ptrdiff_t>(limit),
                                                   bound) -
                                  times.begin());
}

}  // namespace

const Windows& WindowCache::windows(std::span<const std::int64_t> times) {
  // Remembering is for the times of a scrape; those of a fine subquery would cost more than they save.
  constexpr std::size_t kMostRemembered = 1 << 20;
  if (times.size() > kMostRemembered) {
    times_.clear();
    find(times);
    return windows_;
  }
  const bool same = windows_.generation > 0 && times.size() == times_.size() &&
                    (times.empty() || std::memcmp(times.data(), times_.data(), times.size_bytes()) == 0);
  if (!same) {
    times_.assign(times.begin(), times.end());
    find(times);
  }
  return windows_;
}

void WindowCache::find(std::span<const std::int64_t> times) {
  const std::size_t steps = grid_.steps;
  ++windows_.generation;
  windows_.first.resize(steps);
  windows_.end.resize(steps);
  windows_.any_first.resize(steps);
  windows_.any_last.resize(steps);
  windows_.non_empty.assign((steps + 63) / 64, 0);
  windows_.two.assign((steps + 63) / 64, 0);
  windows_.samples = 0;
  std::size_t first = 0;
  std::size_t end = 0;
  for (std::size_t step = 0; step < steps; ++step) {
    end = first_after(times, end, right(step));
    first = first_after(times, first, left(step));
    const std::size_t n = end - first;
    windows_.first[step] = static_cast<std::uint32_t>(first);
    windows_.end[step] = static_cast<std::uint32_t>(end);
    windows_.any_first[step] = static_cast<std::uint32_t>(n > 0 ? first : 0);
    windows_.any_last[step] = static_cast<std::uint32_t>(n > 0 ? end - 1 : 0);
    windows_.non_empty[step / 64] |= std::uint64_t{n >= 1} << (step % 64);
    windows_.two[step / 64] |= std::uint64_t{n >= 2} << (step % 64);
    windows_.samples += n;
  }
}

}  // namespace silverback::query
