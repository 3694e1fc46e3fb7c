// Simd: which instructions a kernel may use. Every kernel gives the same bytes and values at every level, so
// the level is a matter of speed alone.
#pragma once

#include <cstdint>

namespace silverback::storage {

enum class Simd : std::uint8_t {
  Baseline,  // plain C++
  Avx2,      // AVX2 and FMA
};

/// The best that this processor offers; SILVERBACK_CPU=baseline in the environment gives Baseline.
Simd best_simd();

}  // namespace silverback::storage
