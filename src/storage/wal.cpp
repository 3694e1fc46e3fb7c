#include "storage/wal.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "base/log.h"
#include "base/metrics.h"
#include "storage/wal_segment.h"

namespace silverback::storage {

/// Records that are written together and share one answer. All members belong to Wal::mutex_.
struct WalTicket::Group {
  bool done = false;
  Status status;
  Condition changed;  // it is done, or it is time for somebody to lead it
};

/// One file that this process writes, or one that it found and still has to sync.
class Wal::Segment {
 public:
  Segment(std::uint64_t segment_number, std::filesystem::path file, int descriptor, std::uint64_t bytes)
      : number(segment_number), path(std::move(file)), fd(descriptor), written(bytes) {}
  ~Segment() { ::close(fd); }
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;

  const std::uint64_t number;
  const std::filesystem::path path;
  const int fd;
  // The leader stores after write(), the syncer loads before fdatasync(): what it then knows as synced is
  // never more than what was.
  std::atomic<std::uint64_t> written;
  std::atomic<std::uint64_t> synced{0};
  std::atomic<bool> in_directory{false};  // the directory was synced after the file was made
  std::atomic<bool> damaged{false};       // a sync failed: nothing more is written here
};

namespace {

/// The bytes that were written before the failure, and errno; 0 when all were.
std::pair<std::uint64_t, int> write_all(int fd, std::string_view bytes) {
  std::uint64_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = ::write(fd, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return {done, n < 0 ? errno : EIO};
    done += static_cast<std::uint64_t>(n);
  }
  return {done, 0};
}

}  // namespace

Result<std::unique_ptr<Wal>> Wal::open(std::filesystem::path dir, const WalOptions& options,
                                       const ReplayStats& replayed) {
  std::error_code error;
  const bool created = std::filesystem::create_directories(dir, error);
  if (error) return file_error("make", dir, error.value());
  if (created && dir.has_parent_path()) {
    if (const Status synced = sync_directory(dir.parent_path()); !synced.ok()) return synced;
  }
  const auto numbers = list_segments(dir);
  if (!numbers) return numbers.status();
  if (!numbers->empty() && numbers->back() >= replayed.next_segment) {
    return Status(Code::InvalidArgument, "log " + dir.string() + " has segment " +
                                             std::to_string(numbers->back()) +
                                             ", which was not replayed; replay the log before opening it");
  }
  std::unique_ptr<Wal> wal(new Wal(std::move(dir), options, replayed));
  {
    const MutexLock lock(wal->mutex_);
    for (const std::uint64_t number : *numbers) {
      const auto path = segment_path(wal->dir_, number);
      const std::uint64_t bytes = std::filesystem::file_size(path, error);
      if (error) return file_error("read", path, error.value());
      wal->stats_.bytes += bytes;
      if (number < replayed.synced_before) continue;
      const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
      if (fd < 0) return file_error("open", path, errno);
      wal->retired_.push_back(std::make_shared<Segment>(number, path, fd, bytes));
    }
  }
  if (options.sync == WalSync::Always) {
    if (const Status synced = wal->sync_files(false); !synced.ok()) return synced;
  } else {
    wal->syncer_ = std::jthread([w = wal.get()] { w->sync_loop(); });
  }
  return wal;
}

Wal::Wal(std::filesystem::path dir, const WalOptions& options, const ReplayStats& replayed)
    : dir_(std::move(dir)),
      options_(options),
      group_(std::make_shared<Group>()),
      next_{replayed.next_segment, kSegmentHeaderBytes},
      previous_segment_(replayed.end.segment),
      previous_bytes_(replayed.end.offset) {
  stats_.segment = next_.segment;
}

Wal::~Wal() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    wake_syncer_.notify_all();
  }
  if (syncer_.joinable()) syncer_.join();
  {
    const MutexLock lock(mutex_);
    if (!pending_.empty()) lead();
  }
  if (options_.sync == WalSync::Write) return;
  if (const Status synced = sync_files(true); !synced.ok()) {
    log(LogLevel::Error, "the log was not synced at the end", {{"error", synced.message()}});
  }
}

WalTicket Wal::append(RecordType type, std::string_view payload) {
  const Entry entry{type, payload};
  return append(std::span(&entry, 1));
}

WalTicket Wal::append(std::span<const Entry> entries) {
  constexpr std::size_t kUsual = 4;
  std::uint32_t few[kUsual];
  std::vector<std::uint32_t> many(entries.size() > kUsual ? entries.size() : 0);
  std::uint32_t* const checksums = many.empty() ? few : many.data();
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const std::string_view payload = entries[i].payload;
    if (payload.size() > kMaxRecordBytes) {
      auto refused = std::make_shared<Group>();
      refused->done = true;
      refused->status =
          Status(Code::InvalidArgument, "a log record of " + std::to_string(payload.size()) +
                                            " bytes is over the limit of " + std::to_string(kMaxRecordBytes) +
                                            "; send smaller batches");
      return WalTicket(std::move(refused));
    }
    checksums[i] = record_checksum(entries[i].type, payload);
    bytes += kRecordHeaderBytes + payload.size();
  }

  const MutexLock lock(mutex_);
  make_room(bytes);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto& [type, payload] = entries[i];
    append_record_header(pending_, type, static_cast<std::uint32_t>(payload.size()), checksums[i]);
    pending_.append(payload);
  }
  next_.offset += bytes;
  stats_.records += entries.size();
  return WalTicket(group_);
}

void Wal::make_room(std::uint64_t bytes) {
  for (;;) {
    if (rotating_) {
      idle_.wait(mutex_);
    } else if (next_.offset > kSegmentHeaderBytes && next_.offset + bytes > options_.segment_bytes) {
      start_segment();
    } else if (!pending_.empty() && pending_.size() + bytes > options_.buffer_bytes) {
      if (leading_) {
        idle_.wait(mutex_);
      } else {
        lead();
      }
    } else {
      return;
    }
  }
}

// Writes all that belongs to the segment, then counts on. The file is made by the next leader.
void Wal::start_segment() {
  rotating_ = true;
  while (leading_ || !pending_.empty()) {
    if (leading_) {
      idle_.wait(mutex_);
    } else {
      lead();
    }
  }
  if (next_.offset > kSegmentHeaderBytes) next_ = {next_.segment + 1, kSegmentHeaderBytes};
  rotating_ = false;
  idle_.notify_all();
}

Status Wal::wait(const WalTicket& ticket) {
  if (ticket.group_ == nullptr) return {};
  Group& group = *ticket.group_;
  const MutexLock lock(mutex_);
  while (!group.done) {
    if (leading_) {
      group.changed.wait(mutex_);
    } else {
      lead();  // not done and nobody writes: it is the group that gathers
    }
  }
  return group.status;
}

void Wal::lead() {
  leading_ = true;
  if (current_ != nullptr && current_->number == next_.segment && current_->damaged.load()) {
    next_ = {next_.segment + 1, kSegmentHeaderBytes + pending_.size()};
  }
  const std::shared_ptr<Group> group = std::exchange(group_, std::make_shared<Group>());
  writing_.swap(pending_);
  const std::uint64_t number = next_.segment;
  mutex_.unlock();

  Status status = write_group(writing_, number);
  const std::uint64_t bytes = writing_.size();
  writing_.clear();
  if (writing_.capacity() > 2 * options_.buffer_bytes) writing_.shrink_to_fit();  // after a huge record

  mutex_.lock();
  if (status.ok()) {
    ++stats_.writes;
    stats_.written_bytes += bytes;
  } else {
    ++stats_.write_failures;
    // What gathers now belongs to the next segment: the number after a file that was spoilt, the same one
    // when no file could be made.
    const std::uint64_t next = previous_segment_ == number ? number + 1 : number;
    next_ = {next, kSegmentHeaderBytes + pending_.size()};
  }
  group->done = true;
  group->status = std::move(status);
  leading_ = false;
  group->changed.notify_all();
  group_->changed.notify_one();
  idle_.notify_all();
}

Status Wal::write_group(const std::string& bytes, std::uint64_t number) {
  auto found = segment_for(number);
  if (!found) return found.status();
  Segment& segment = **found;

  const std::uint64_t before = segment.written.load();
  const auto [done, error] = write_all(segment.fd, bytes);
  Status status = error == 0 ? Status() : file_error("write", segment.path, error);
  if (status.ok()) {
    segment.written.store(before + bytes.size());
    if (options_.sync == WalSync::Always) {
      const MutexLock round(sync_mutex_);  // the kernel tells an error to one caller only
      status = sync_file(segment);
    }
  }
  const MutexLock lock(mutex_);
  if (status.ok()) {
    stats_.bytes += bytes.size();
    previous_bytes_ = before + bytes.size();
    return status;
  }
  // Best effort: the next header says what counts of this file even when the tail cannot be cut off.
  segment.written.store(before);
  if (::ftruncate(segment.fd, static_cast<off_t>(before)) != 0) stats_.bytes += done;
  retire(*found);
  current_ = nullptr;
  return status;
}

Result<std::shared_ptr<Wal::Segment>> Wal::segment_for(std::uint64_t number) {
  SegmentHeader header{number, previous_segment_, previous_bytes_, number};
  {
    const MutexLock lock(mutex_);
    if (current_ != nullptr && current_->number == number) return current_;
    if (current_ != nullptr) retire(std::exchange(current_, nullptr));
    for (const auto& segment : retired_) {
      if (!segment->damaged.load()) header.synced_before = std::min(header.synced_before, segment->number);
    }
  }
  const auto path = segment_path(dir_, number);
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0640);
  if (fd < 0) return file_error("make", path, errno);
  auto segment = std::make_shared<Segment>(number, path, fd, kSegmentHeaderBytes);
  Status status;
  if (const int error = write_all(fd, encode_segment_header(header)).second; error != 0) {
    status = file_error("write", path, error);
  } else if (options_.sync == WalSync::Always) {
    status = sync_directory(dir_);
    segment->in_directory.store(status.ok());
  }
  if (!status.ok()) {
    ::unlink(path.c_str());
    return status;
  }
  previous_segment_ = number;
  previous_bytes_ = kSegmentHeaderBytes;
  const MutexLock lock(mutex_);
  current_ = segment;
  stats_.segment = number;
  stats_.bytes += kSegmentHeaderBytes;
  return segment;
}

void Wal::retire(const std::shared_ptr<Segment>& segment) {
  const bool synced = segment->in_directory.load() && segment->synced.load() >= segment->written.load();
  if (!synced) retired_.push_back(segment);
}

WalPosition Wal::position() const {
  const MutexLock lock(mutex_);
  return next_;
}

WalPosition Wal::cut() {
  const MutexLock lock(mutex_);
  while (rotating_) idle_.wait(mutex_);
  if (next_.offset > kSegmentHeaderBytes) start_segment();
  return next_;
}

Status Wal::sync() {
  WalTicket ticket;
  {
    const MutexLock lock(mutex_);
    if (!pending_.empty()) ticket = WalTicket(group_);
    while (ticket.group_ == nullptr && leading_) idle_.wait(mutex_);
  }
  if (const Status written = wait(ticket); !written.ok()) return written;
  return sync_files(true);
}

Status Wal::sync_files(bool current_too) {
  const MutexLock round(sync_mutex_);
  std::vector<std::shared_ptr<Segment>> files;
  {
    const MutexLock lock(mutex_);
    files = retired_;
    if (current_too && current_ != nullptr) files.push_back(current_);
  }
  Status first;
  for (const auto& file : files) {
    if (file->damaged.load()) continue;
    Status status = sync_file(*file);
    if (!status.ok() && first.ok()) first = std::move(status);
  }
  const MutexLock lock(mutex_);
  std::erase_if(retired_, [](const auto& file) {
    return file->damaged.load() || (file->in_directory.load() && file->synced.load() >= file->written.load());
  });
  return first;
}

// A failed fdatasync may have dropped the pages already, and the next one would succeed without them: so
// the segment counts as damaged, and the log goes on in another one.
Status Wal::sync_file(Segment& segment) {
  if (segment.damaged.load()) {
    return Status(Code::Unavailable, "log segment " + segment.path.string() + " could not be synced before");
  }
  const std::uint64_t target = segment.written.load();
  if (segment.in_directory.load() && segment.synced.load() >= target) return {};
  const auto begin = std::chrono::steady_clock::now();
  Status status;
  if (::fdatasync(segment.fd) != 0) status = file_error("sync", segment.path, errno);
  if (status.ok() && !segment.in_directory.load()) {
    status = sync_directory(dir_);
    if (status.ok()) segment.in_directory.store(true);
  }
  if (status.ok()) {
    segment.synced.store(target);
  } else {
    segment.damaged.store(true);
  }
  static Summary& durations =
      metrics().summary("prometheus_tsdb_wal_fsync_duration_seconds", "Duration of syncs of the log.");
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  durations.observe(seconds);
  const MutexLock lock(mutex_);
  ++(status.ok() ? stats_.syncs : stats_.sync_failures);
  stats_.sync_seconds += seconds;
  return status;
}

void Wal::sync_loop() {
  for (;;) {
    {
      const MutexLock lock(mutex_);
      if (!stopping_) wake_syncer_.wait_for(mutex_, options_.sync_interval);
      if (stopping_) return;
    }
    if (const Status synced = sync_files(options_.sync == WalSync::Interval); !synced.ok()) {
      log(LogLevel::Error, "the log was not synced; a power failure now would lose acknowledged samples",
          {{"error", synced.message()}});
    }
  }
}

Status Wal::remove_before(std::uint64_t segment) {
  const auto numbers = list_segments(dir_);
  if (!numbers) return numbers.status();
  std::uint64_t removed = 0;
  for (std::size_t i = 0; i + 1 < numbers->size() && (*numbers)[i] < segment; ++i) {
    const auto path = segment_path(dir_, (*numbers)[i]);
    std::error_code error;
    const std::uint64_t bytes = std::filesystem::file_size(path, error);
    if (::unlink(path.c_str()) != 0) return file_error("remove", path, errno);
    ++removed;
    const MutexLock lock(mutex_);
    if (!error) stats_.bytes -= std::min(stats_.bytes, bytes);
    std::erase_if(retired_, [&](const auto& file) { return file->number == (*numbers)[i]; });
  }
  return removed == 0 ? Status() : sync_directory(dir_);
}

WalStats Wal::stats() const {
  const MutexLock lock(mutex_);
  return stats_;
}

}  // namespace silverback::storage
