// Wal: the log that makes an acknowledged batch survive kill -9, and power loss where configured.
//
//   const auto replayed = replay_wal(dir, from, {}, apply);            // first, always
//   const auto wal = Wal::open(dir, options, *replayed);
//   const WalTicket ticket = wal->append(RecordType::Samples, payload); // order is fixed here
//   apply_to_head();
//   if (const Status kept = wal->wait(ticket); !kept.ok()) return kept; // 2xx only after this
//
// Records go into a group buffer in memory. The first waiter becomes the leader: it takes the whole
// buffer, writes it with one write() (and fdatasync in mode Always) and wakes the others, while new
// records gather in a second buffer. A lone writer is always its own leader, so there is no thread hop.
// Source of the leader idea: LevelDB, DBImpl::Write (db/db_impl.cc).
//
// A failed write or sync fails the records of its group and abandons the segment: nothing is ever
// written behind a torn record. The next group tries a new segment, so the log recovers by itself when
// space returns. Each segment's header says how much of the segment before it counts, so an abandoned
// tail is told apart from damage. The bytes are described in docs/format/wal.md.
//
// Threads: any, except where noted. Lock order: none of ours is held while calling out.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "storage/wal_sync.h"

namespace silverback::storage {

/// The numbers stand in files, so they never change.
enum class RecordType : std::uint8_t {
  NewSeries = 1,
  Samples = 2,
  Metadata = 3,
  Catalog = 4,
  Tombstone = 5,  // reserved
  CheckpointMark = 6,
  SamplesOfSources = 7,  // and how far the sources have been taken in
};

/// A place in the log. Positions grow from record to record; {0, 0} is before everything.
struct WalPosition {
  std::uint64_t segment = 0;
  std::uint64_t offset = 0;  // from the beginning of the segment's file
  friend auto operator<=>(const WalPosition&, const WalPosition&) = default;
};

inline constexpr std::uint64_t kMaxRecordBytes = 256ull << 20;

struct WalOptions {
  std::uint64_t segment_bytes = 64ull << 20;
  std::uint64_t buffer_bytes = 8ull << 20;  // of records not yet written; append() waits when it is full
  WalSync sync = WalSync::Interval;
  std::chrono::milliseconds sync_interval{1000};
};

struct ReplayOptions {
  bool salvage = false;  // go on behind damage instead of stopping with DataLoss
  bool repair = true;    // cut a torn tail off; false leaves every file as it is
};

struct ReplayStats {
  std::uint64_t segments = 0;
  std::uint64_t records = 0;
  std::uint64_t payload_bytes = 0;
  std::uint64_t dropped_bytes = 0;     // behind the end of the log, or skipped by salvage
  std::uint64_t dropped_segments = 0;  // without a header, or behind a tear by power loss; renamed to *.lost
  std::string dropped_why;             // in words, for the operator; empty when nothing was dropped
  WalPosition end;                     // behind the last good record
  std::uint64_t next_segment = 1;      // the number that Wal::open() goes on with
  std::uint64_t synced_before = 1;     // segments from this one on may not be on the disk yet
};

/// Called for each record in order. A failure stops the replay and is its answer.
using ReplayCallback = std::function<Status(WalPosition position, RecordType type, std::string_view payload)>;

/// Reads all records at or behind `from`. An absent or empty directory is an empty log.
///
/// A bad record in the last segment ends the log there, as does one in a segment that had not
/// reached the disk when the next was begun (power loss). Elsewhere it is damage.
///
/// @returns DataLoss naming file and offset for damage or a missing segment, unless salvaging;
///          Unavailable when a file cannot be read
/// Threads: nobody else may use the directory.
Result<ReplayStats> replay_wal(const std::filesystem::path& dir, WalPosition from,
                               const ReplayOptions& options, const ReplayCallback& callback);

/// A promise about records handed to append(). Copies are cheap.
class WalTicket {
 public:
  WalTicket() = default;

 private:
  friend class Wal;
  struct Group;
  explicit WalTicket(std::shared_ptr<Group> group) : group_(std::move(group)) {}
  std::shared_ptr<Group> group_;
};

struct WalStats {
  std::uint64_t segment = 0;        // being written
  std::uint64_t bytes = 0;          // of all segments that exist
  std::uint64_t records = 0;        // appended since open
  std::uint64_t written_bytes = 0;  // since open
  std::uint64_t writes = 0;         // groups
  std::uint64_t write_failures = 0;
  std::uint64_t syncs = 0;
  std::uint64_t sync_failures = 0;
  double sync_seconds = 0;  // spent in fdatasync
};

class Wal {
 public:
  struct Entry {
    RecordType type;
    std::string_view payload;
  };

  /// Goes on behind what was replayed, in a new segment: an old one is never appended to. The file is
  /// made with the first record, so a full disk does not keep the server from starting.
  static Result<std::unique_ptr<Wal>> open(std::filesystem::path dir, const WalOptions& options,
                                           const ReplayStats& replayed);
  /// Writes what is buffered, and syncs unless the mode is Write.
  ~Wal();
  Wal(const Wal&) = delete;
  Wal& operator=(const Wal&) = delete;

  /// Puts the record behind all earlier ones. Copies; does no I/O unless the buffer or the segment is full.
  /// A payload beyond kMaxRecordBytes gives a ticket whose wait() answers InvalidArgument.
  WalTicket append(RecordType type, std::string_view payload) EXCLUDES(mutex_);
  /// Several records, next to each other and in one group.
  WalTicket append(std::span<const Entry> entries) EXCLUDES(mutex_);

  /// Returns when the ticket's records are written, and synced in mode Always.
  /// @returns Unavailable naming path and errno; the records may or may not be in the log
  Status wait(const WalTicket& ticket) EXCLUDES(mutex_);

  /// Every record appended before this call lies before the position, every later one at or behind it.
  /// (After a failed write, records still buffered may move behind a position noted earlier.)
  WalPosition position() const EXCLUDES(mutex_);

  /// Ends the segment: as position(), but always the beginning of a segment.
  WalPosition cut() EXCLUDES(mutex_);

  /// Writes and syncs everything appended so far, whatever the mode.
  Status sync() EXCLUDES(mutex_);

  /// Deletes segments with smaller numbers, but never the newest that exists.
  Status remove_before(std::uint64_t segment) EXCLUDES(mutex_);

  WalStats stats() const EXCLUDES(mutex_);

 private:
  using Group = WalTicket::Group;
  class Segment;

  Wal(std::filesystem::path dir, const WalOptions& options, const ReplayStats& replayed);

  void make_room(std::uint64_t bytes) REQUIRES(mutex_);
  void start_segment() REQUIRES(mutex_);
  void lead() REQUIRES(mutex_);
  Status write_group(const std::string& bytes, std::uint64_t number) EXCLUDES(mutex_, sync_mutex_);
  Result<std::shared_ptr<Segment>> segment_for(std::uint64_t number) EXCLUDES(mutex_);
  void retire(const std::shared_ptr<Segment>& segment) REQUIRES(mutex_);
  Status sync_files(bool current_too) EXCLUDES(mutex_, sync_mutex_);
  Status sync_file(Segment& segment) REQUIRES(sync_mutex_) EXCLUDES(mutex_);
  void sync_loop() EXCLUDES(mutex_);

  // Fixed after construction.
  const std::filesystem::path dir_;
  const WalOptions options_;

  // Held for copying into the buffer and for changing hands, never during I/O.
  mutable Mutex mutex_;
  std::string pending_ GUARDED_BY(mutex_);               // records of group_
  std::shared_ptr<Group> group_ GUARDED_BY(mutex_);      // the group that gathers
  WalPosition next_ GUARDED_BY(mutex_);                  // where the next record goes
  bool leading_ GUARDED_BY(mutex_) = false;              // somebody is writing
  bool rotating_ GUARDED_BY(mutex_) = false;             // a segment ends: appends wait
  Condition idle_;                                       // one of the two became false
  std::shared_ptr<Segment> current_ GUARDED_BY(mutex_);  // changed by the leader only; null after a failure
  std::vector<std::shared_ptr<Segment>> retired_ GUARDED_BY(mutex_);  // ended, perhaps not on the disk yet
  WalStats stats_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  Condition wake_syncer_;

  // The leader's own, while leading_.
  std::string writing_;
  std::uint64_t previous_segment_ = 0;  // the newest file that counts, for the next header
  std::uint64_t previous_bytes_ = 0;    // how much of it counts

  Mutex sync_mutex_;  // one round of fdatasync at a time; before mutex_

  std::jthread syncer_;  // last member: joined before the rest goes away
};

}  // namespace silverback::storage
