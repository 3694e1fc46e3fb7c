// The process: what the kernel knows of it, and what we ask of the kernel.
#pragma once

#include <cstdint>
#include <vector>

#include "base/metrics.h"
#include "base/status.h"

namespace silverback::server {

struct ProcessFigures {
  double cpu_s = 0;    // user and system
  double start_s = 0;  // Unix time
  std::uint64_t resident_bytes = 0;
  std::uint64_t virtual_bytes = 0;
  std::uint64_t threads = 0;
  std::uint64_t open_fds = 0;
  std::uint64_t max_fds = 0;
};

/// From /proc/self; a figure that cannot be read is 0.
ProcessFigures read_process_figures();

/// process_* under the names that every Prometheus client library uses. Valid while the handles live.
std::vector<Metrics::Handle> register_process_metrics(Metrics& metrics);

/// Every connection and every file of the store takes one: the soft limit becomes the hard one.
void raise_file_limit();

/// Bytes of memory that this process may use: the machine's, or its control group's when that is less.
std::uint64_t machine_memory();

/// What suits a server with few threads and large, short-lived buffers. Called before threads start.
void tune_allocator();

}  // namespace silverback::server
