// Parts: the parts of a body, while a decoder reads one after the other, and when the store asks about one
// again.
//
// A decoder knows one part at a time, and all its places count from the beginning of that part; so the end of
// the bytes is the part's, and lines and errors are counted in it. What it read belongs to a part by the
// first run of each. A body without parts is one part, of which nothing is noted.
//
// Threads: one; belongs to a decoder. Views point into the body given to read().
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "ingest/tally.h"
#include "ingest/write.h"
#include "model/appender.h"

namespace silverback::ingest {

class Parts {
 public:
  /// Calls read_part(default_time_ns), a Status, for each part; bytes() are then those of the part. One that
  /// is not OK is a problem of that part: what it put into batch and tally is taken back. What else the
  /// decoder keeps of it, it takes back itself. A body without parts fails as a whole.
  /// @param default_time_ns  of parts that have none
  template <typename ReadPart>
  Status read(const Body& body, std::int64_t default_time_ns, Batch& batch, Tally& tally,
              const ReadPart& read_part) {
    bytes_ = body.bytes;
    number_ = 0;
    first_runs_.clear();
    if (body.parts.empty()) return read_part(default_time_ns);
    begin(body);
    for (const Part& part : body.parts) {
      const Mark mark = next(part, batch, tally);
      const Status read = read_part(part.default_time_ns == 0 ? default_time_ns : part.default_time_ns);
      if (!read.ok()) take_back(mark, read, batch, tally);
    }
    return {};
  }

  /// The number, from 0, of the part that a run is of.
  std::uint32_t part_of(std::size_t run) const { return first_runs_.size() <= 1 ? 0 : find_part_of(run); }

  /// Makes the part of a run the current one. @returns false when it was that before
  bool go_to(std::size_t run) {
    const std::uint32_t part = part_of(run);
    if (part == number_) return false;
    make_current(part);
    return true;
  }

  std::string_view bytes() const { return bytes_; }  // of the current part
  std::uint32_t number() const { return number_; }   // its number

 private:
  struct Mark {  // what there was before a part
    std::size_t runs = 0;
    std::size_t samples = 0;
    std::size_t strings = 0;
    WriteReport counts;
  };

  void begin(const Body& body);
  Mark next(const Part& part, const Batch& batch, Tally& tally);
  static void take_back(const Mark& mark, const Status& why, Batch& batch, Tally& tally);
  std::uint32_t find_part_of(std::size_t run) const;
  void make_current(std::uint32_t number);

  Body body_{std::string_view()};
  std::string_view bytes_;
  std::uint32_t number_ = 0;
  std::vector<std::uint32_t> first_runs_;  // of the parts; the next one's when a part has none
};

}  // namespace silverback::ingest
