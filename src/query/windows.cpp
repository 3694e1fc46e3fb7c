#include "query/windows.h"

#include <algorithm>
#include <cstring>

namespace silverback::query {
namespace {

// Finds, for bounds that move to the right, the first index whose time is later. Steps are mostly a few
// samples apart, or as many as the steps before; else it doubles its stride from where it is rather than
// halving the whole.
class Pointer {
 public:
  explicit Pointer(std::span<const std::int64_t> times) : times_(times) {}

  std::size_t first_after(std::int64_t bound) {
    constexpr std::size_t kFew = 3;
    const std::size_t near = std::min(at_ + kFew, times_.size());
    for (; at_ < near && times_[at_] <= bound; ++at_) {
    }
    if (at_ < near || at_ == times_.size()) return at_;
    const std::size_t guess = std::min(at_ + advance_, times_.size());
    if ((guess == at_ || times_[guess - 1] <= bound) && (guess == times_.size() || times_[guess] > bound)) {
      at_ = guess;
      return guess;
    }
    const std::size_t found = search(bound);
    advance_ = found - at_;
    at_ = found;
    return found;
  }

 private:
  std::size_t search(std::int64_t bound) const {
    std::size_t stride = 1;
    std::size_t at = at_;
    while (at + stride <= times_.size() && times_[at + stride - 1] <= bound) {
      at += stride;
      stride *= 2;
    }
    // times[at - 1] <= bound, and either times[at + stride - 1] > bound or it is past the end.
    const std::size_t limit = std::min(at + stride, times_.size());
    return static_cast<std::size_t>(std::upper_bound(times_.begin() + static_cast<std::ptrdiff_t>(at),
                                                     times_.begin() + static_cast<std::ptrdiff_t>(limit),
                                                     bound) -
                                    times_.begin());
  }

  const std::span<const std::int64_t> times_;
  std::size_t at_ = 0;       // times[at_ - 1] <= every bound to come
  std::size_t advance_ = 1;  // of the last step that was further away
};

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
  // A window whose left end is the right end of one before begins where that one ends.
  const bool meet = steps > 1 && right(0) != right(1) && modifiers_.range_ms > 0 &&
                    modifiers_.range_ms % grid_.step_ms == 0;
  const std::size_t back = meet ? static_cast<std::size_t>(modifiers_.range_ms / grid_.step_ms) : steps;
  Pointer ends(times);
  Pointer firsts(times);
  for (std::size_t step = 0; step < steps; ++step) {
    const std::size_t end = ends.first_after(right(step));
    const std::size_t first = step >= back ? windows_.end[step - back] : firsts.first_after(left(step));
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
