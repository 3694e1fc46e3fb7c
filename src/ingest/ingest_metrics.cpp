#include "ingest/ingest_metrics.h"

#include <map>
#include <memory>

#include "base/mutex.h"

namespace silverback::ingest {
namespace {

Counter& counter(std::string_view name, std::string_view help, std::string_view protocol) {
  return metrics().counter(name, help, {{"protocol", std::string(protocol)}});
}

}  // namespace

IngestMetrics& IngestMetrics::of(std::string_view protocol) {
  static Mutex mutex;
  static std::map<std::string, std::unique_ptr<IngestMetrics>, std::less<>> all;
  const MutexLock lock(mutex);
  auto it = all.find(protocol);
  if (it == all.end()) {
    it =
        all.emplace(std::string(protocol), std::unique_ptr<IngestMetrics>(new IngestMetrics(protocol))).first;
  }
  return *it->second;
}

IngestMetrics::IngestMetrics(std::string_view protocol)
    : requests_(counter("silverback_ingest_requests_total",
                        "Write requests that were stored, wholly or in part.", protocol)),
      failed_requests_(counter("silverback_ingest_failed_requests_total",
                               "Write requests of which nothing was stored: damaged, or the store refused.",
                               protocol)),
      bytes_(counter("silverback_ingest_bytes_total", "Bytes of write requests, decompressed.", protocol)),
      samples_(counter("silverback_ingest_samples_total", "Samples stored.", protocol)),
      metadata_(counter("silverback_ingest_metadata_total", "Entries of metadata stored.", protocol)),
      exemplars_ignored_(counter("silverback_ingest_exemplars_ignored_total",
                                 "Exemplars received and not stored.", protocol)) {
  for (std::size_t i = 0; i < kRefusedReasons; ++i) {
    refused_[i] = &metrics().counter("silverback_ingest_refused_samples_total", "Samples refused, by reason.",
                                     {{"protocol", std::string(protocol)},
                                      {"reason", std::string(to_string(static_cast<RefusedBecause>(i)))}});
  }
}

void IngestMetrics::count(std::size_t body_bytes, const WriteReport& report) {
  requests_.add();
  bytes_.add(body_bytes);
  samples_.add(report.stored);
  if (report.metadata > 0) metadata_.add(report.metadata);
  if (report.exemplars_ignored > 0) exemplars_ignored_.add(report.exemplars_ignored);
  if (report.complete()) return;
  for (std::size_t i = 0; i < kRefusedReasons; ++i) refused_[i]->add(report.refused[i]);
}

void IngestMetrics::failed(std::size_t body_bytes) {
  failed_requests_.add();
  bytes_.add(body_bytes);
}

}  // namespace silverback::ingest
