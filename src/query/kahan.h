// Kahan: sums that remember what rounding lost.
//
// The error of each addition is found without a branch (Knuth, TAOCP volume 2, section 4.2.2, theorem B)
// and summed on its own; it is the same error that Neumaier's branch finds, so results agree bit for bit
// with Prometheus', and the loop vectorises.
//
// Once the sum overflows, the lost part is meaningless and is set to zero.
#pragma once

namespace silverback::query {

inline void kahan_add(double x, double& sum, double& lost) {
  const double total = sum + x;
  const double added = total - sum;
  const double error = (sum - (total - added)) + (x - added);
  sum = total;
  lost = total - total == 0 ? lost + error : 0;  // not finite: 0
}

}  // namespace silverback::query
