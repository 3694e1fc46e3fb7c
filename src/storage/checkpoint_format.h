// The bytes of a checkpoint file, for its writer and its loader. Described in docs/format/checkpoint.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace silverback::storage::checkpoint_format {

inline constexpr std::string_view kMagic = "SBCHKPT\n";
inline constexpr std::uint64_t kVersion = 2;                // 1 where there is no progress
inline constexpr std::size_t kBlockBytes = 256 << 10;       // a block is closed beyond this
inline constexpr std::size_t kMostBlockBytes = 1ull << 30;  // no writer makes a larger one
inline constexpr std::size_t kBlockHeader = 9;              // size, checksum, type

enum class BlockType : std::uint8_t { Header = 1, Data = 2, End = 3, Progress = 4 };
enum class EntryKind : std::uint8_t { Times = 1, Series = 2 };

}  // namespace silverback::storage::checkpoint_format
