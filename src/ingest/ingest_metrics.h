// What the writers tell about themselves at /metrics, by protocol.
//
// Threads: any.
#pragma once

#include <array>
#include <string_view>

#include "base/metrics.h"
#include "ingest/write.h"

namespace silverback::ingest {

class IngestMetrics {
 public:
  /// One for each protocol, for the life of the process.
  static IngestMetrics& of(std::string_view protocol);

  void count(std::size_t body_bytes, const WriteReport& report);
  void failed(std::size_t body_bytes);

 private:
  explicit IngestMetrics(std::string_view protocol);

  Counter& requests_;
  Counter& failed_requests_;
  Counter& bytes_;
  Counter& samples_;
  Counter& metadata_;
  Counter& exemplars_ignored_;
  std::array<Counter*, kRefusedReasons> refused_{};
};

}  // namespace silverback::ingest
