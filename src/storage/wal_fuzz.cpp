// Two properties, by the first byte.
// Even: the rest is a samples or series payload; what decodes, encodes to something that decodes to the same.
// Odd: the rest is a file of the log; replay never fails but in words, and after it the log goes on and
// gives back the same records and the new one.
#include <stdlib.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "storage/wal.h"
#include "storage/wal_record.h"
#include "storage/wal_segment.h"

namespace {

using namespace silverback;
using namespace silverback::storage;

void require(bool holds) {
  if (!holds) std::abort();
}

void payload_round_trip(std::string_view bytes) {
  std::vector<SeriesRef> refs;
  Batch batch;
  if (decode_samples(bytes, refs, batch).ok()) {
    SamplesEncoder encoder;
    std::vector<SeriesRef> refs_again;
    Batch again;
    // Strings are stored as numbers here (where they stand): what comes back is the same either way.
    require(decode_samples(encoder.encode(refs, batch, {}), refs_again, again).ok());
    require(refs_again == refs && again.times_ns == batch.times_ns && again.bits == batch.bits);
  }
  std::vector<SeriesEntry> entries;
  if (decode_series_entries(bytes, entries).ok()) {
    std::string payload;
    for (const SeriesEntry& entry : entries) append_series_entry(payload, entry);
    std::vector<SeriesEntry> again;
    require(decode_series_entries(payload, again).ok() && again == entries);
  }
  (void)decode_metadata(bytes);
  (void)decode_catalog(bytes);
  (void)decode_checkpoint_mark(bytes);
}

struct Log {
  std::vector<std::string> payloads;
  ReplayStats stats;
};

Result<Log> replay(const std::filesystem::path& dir) {
  Log log;
  const auto stats = replay_wal(dir, {}, {}, [&](WalPosition, RecordType, std::string_view payload) {
    log.payloads.emplace_back(payload);
    return Status();
  });
  if (!stats) return stats.status();
  log.stats = *stats;
  return log;
}

void replay_file(std::string_view bytes) {
  char name[] = "/tmp/wal-fuzz-XXXXXX";
  require(::mkdtemp(name) != nullptr);
  const std::filesystem::path dir(name);
  {
    // A whole header, so that the fuzzer gets past its checksum; the records are its own.
    std::ofstream file(segment_path(dir, 1), std::ios::binary);
    file << encode_segment_header({1, 0, 0, 1}) << bytes;
  }
  const auto first = replay(dir);
  require(static_cast<bool>(first));
  {
    const auto wal = Wal::open(dir, {.sync = WalSync::Write}, first->stats);
    require(wal && (*wal)->wait((*wal)->append(RecordType::Samples, "next")).ok());
  }
  const auto second = replay(dir);
  require(second && second->stats.dropped_bytes == 0 &&
          second->payloads.size() == first->payloads.size() + 1);
  require(std::equal(first->payloads.begin(), first->payloads.end(), second->payloads.begin()));
  std::filesystem::remove_all(dir);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  if ((data[0] & 1) == 0) {
    payload_round_trip(rest);
  } else {
    replay_file(rest);
  }
  return 0;
}
