// What recovery needs while it runs, and nobody afterwards.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "model/appender.h"
#include "storage/chunk_store.h"
#include "storage/engine.h"
#include "storage/wal_record.h"

namespace silverback::storage {

struct Engine::Replay {
  std::vector<FlushMark> marks;
  WalPosition newest_mark;
  std::unordered_map<std::int32_t, WalPosition> flushed;  // by window, as asked for
  std::unordered_map<SeriesRef, SeriesRef> renamed;       // labels that were known under an earlier ref

  // Reused from record to record.
  std::vector<SeriesEntry> entries;
  std::vector<SeriesRef> refs;
  Batch batch;

  std::uint64_t records = 0;
  std::uint64_t samples = 0;
  std::uint64_t checkpoint_samples = 0;
  std::uint64_t lost_runs = 0;
};

}  // namespace silverback::storage
