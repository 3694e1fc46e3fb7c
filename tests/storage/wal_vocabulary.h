// What the tests of the log speak: write some records, replay them, look at files as bytes.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "storage/wal.h"

namespace silverback::storage {

struct Read {
  std::vector<std::string> payloads;
  std::vector<WalPosition> positions;
  ReplayStats stats;
};

inline Result<Read> read_log(const std::filesystem::path& dir, WalPosition from = {},
                             ReplayOptions options = {}) {
  Read read;
  const auto stats =
      replay_wal(dir, from, options, [&](WalPosition at, RecordType, std::string_view payload) {
        read.payloads.emplace_back(payload);
        read.positions.push_back(at);
        return Status();
      });
  if (!stats) return stats.status();
  read.stats = *stats;
  return read;
}

/// Replays and opens, as the engine does at start.
inline std::unique_ptr<Wal> start_log(const std::filesystem::path& dir, WalOptions options = {},
                                      WalPosition from = {}) {
  const auto read = read_log(dir, from);
  EXPECT_TRUE(read) << read.status().message();
  if (!read) return nullptr;
  auto wal = Wal::open(dir, options, read->stats);
  EXPECT_TRUE(wal) << wal.status().message();
  return wal ? std::move(*wal) : nullptr;
}

inline Status put(Wal& wal, std::string_view payload) {
  return wal.wait(wal.append(RecordType::Samples, payload));
}

inline std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}
inline void overwrite(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}
inline std::string segment_name(unsigned number) {
  const std::string digits = std::to_string(number);
  return std::string(8 - digits.size(), '0') + digits + ".log";
}

}  // namespace silverback::storage
