// WriteMetrics: what is counted of the writes of one protocol.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <string>

#include "base/metrics.h"
#include "ingest/write.h"

namespace silverback::api {

enum class WriteProtocol : std::uint8_t { RemoteWriteV1, RemoteWriteV2, Lines, Text };
inline constexpr std::size_t kWriteProtocols = 4;
inline constexpr std::string_view kWriteProtocolNames[kWriteProtocols] = {"remote_write_1", "remote_write_2",
                                                                          "line_protocol", "text"};

class WriteMetrics {
 public:
  WriteMetrics(Metrics& metrics, std::string_view protocol);
  void count(const ingest::WriteReport& report, std::size_t decoded_bytes);

 private:
  Counter& samples_;
  Counter& bytes_;
  Counter& metadata_;
  Counter* refused_[ingest::kRefusedReasons] = {};
};

}  // namespace silverback::api
