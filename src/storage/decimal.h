// Decimal scaling: doubles as integers over a power of ten, the kernels of the float codec.
//
// A double that was read from a decimal text of up to 15 digits is k / 10^e rounded once, so k and e bring it
// back. Division is slow; with fused multiply-add it is done as q = k * r, q + (k - q * p) * r, where r is 1
// / p rounded. The result is the correctly rounded quotient: k - q * p is exact, and k / p with |k| < 2^51
// and p = 10^e is further from a midpoint between two doubles than 2^-40 of their distance, far more than the
// error of the last step. So both ways give the same bits. Source of the method: Markstein, "Computation of
// elementary functions on the IBM RISC System/6000 processor", IBM J. Res. Dev. 34(1), 1990.
//
// Threads: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>

#include "storage/simd.h"

namespace silverback::storage {

inline constexpr unsigned kMaxScale = 15;
/// Scaled integers stay below this magnitude.
inline constexpr std::int64_t kMaxScaled = std::int64_t{1} << 50;

inline constexpr double kPowersOfTen[kMaxScale + 1] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                       1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};

/// k[i] = values[i] * 10^scale to the nearest integer, when k[i] / 10^scale is values[i] to the last bit.
/// @returns how many values are not; their k is of no use
std::size_t scale_up(Simd simd, const double* values, std::size_t n, unsigned scale, std::int64_t* k);

/// out[i] = k[i] / 10^scale.
/// @returns false when some |k[i]| >= 2^51, which scale_up never makes; `out` then holds nothing of use
bool scale_down(Simd simd, const std::int64_t* k, std::size_t n, unsigned scale, double* out);

/// One value: true and its k, or false.
bool scale_one(double value, unsigned scale, std::int64_t& k);

/// The nearest integer to value * 10^scale and how far value lies from k / 10^scale, in units of the last
/// place.
/// @returns false when that is no small number, or the signs differ
bool scale_near(double value, unsigned scale, std::int64_t& k, std::int64_t& ulps);
inline constexpr std::int64_t kMaxUlps = 63;

}  // namespace silverback::storage
