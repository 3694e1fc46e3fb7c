#include "base/cpu.h"

#include <sys/random.h>

#include <chrono>
#include <cstdlib>
#include <string_view>

#include "base/hash.h"

namespace silverback {

const CpuFeatures& cpu_features() {
  static const CpuFeatures features = [] {
    CpuFeatures found;
    const char* wanted = std::getenv("SILVERBACK_CPU");
    if (wanted != nullptr && std::string_view(wanted) == "baseline") return found;
#if defined(__x86_64__)
    found.avx2 = __builtin_cpu_supports("avx2") != 0;
    found.avx512 = __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
                   __builtin_cpu_supports("avx512dq") != 0 && __builtin_cpu_supports("avx512vl") != 0;
#endif
    return found;
  }();
  return features;
}

std::uint64_t process_hash_seed() {
  static const std::uint64_t seed = [] {
    std::uint64_t value = 0;
    if (::getrandom(&value, sizeof value, 0) != sizeof value) {
      value = static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
    }
    return value;
  }();
  return seed;
}

}  // namespace silverback
