#include "server/process.h"

#include <dirent.h>
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

#include "base/log.h"

namespace silverback::server {
namespace {

std::string read_small_file(const char* path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

/// Field `n` of /proc/self/stat, counted from 1 as proc(5) does; the name in field 2 may hold spaces.
std::uint64_t stat_field(std::string_view stat, int n) {
  const std::size_t end_of_name = stat.rfind(')');
  if (end_of_name == stat.npos) return 0;
  std::string_view rest = stat.substr(end_of_name + 1);
  for (int field = 2; field < n; ++field) {
    const std::size_t space = rest.find(' ');
    if (space == rest.npos) return 0;
    rest.remove_prefix(space + 1);
  }
  std::uint64_t value = 0;
  std::from_chars(rest.data(), rest.data() + rest.size(), value);
  return value;
}

/// Unix time of the machine's start, "btime" in /proc/stat.
double boot_time_s() {
  std::ifstream file("/proc/stat");
  std::string word;
  while (file >> word) {
    if (word != "btime") continue;
    double seconds = 0;
    file >> seconds;
    return seconds;
  }
  return 0;
}

std::uint64_t count_open_files() {
  DIR* const directory = ::opendir("/proc/self/fd");
  if (directory == nullptr) return 0;
  std::uint64_t entries = 0;
  while (::readdir(directory) != nullptr) ++entries;
  ::closedir(directory);
  constexpr std::uint64_t kNotCounted = 3;  // ".", ".." and the directory itself
  return entries < kNotCounted ? 0 : entries - kNotCounted;
}

}  // namespace

ProcessFigures read_process_figures() {
  ProcessFigures out;
  const std::string stat = read_small_file("/proc/self/stat");
  const auto ticks_per_s = static_cast<double>(::sysconf(_SC_CLK_TCK));
  const auto page_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) == 0) {  // finer than stat's ticks
    const auto seconds = [](const timeval& t) {
      return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    out.cpu_s = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  }
  out.threads = stat_field(stat, 20);
  static const double boot_s = boot_time_s();
  out.start_s = boot_s + static_cast<double>(stat_field(stat, 22)) / ticks_per_s;
  out.virtual_bytes = stat_field(stat, 23);
  out.resident_bytes = stat_field(stat, 24) * page_bytes;
  out.open_fds = count_open_files();
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) out.max_fds = limit.rlim_cur;
  return out;
}

std::vector<Metrics::Handle> register_process_metrics(Metrics& metrics) {
  std::vector<Metrics::Handle> handles;
  const auto add = [&](MetricType type, std::string_view name, std::string_view help, auto figure) {
    handles.push_back(metrics.callback(
        type, name, help, {}, [figure] { return static_cast<double>(read_process_figures().*figure); }));
  };
  add(MetricType::Counter, "process_cpu_seconds_total", "User and system CPU time.", &ProcessFigures::cpu_s);
  add(MetricType::Gauge, "process_resident_memory_bytes", "Resident memory.",
      &ProcessFigures::resident_bytes);
  add(MetricType::Gauge, "process_virtual_memory_bytes", "Virtual memory.", &ProcessFigures::virtual_bytes);
  add(MetricType::Gauge, "process_threads", "Threads.", &ProcessFigures::threads);
  add(MetricType::Gauge, "process_open_fds", "Open file descriptors.", &ProcessFigures::open_fds);
  add(MetricType::Gauge, "process_max_fds", "Most file descriptors that may be open.",
      &ProcessFigures::max_fds);
  add(MetricType::Gauge, "process_start_time_seconds", "Start of the process, Unix time.",
      &ProcessFigures::start_s);
  return handles;
}

void raise_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) log(LogLevel::Warn, "could not raise the limit of open files");
}

std::uint64_t machine_memory() {
  const auto pages = static_cast<std::uint64_t>(std::max(0L, ::sysconf(_SC_PHYS_PAGES)));
  const std::uint64_t machine = pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  std::uint64_t group = 0;
  std::ifstream("/sys/fs/cgroup/memory.max") >> group;  // "max" leaves 0
  return group == 0 ? machine : std::min(machine, group);
}

void tune_allocator() {
  // An arena per thread keeps what its thread once needed; two are enough for the locks not to show.
  ::mallopt(M_ARENA_MAX, 2);
  // By itself the allocator learns from the first large query to keep such blocks. They are to go back.
  ::mallopt(M_MMAP_THRESHOLD, 4 << 20);
  ::mallopt(M_TRIM_THRESHOLD, 16 << 20);
}

}  // namespace silverback::server
