// Counts, first and last, changes and resets, min and max.
#include <algorithm>
#include <cmath>
#include <limits>

#include "query/rollup.h"

namespace silverback::query {
namespace {

/// f(step, first, last) for each window that has a sample; last is inclusive.
template <typename F>
Status each_window(const RollupInput& in, std::span<double> out, std::span<std::uint64_t> present, F f) {
  std::ranges::copy(in.windows.non_empty, present.begin());
  for (std::size_t step = 0; step < out.size(); ++step) {
    const std::size_t first = in.windows.first[step];
    const std::size_t end = in.windows.end[step];
    if (first < end) out[step] = f(first, end - 1);
  }
  return {};
}

Status count(RollupContext&, const RollupInput& in, std::span<double> out, std::span<std::uint64_t> present) {
  return each_window(in, out, present,
                     [](auto first, auto last) { return static_cast<double>(last - first + 1); });
}
Status present_over_time(RollupContext&, const RollupInput& in, std::span<double> out,
                         std::span<std::uint64_t> present) {
  return each_window(in, out, present, [](auto, auto) { return 1.0; });
}
Status first_value(RollupContext&, const RollupInput& in, std::span<double> out,
                   std::span<std::uint64_t> present) {
  return each_window(in, out, present, [&](auto first, auto) { return in.values[first]; });
}
Status last_value(RollupContext&, const RollupInput& in, std::span<double> out,
                  std::span<std::uint64_t> present) {
  return each_window(in, out, present, [&](auto, auto last) { return in.values[last]; });
}
double seconds(std::int64_t ms) { return static_cast<double>(ms) / 1000; }
Status first_time(RollupContext&, const RollupInput& in, std::span<double> out,
                  std::span<std::uint64_t> present) {
  return each_window(in, out, present, [&](auto first, auto) { return seconds(in.times[first]); });
}
Status last_time(RollupContext&, const RollupInput& in, std::span<double> out,
                 std::span<std::uint64_t> present) {
  return each_window(in, out, present, [&](auto, auto last) { return seconds(in.times[last]); });
}

/// How many neighbours within the window are events: a running count over the column, then differences.
template <typename Event>
Status count_events(RollupContext& context, const RollupInput& in, std::span<double> out,
                    std::span<std::uint64_t> present, Event event) {
  std::vector<std::uint32_t>& before = context.indices;  // events up to and with sample i
  before.assign(in.values.size(), 0);
  for (std::size_t i = 1; i < before.size(); ++i) {
    before[i] = before[i - 1] + (event(in.values[i - 1], in.values[i]) ? 1u : 0u);
  }
  return each_window(in, out, present, [&](auto first, auto last) {
    return static_cast<double>(before[last] - before[first]);
  });
}
Status changes(RollupContext& context, const RollupInput& in, std::span<double> out,
               std::span<std::uint64_t> present) {
  return count_events(context, in, out, present,
                      [](double a, double b) { return a != b && !(std::isnan(a) && std::isnan(b)); });
}
Status resets(RollupContext& context, const RollupInput& in, std::span<double> out,
              std::span<std::uint64_t> present) {
  return count_events(context, in, out, present, [](double a, double b) { return b < a; });
}

struct Larger {
  static constexpr double kWorst = -std::numeric_limits<double>::infinity();
  static bool better(double v, double best) { return v > best; }
  static bool at_least(double v, double best) { return v >= best; }
};
struct Smaller {
  static constexpr double kWorst = std::numeric_limits<double>::infinity();
  static bool better(double v, double best) { return v < best; }
  static bool at_least(double v, double best) { return v <= best; }
};

// NaN loses against every number; a window of nothing but NaN is NaN. Four chains, since each step of
// one waits for the step before it.
template <typename Order>
double extreme(std::span<const double> v) {
  double best[4] = {Order::kWorst, Order::kWorst, Order::kWorst, Order::kWorst};
  std::size_t i = 0;
  for (; i + 4 <= v.size(); i += 4) {
    for (std::size_t lane = 0; lane < 4; ++lane)
      best[lane] = Order::better(v[i + lane], best[lane]) ? v[i + lane] : best[lane];
  }
  for (; i < v.size(); ++i) best[0] = Order::better(v[i], best[0]) ? v[i] : best[0];
  for (std::size_t lane = 1; lane < 4; ++lane)
    best[0] = Order::better(best[lane], best[0]) ? best[lane] : best[0];
  if (best[0] != Order::kWorst) return best[0];
  const bool all_nan = std::ranges::all_of(v, [](double x) { return std::isnan(x); });
  return all_nan ? v.front() : Order::kWorst;
}

// Wide windows that overlap: the samples that can still become the extreme, best first (a monotonic
// queue; each sample enters and leaves once). NaN never enters.
template <typename Order>
Status sliding_extreme(RollupContext& context, const RollupInput& in, std::span<double> out,
                       std::span<std::uint64_t> present) {
  std::vector<std::uint32_t>& queue = context.indices;
  queue.clear();
  std::size_t head = 0;
  std::size_t entered = 0;
  std::ranges::copy(in.windows.non_empty, present.begin());
  for (std::size_t step = 0; step < out.size(); ++step) {
    for (; entered < in.windows.end[step]; ++entered) {
      const double v = in.values[entered];
      if (std::isnan(v)) continue;
      while (queue.size() > head && !Order::better(in.values[queue.back()], v)) queue.pop_back();
      queue.push_back(static_cast<std::uint32_t>(entered));
    }
    while (head < queue.size() && queue[head] < in.windows.first[step]) ++head;
    if (in.windows.size(step) == 0) continue;
    const bool any = head < queue.size();
    out[step] = in.values[any ? queue[head] : in.windows.first[step]];
  }
  return {};
}

template <typename Order>
Status extreme_over_time(RollupContext& context, const RollupInput& in, std::span<double> out,
                         std::span<std::uint64_t> present) {
  // rollup_bench: the queue costs about as much per sample as looking at eight.
  if (in.windows.samples > 8 * in.values.size()) return sliding_extreme<Order>(context, in, out, present);
  return each_window(in, out, present, [&](auto first, auto last) {
    return extreme<Order>(in.values.subspan(first, last - first + 1));
  });
}

/// Of the last sample that is the extreme.
template <typename Order>
Status time_of_extreme(RollupContext& context, const RollupInput& in, std::span<double> out,
                       std::span<std::uint64_t> present) {
  if (Status go_on = context.worked(in.values.size()); !go_on.ok()) return go_on;
  return each_window(in, out, present, [&](auto first, auto last) {
    std::size_t best = first;
    for (std::size_t i = first; i <= last; ++i) {
      if (Order::at_least(in.values[i], in.values[best]) || std::isnan(in.values[best])) best = i;
    }
    return seconds(in.times[best]);
  });
}

constexpr RollupFunction kFunctions[] = {
    {"changes", changes},
    {"count_over_time", count},
    {"first_over_time", first_value, true},
    {"last_over_time", last_value, true},
    {"max_over_time", extreme_over_time<Larger>},
    {"min_over_time", extreme_over_time<Smaller>},
    {"present_over_time", present_over_time},
    {"resets", resets},
    {"ts_of_first_over_time", first_time},
    {"ts_of_last_over_time", last_time},
    {"ts_of_max_over_time", time_of_extreme<Larger>},
    {"ts_of_min_over_time", time_of_extreme<Smaller>},
};

}  // namespace

std::span<const RollupFunction> simple_rollups() { return kFunctions; }

}  // namespace silverback::query
