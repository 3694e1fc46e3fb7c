// WalSync: when an acknowledged batch is on disk.
#pragma once

#include <cstdint>

namespace silverback::storage {

enum class WalSync : std::uint8_t {
  Write,     // write() before the answer: survives kill -9, not a power cut
  Interval,  // the same, and fdatasync at an interval: a power cut costs at most that interval
  Always,    // fdatasync before the answer, one for all batches that wait: survives a power cut
};

}  // namespace silverback::storage
