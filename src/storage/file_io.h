// Small files that must be whole after a power cut, and the directory's lock.
//
// Errors: Unavailable naming path and errno.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/status.h"

namespace silverback::storage {

Status io_error(const std::filesystem::path& path, std::string_view doing);

/// A file that appears under its name whole and durably, or not at all: written beside it, synced, renamed.
class WholeFile {
 public:
  static Result<WholeFile> create(const std::filesystem::path& path);
  WholeFile(WholeFile&& other) noexcept;
  WholeFile& operator=(WholeFile&&) = delete;
  ~WholeFile();  // removes what was not committed

  Status write(std::string_view bytes);
  Status commit();

 private:
  WholeFile(std::filesystem::path path, int fd) : path_(std::move(path)), fd_(fd) {}
  std::filesystem::path temporary() const;

  std::filesystem::path path_;
  int fd_;
};

/// Held as long as the object lives; goes with the process, however that ends.
class DirectoryLock {
 public:
  /// @returns Unavailable when another process has it
  static Result<DirectoryLock> take(const std::filesystem::path& path);
  DirectoryLock(DirectoryLock&& other) noexcept;
  DirectoryLock& operator=(DirectoryLock&&) = delete;
  ~DirectoryLock();

 private:
  explicit DirectoryLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace silverback::storage
