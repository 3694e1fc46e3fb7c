#include "storage/simd.h"

#include "base/cpu.h"

namespace silverback::storage {

Simd best_simd() {
#if defined(__x86_64__)
  static const Simd best =
      cpu_features().avx2 && __builtin_cpu_supports("fma") != 0 ? Simd::Avx2 : Simd::Baseline;
  return best;
#else
  return Simd::Baseline;
#endif
}

}  // namespace silverback::storage
