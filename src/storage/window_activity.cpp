#include "storage/window_activity.h"

#include <algorithm>

#include "storage/window.h"

namespace silverback::storage {

void WindowActivity::note(std::int32_t window, std::int64_t now_ns) {
  WindowUse& use = windows_[window];
  if (use.writes == 0) {
    use.window = window;
    use.first_write_ns = now_ns;
  }
  use.last_write_ns = now_ns;
  ++use.writes;
}

void WindowActivity::touch(std::span<const std::int64_t> times_ns, std::int64_t now_ns) {
  if (times_ns.empty()) return;
  std::int64_t least = times_ns[0];
  std::int64_t most = times_ns[0];
  for (const std::int64_t time : times_ns) {
    least = std::min(least, time);
    most = std::max(most, time);
  }
  const MutexLock lock(mutex_);
  note(window_of(least), now_ns);
  if (window_of(least) == window_of(most)) return;
  TimeRange noted = window_range(window_of(least));
  for (const std::int64_t time : times_ns) {
    if (noted.contains(time)) continue;
    noted = window_range(window_of(time));
    note(window_of(time), now_ns);
  }
}

void WindowActivity::touch_window(std::int32_t window, std::int64_t now_ns) {
  const MutexLock lock(mutex_);
  note(window, now_ns);
}

std::vector<WindowUse> WindowActivity::list() const {
  const MutexLock lock(mutex_);
  std::vector<WindowUse> out;
  out.reserve(windows_.size());
  for (const auto& [window, use] : windows_) out.push_back(use);
  return out;
}

void WindowActivity::flushed(std::span<const WindowUse> before) {
  const MutexLock lock(mutex_);
  for (const WindowUse& use : before) {
    const auto it = windows_.find(use.window);
    if (it != windows_.end() && it->second.writes == use.writes) windows_.erase(it);
  }
}

}  // namespace silverback::storage
