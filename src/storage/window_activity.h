// WindowActivity: which windows have samples in the head, and since when nobody has written to them.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "base/mutex.h"

namespace silverback::storage {

struct WindowUse {
  std::int32_t window = 0;
  std::int64_t first_write_ns = 0;  // by the clock
  std::int64_t last_write_ns = 0;
  std::uint64_t writes = 0;  // batches; tells whether there was one since
};

class WindowActivity {
 public:
  /// Samples at these times were written now. One lock per call.
  void touch(std::span<const std::int64_t> times_ns, std::int64_t now_ns) EXCLUDES(mutex_);
  void touch_window(std::int32_t window, std::int64_t now_ns) EXCLUDES(mutex_);

  /// Ascending.
  std::vector<WindowUse> list() const EXCLUDES(mutex_);
  /// The windows were written to disk: forgets those with no write since `before` was listed.
  void flushed(std::span<const WindowUse> before) EXCLUDES(mutex_);

 private:
  void note(std::int32_t window, std::int64_t now_ns) REQUIRES(mutex_);

  mutable Mutex mutex_;
  std::map<std::int32_t, WindowUse> windows_ GUARDED_BY(mutex_);
};

}  // namespace silverback::storage
