// What the running processor can do. The machine that builds is not the machine that runs.
#pragma once

namespace silverback {

struct CpuFeatures {
  bool avx2 = false;
  bool avx512 = false;  // F, BW, DQ and VL together
};

/// Asked once; `SILVERBACK_CPU=baseline` in the environment switches all of it off, for tests.
const CpuFeatures& cpu_features();

}  // namespace silverback
