// Kahan: sums that remember what rounding lost.
//
// The error of each addition is found without a branch (Knuth, TAOCP volume 2, section 4.2.2, theorem B)
// and summed on its own; it is the same error that Neumaier's branch finds, so results agree bit for bit
// with Prometheus', and the loop vectorises.
//
// Once the sum overflows, the lost part is meaningless and is set to zero.
#pragma once

#include <bit>
#include <cstdint>

namespace silverback::query {

inline void kahan_add(double x, double& sum, double& lost) {
  const double total = sum + x;
  const double added = total - sum;
  const double error = (sum - (total - added)) + (x - added);
  sum = total;
  lost = total - total == 0 ? lost + error : 0;  // not finite: 0
}

/// Two sums at once. g++ 12 does not find this by itself, because of the choice at the end.
using DoublePair = double __attribute__((vector_size(16)));

inline void kahan_add(DoublePair x, DoublePair& sum, DoublePair& lost) {
  using BitsPair = std::int64_t __attribute__((vector_size(16)));
  const DoublePair total = sum + x;
  const DoublePair added = total - sum;
  const DoublePair error = (sum - (total - added)) + (x - added);
  const auto finite = std::bit_cast<BitsPair>(total - total == DoublePair{0, 0});  // all bits or none
  sum = total;
  lost = std::bit_cast<DoublePair>(std::bit_cast<BitsPair>(lost + error) & finite);
}

}  // namespace silverback::query
