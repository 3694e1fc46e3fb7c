// Reading what a SeriesSnapshot holds, outside all locks.
#pragma once

#include "base/status.h"
#include "storage/head_series.h"

namespace silverback::storage {

/// The open part: stream and tail in one column. Strings point into the snapshot.
Status read_open(const SeriesSnapshot& snapshot, SampleColumn& out);

}  // namespace silverback::storage
