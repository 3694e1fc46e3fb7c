// Reading the log back. Which segments count, and how much of each, is settled first, from the headers:
//
//   1: previous 0            2: previous 1, 900 bytes        4: previous 2, 300 bytes
//   |== log, 900 ==|~~~|     |== log, 300 ==|torn|           |== log ====|torn      (3 never got a header)
//
// ~ and "torn" before the last segment never counted: the writer gave that tail up and said so in the next
// header. Damage inside what counts stops the replay, unless the segment may have lost pages to a power
// failure (it was not on the disk when the last header was written): then the log ends there.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "storage/wal.h"
#include "storage/wal_segment.h"

namespace silverback::storage {
namespace {

/// Reads a file through a window that moves forward and grows for a large record.
class FileWindow {
 public:
  static Result<FileWindow> open(const std::filesystem::path& path) {
    FileWindow window(path, ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (window.fd_ < 0) return file_error("open", path, errno);
    struct stat status {};
    if (::fstat(window.fd_, &status) != 0) return file_error("read", path, errno);
    window.size_ = static_cast<std::uint64_t>(status.st_size);
    ::posix_fadvise(window.fd_, 0, 0, POSIX_FADV_SEQUENTIAL);
    return window;
  }
  FileWindow(FileWindow&& other) noexcept
      : path_(std::move(other.path_)),
        fd_(std::exchange(other.fd_, -1)),
        size_(other.size_),
        begin_(other.begin_),
        bytes_(std::move(other.bytes_)) {}
  FileWindow& operator=(FileWindow&&) = delete;
  ~FileWindow() {
    if (fd_ >= 0) ::close(fd_);
  }

  std::uint64_t size() const { return size_; }

  /// The bytes [offset, offset + count); offset never goes back further than the last call's. The caller
  /// keeps within size().
  Result<std::string_view> view(std::uint64_t offset, std::uint64_t count) {
    if (offset < begin_ || offset + count > begin_ + bytes_.size()) {
      if (const Status filled = fill(offset, count); !filled.ok()) return filled;
    }
    return std::string_view(bytes_).substr(offset - begin_, count);
  }

 private:
  static constexpr std::uint64_t kReadBytes = 1 << 20;

  FileWindow(std::filesystem::path path, int fd) : path_(std::move(path)), fd_(fd) {}

  Status fill(std::uint64_t offset, std::uint64_t count) {
    const std::uint64_t kept =
        offset >= begin_ && offset < begin_ + bytes_.size() ? begin_ + bytes_.size() - offset : 0;
    if (kept > 0) std::memmove(bytes_.data(), bytes_.data() + (offset - begin_), kept);
    begin_ = offset;
    bytes_.resize(std::min(size_ - offset, std::max(count, kReadBytes)));
    for (std::uint64_t have = kept; have < bytes_.size();) {
      const ssize_t n =
          ::pread(fd_, bytes_.data() + have, bytes_.size() - have, static_cast<off_t>(offset + have));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return file_error("read", path_, n < 0 ? errno : EIO);
      have += static_cast<std::uint64_t>(n);
    }
    return {};
  }

  std::filesystem::path path_;
  int fd_;
  std::uint64_t size_ = 0;
  std::uint64_t begin_ = 0;  // offset of bytes_
  std::string bytes_;
};

struct Record {
  RecordType type;
  std::string_view payload;
  std::uint64_t bytes;  // with its header
};

class Replay {
 public:
  Replay(const std::filesystem::path& dir, WalPosition from, const ReplayOptions& options,
         const ReplayCallback& callback)
      : dir_(dir), from_(from), options_(options), callback_(callback) {}

  Result<ReplayStats> run() {
    if (const Status found = find_segments(); !found.ok()) return found;
    stats_.next_segment = std::max(stats_.next_segment, from_.segment);
    stats_.synced_before = std::max<std::uint64_t>(synced_before_, 1);
    for (std::size_t i = 0; i < files_.size() && !ended_; ++i) {
      if (files_[i].number < from_.segment) {
        stats_.end = {files_[i].number, files_[i].counts};
        continue;
      }
      Status read = check_predecessor(i);
      if (read.ok()) read = read_segment(i);
      if (!read.ok()) return read;
    }
    return stats_;
  }

 private:
  struct File {
    std::uint64_t number = 0;
    std::uint64_t size = 0;
    Status header_failure;  // NotFound: it never reached the disk
    SegmentHeader header;
    bool last = false;
    std::uint64_t counts = 0;  // bytes that are log, as the next header says; the size for the last
  };

  Status find_segments() {
    const auto numbers = list_segments(dir_);
    if (!numbers) return numbers.status();
    const auto used = last_used_number(dir_);
    if (!used) return used.status();
    stats_.next_segment = *used + 1;
    for (const std::uint64_t number : *numbers) {
      auto file = read_header(number);
      if (!file) return file.status();
      files_.push_back(std::move(*file));
    }
    if (const Status dropped = drop_unborn(); !dropped.ok()) return dropped;
    for (std::size_t i = files_.size(); i-- > 0;) {
      File& file = files_[i];
      file.last = i + 1 == files_.size();
      file.counts = file.size;
      if (!file.last && files_[i + 1].header.previous == file.number)
        file.counts = files_[i + 1].header.previous_bytes;
      if (file.header_failure.ok()) synced_before_ = std::max(synced_before_, file.header.synced_before);
    }
    return {};
  }

  Result<File> read_header(std::uint64_t number) const {
    auto window = FileWindow::open(segment_path(dir_, number));
    if (!window) return window.status();
    File file;
    file.number = number;
    file.size = window->size();
    const auto bytes = window->view(0, std::min(file.size, kSegmentHeaderBytes));
    if (!bytes) return bytes.status();
    const auto header = decode_segment_header(*bytes);
    if (header) file.header = *header;
    file.header_failure = header.status();
    if (header && header->number != number) {
      file.header_failure = Status(Code::DataLoss, "header says segment " + std::to_string(header->number));
    }
    return file;
  }

  // A newest file whose header never reached the disk is no segment. Nor is one in the middle that its
  // follower does not follow: a start that was cut short left it.
  Status drop_unborn() {
    std::vector<File> born;
    for (std::size_t i = 0; i < files_.size(); ++i) {
      File& file = files_[i];
      const bool newest = i + 1 == files_.size();
      const bool skipped =
          !newest && files_[i + 1].header_failure.ok() && files_[i + 1].header.previous < file.number;
      if (file.header_failure.code() != Code::NotFound || !(newest || skipped)) {
        born.push_back(std::move(file));
        continue;
      }
      const Status dropped = set_aside(file, std::string(file.header_failure.message()));
      if (!dropped.ok()) return dropped;
    }
    files_ = std::move(born);
    return {};
  }

  Status check_predecessor(std::size_t i) {
    const File& file = files_[i];
    if (!file.header_failure.ok()) return {};  // read_segment() will tell
    const std::uint64_t before = i > 0 ? files_[i - 1].number : 0;
    const bool wanted = std::max(file.header.previous, before) >= from_.segment;
    const bool begins = i == 0 && from_.segment == 0;  // what was removed before it is not known
    if (file.header.previous == before || !wanted || begins) return {};
    return damage(file.number, 0,
                  "it follows segment " + std::to_string(file.header.previous) + ", which is missing");
  }

  Status read_segment(std::size_t i) {
    const File& file = files_[i];
    if (file.header_failure.code() == Code::InvalidArgument)
      return Status(file.header_failure).in(segment_path(dir_, file.number).string());
    if (!file.header_failure.ok()) return bad_place(i, 0, std::string(file.header_failure.message()));

    auto window = FileWindow::open(segment_path(dir_, file.number));
    if (!window) return window.status();
    ++stats_.segments;
    std::uint64_t offset = kSegmentHeaderBytes;
    if (file.number == from_.segment) offset = std::max(offset, from_.offset);
    const std::uint64_t end = std::min(file.counts, window->size());
    while (offset < end) {
      std::string why;
      const auto record = read_record(*window, offset, end, why);
      if (!record) return record.status();
      if (!record->has_value()) {
        if (const Status bad = bad_place(i, offset, why); !bad.ok() || ended_) return bad;
        const auto next = behind_bad_record(*window, offset, end);
        if (!next) return next.status();
        stats_.dropped_bytes += *next - offset;
        offset = *next;
        continue;
      }
      Status applied = callback_({file.number, offset}, (*record)->type, (*record)->payload);
      if (!applied.ok()) return std::move(applied).in(place(file.number, offset));
      ++stats_.records;
      stats_.payload_bytes += (*record)->payload.size();
      offset += (*record)->bytes;
    }
    stats_.end = {file.number, std::min(offset, window->size())};
    if (file.counts > window->size()) {
      return bad_place(i, offset, "it ends " + std::to_string(file.counts - window->size()) + " bytes early");
    }
    return {};
  }

  /// Nothing, and why in words, when there is no whole record.
  static Result<std::optional<Record>> read_record(FileWindow& window, std::uint64_t offset,
                                                   std::uint64_t end, std::string& why) {
    if (end - offset < kRecordHeaderBytes) {
      why = "a record header is cut short";
      return std::optional<Record>();
    }
    const auto head = window.view(offset, kRecordHeaderBytes);
    if (!head) return head.status();
    std::uint32_t size = 0;
    std::uint32_t checksum = 0;
    std::memcpy(&size, head->data(), 4);
    std::memcpy(&checksum, head->data() + 4, 4);
    const auto type = static_cast<RecordType>((*head)[8]);
    if (size > kMaxRecordBytes || size > end - offset - kRecordHeaderBytes) {
      why = "a record of " + std::to_string(size) + " bytes does not fit";
      return std::optional<Record>();
    }
    const auto payload = window.view(offset + kRecordHeaderBytes, size);
    if (!payload) return payload.status();
    if (type == RecordType{} || record_checksum(type, *payload) != checksum) {
      why = type == RecordType{} ? "zero bytes where a record should be" : "a record's checksum is wrong";
      return std::optional<Record>();
    }
    return std::optional<Record>(Record{type, *payload, kRecordHeaderBytes + size});
  }

  /// Salvaging: the next record when the bad one's length leads to a good one, else the end.
  static Result<std::uint64_t> behind_bad_record(FileWindow& window, std::uint64_t offset,
                                                 std::uint64_t end) {
    if (end - offset < kRecordHeaderBytes) return end;
    const auto head = window.view(offset, kRecordHeaderBytes);
    if (!head) return head.status();
    std::uint32_t size = 0;
    std::memcpy(&size, head->data(), 4);
    const std::uint64_t next = offset + kRecordHeaderBytes + size;
    if (size > kMaxRecordBytes || next >= end) return end;
    std::string why;
    const auto record = read_record(window, next, end, why);
    if (!record) return record.status();
    return record->has_value() ? next : end;
  }

  /// The log ends here, or the replay does, or salvage goes on (OK and not ended_).
  Status bad_place(std::size_t i, std::uint64_t offset, const std::string& why) {
    const File& file = files_[i];
    const bool power_loss = file.number >= synced_before_;
    const bool torn =
        file.header_failure.code() != Code::DataLoss;  // power loss leaves zeros there, not noise
    const bool end_of_log = torn && (power_loss || (file.last && file.header_failure.ok()));
    if (!end_of_log || (options_.salvage && !file.last)) {
      if (!file.header_failure.ok()) stats_.dropped_bytes += file.size;
      return damage(file.number, offset, why);
    }

    ended_ = true;
    note(file.number, offset, why);
    if (file.header_failure.ok()) {
      stats_.end = {file.number, offset};
      stats_.dropped_bytes += file.size - std::min(file.size, offset);
      if (const Status cut = truncate(file, offset); !cut.ok()) return cut;
    } else if (const Status aside = set_aside(file, why); !aside.ok()) {
      return aside;
    }
    for (std::size_t k = i + 1; k < files_.size(); ++k) {
      const Status aside = set_aside(files_[k], why);
      if (!aside.ok()) return aside;
    }
    return {};
  }

  /// OK when salvaging.
  Status damage(std::uint64_t number, std::uint64_t offset, const std::string& why) {
    if (options_.salvage) {
      note(number, offset, why);
      return {};
    }
    return Status(Code::DataLoss,
                  "log is damaged at " + place(number, offset) + ": " + why +
                      "; restore the file, or start once with salvage to go on without what is lost");
  }

  void note(std::uint64_t number, std::uint64_t offset, const std::string& why) {
    if (stats_.dropped_why.empty()) stats_.dropped_why = place(number, offset) + ": " + why;
  }

  Status truncate(const File& file, std::uint64_t offset) const {
    if (!options_.repair || offset >= file.size) return {};
    const auto path = segment_path(dir_, file.number);
    if (::truncate(path.c_str(), static_cast<off_t>(offset)) != 0) return file_error("truncate", path, errno);
    return {};
  }

  Status set_aside(const File& file, const std::string& why) {
    ++stats_.dropped_segments;
    stats_.dropped_bytes += file.size;
    note(file.number, 0, why);
    if (!options_.repair) return {};
    const auto path = segment_path(dir_, file.number);
    std::error_code error;
    std::filesystem::rename(path, path.string() + std::string(kLostSuffix), error);
    return error ? file_error("rename", path, error.value()) : Status();
  }

  std::string place(std::uint64_t number, std::uint64_t offset) const {
    return segment_path(dir_, number).string() + " offset " + std::to_string(offset);
  }

  const std::filesystem::path& dir_;
  const WalPosition from_;
  const ReplayOptions options_;
  const ReplayCallback& callback_;
  std::vector<File> files_;
  std::uint64_t synced_before_ = 0;
  bool ended_ = false;
  ReplayStats stats_;
};

}  // namespace

Result<ReplayStats> replay_wal(const std::filesystem::path& dir, WalPosition from,
                               const ReplayOptions& options, const ReplayCallback& callback) {
  return Replay(dir, from, options, callback).run();
}

}  // namespace silverback::storage
