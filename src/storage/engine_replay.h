// What recovery needs while it runs, and nobody afterwards.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "model/appender.h"
#include "storage/chunk_store.h"
#include "storage/engine.h"
#include "storage/parallel_apply.h"
#include "storage/wal_record.h"

namespace silverback::storage {

struct Engine::Replay {
  std::vector<FlushMark> marks;
  WalPosition newest_mark;
  std::unordered_map<std::int32_t, WalPosition> flushed;  // by window, as asked for
  std::unordered_map<SeriesRef, SeriesRef> renamed;       // labels that were known under an earlier ref

  // Series that have labels, by ref: of the registry and of the log so far. Samples of others are left out.
  std::vector<bool> known;
  void note_known(SeriesRef ref) {
    const auto number = static_cast<std::uint32_t>(ref);
    if (number >= known.size()) known.resize(std::size_t{number} + number / 2 + 1);
    known[number] = true;
  }
  bool knows(SeriesRef ref) const {
    const auto number = static_cast<std::uint32_t>(ref);
    return number < known.size() && known[number];
  }

  std::vector<SeriesEntry> entries;      // reused from record to record
  std::unique_ptr<ParallelApply> apply;  // while the log is read

  std::uint64_t records = 0;
  std::uint64_t samples = 0;
  std::uint64_t checkpoint_samples = 0;
  std::uint64_t lost_runs = 0;
};

}  // namespace silverback::storage
