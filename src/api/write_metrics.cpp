#include "api/write_metrics.h"

namespace silverback::api {

WriteMetrics::WriteMetrics(Metrics& metrics, std::string_view protocol)
    : samples_(metrics.counter("silverback_ingest_samples_total", "Samples stored, by protocol.",
                               {{"protocol", std::string(protocol)}})),
      bytes_(metrics.counter("silverback_ingest_decoded_bytes_total",
                             "Bytes of write bodies after decompression.",
                             {{"protocol", std::string(protocol)}})),
      metadata_(metrics.counter("silverback_ingest_metadata_total", "Entries of metadata taken.",
                                {{"protocol", std::string(protocol)}})) {
  for (std::size_t i = 0; i < ingest::kRefusedReasons; ++i) {
    const auto reason = std::string(to_string(static_cast<ingest::RefusedBecause>(i)));
    refused_[i] = &metrics.counter("silverback_ingest_refused_samples_total",
                                   "Samples left out, by protocol and reason.",
                                   {{"protocol", std::string(protocol)}, {"reason", reason}});
  }
}

void WriteMetrics::count(const ingest::WriteReport& report, std::size_t decoded_bytes) {
  samples_.add(report.stored);
  bytes_.add(decoded_bytes);
  if (report.metadata != 0) metadata_.add(report.metadata);
  for (std::size_t i = 0; i < ingest::kRefusedReasons; ++i) {
    if (report.refused[i] != 0) refused_[i]->add(report.refused[i]);
  }
}

}  // namespace silverback::api
