// Files of the log: names, headers, record frames. Shared by the writer and the replay.
//
// The bytes are described in docs/format/wal.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "storage/wal.h"

namespace silverback::storage {

inline constexpr std::uint64_t kSegmentHeaderBytes = 48;
inline constexpr std::uint64_t kRecordHeaderBytes = 9;
inline constexpr std::uint32_t kWalVersion = 1;
/// Behind the name of a segment that the replay set aside. Its number is not used again, because positions
/// in it may have been noted elsewhere.
inline constexpr std::string_view kLostSuffix = ".lost";

struct SegmentHeader {
  std::uint64_t number = 0;
  std::uint64_t previous = 0;        // the segment this one follows; 0 is none
  std::uint64_t previous_bytes = 0;  // how much of that file is log; what is behind never counted
  std::uint64_t synced_before = 0;   // segments with smaller numbers were on the disk by then
  friend bool operator==(const SegmentHeader&, const SegmentHeader&) = default;
};

std::string encode_segment_header(const SegmentHeader& header);
/// @returns NotFound for one that never reached the disk (short, or zero bytes only), InvalidArgument for
///          a newer format, DataLoss otherwise
Result<SegmentHeader> decode_segment_header(std::string_view bytes);

std::uint32_t record_checksum(RecordType type, std::string_view payload);
void append_record_header(std::string& out, RecordType type, std::uint32_t payload_bytes,
                          std::uint32_t checksum);

std::filesystem::path segment_path(const std::filesystem::path& dir, std::uint64_t number);
/// Numbers of all segments, ascending; none when there is no directory.
Result<std::vector<std::uint64_t>> list_segments(const std::filesystem::path& dir);

/// The greatest number that was ever used, segments that were set aside included; 0 when none.
Result<std::uint64_t> last_used_number(const std::filesystem::path& dir);

/// Unavailable, "cannot write /x/00000001.log: No space left on device (errno 28)".
Status file_error(std::string_view doing, const std::filesystem::path& path, int error);
/// Makes creations, renames and removals in the directory durable.
Status sync_directory(const std::filesystem::path& dir);

}  // namespace silverback::storage
