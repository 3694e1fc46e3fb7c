// Checkpoint: every series' state in memory as one file, so that older log is not needed.
//
// The file is a header, checksummed blocks and an end block; see docs/format/checkpoint.md. It is written
// while appends go on: it holds everything that the log holds before its position, and some of what comes
// after, which replaying again does not change.
//
// Threads: one writer or loader at a time; the head may be in use while writing.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <vector>

#include "base/status.h"
#include "model/appender.h"
#include "storage/head.h"
#include "storage/wal.h"

namespace silverback::storage {

/// Name of checkpoint number n; numbers ascend.
std::filesystem::path checkpoint_path(const std::filesystem::path& dir, std::uint64_t number);
/// Numbers of the checkpoints that there are, newest first.
std::vector<std::uint64_t> list_checkpoints(const std::filesystem::path& dir);

struct CheckpointInfo {
  WalPosition position;  // replay begins here
  std::uint64_t series = 0;
  std::uint64_t samples = 0;
  std::uint64_t bytes = 0;
  std::vector<Progress> progress;  // of sources; load_checkpoint() alone fills it
};

/// Series with refs below `end_ref`, and how far sources had been taken in at `position`. On return the file
/// is durable.
Result<CheckpointInfo> write_checkpoint(const std::filesystem::path& path, Head& head, WalPosition position,
                                        std::uint32_t end_ref, std::span<const Progress> progress = {});

/// Reads header and checksums, and whether the end is there.
/// @returns DataLoss when anything is wrong, InvalidArgument for a newer format
Result<CheckpointInfo> check_checkpoint(const std::filesystem::path& path);

/// Puts the series into the head. Samples of a window are left out when `flushed_at` says that the window was
/// flushed beyond the checkpoint's position.
///
/// @param salvage  take the whole blocks of a damaged file and no more
Result<CheckpointInfo> load_checkpoint(const std::filesystem::path& path, Head& head, bool salvage,
                                       const std::function<WalPosition(std::int32_t window)>& flushed_at,
                                       const std::function<void(std::int32_t window)>& touch);

}  // namespace silverback::storage
