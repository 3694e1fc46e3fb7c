#include "storage/file_io.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "storage/wal_segment.h"

namespace silverback::storage {

namespace fs = std::filesystem;

Status io_error(const fs::path& path, std::string_view doing) {
  return Status(Code::Unavailable, path.string() + ": " + std::string(doing) + ": " + std::strerror(errno));
}

fs::path WholeFile::temporary() const {
  fs::path temporary = path_;
  temporary += ".tmp";
  return temporary;
}

Result<WholeFile> WholeFile::create(const fs::path& path) {
  WholeFile file(path, -1);
  file.fd_ = ::open(file.temporary().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file.fd_ < 0) return io_error(file.temporary(), "cannot create");
  return file;
}

WholeFile::WholeFile(WholeFile&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}

WholeFile::~WholeFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(temporary().c_str());
}

Status WholeFile::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return io_error(temporary(), "cannot write");
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Status WholeFile::commit() {
  if (::fsync(fd_) != 0) return io_error(temporary(), "cannot sync");
  if (::rename(temporary().c_str(), path_.c_str()) != 0) return io_error(path_, "cannot rename to this name");
  ::close(std::exchange(fd_, -1));
  return sync_directory(path_.parent_path());
}

Result<DirectoryLock> DirectoryLock::take(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return io_error(path, "cannot open the lock file");
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    const bool held = errno == EWOULDBLOCK;
    Status status =
        held ? Status(Code::Unavailable, path.parent_path().string() +
                                             ": another process uses this directory; stop it first, or "
                                             "choose another storage path")
             : io_error(path, "cannot lock");
    ::close(fd);
    return status;
  }
  return DirectoryLock(fd);
}

DirectoryLock::DirectoryLock(DirectoryLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

DirectoryLock::~DirectoryLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace silverback::storage
