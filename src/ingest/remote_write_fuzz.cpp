// Any bytes are refused as damaged, or give runs without gaps whose labels are canonical; the same bytes give
// the same keys; and a key stands for one label set.
#include <map>

#include "ingest/fuzz_store.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace silverback;
  using namespace silverback::ingest;
  if (size == 0) return 0;
  const auto version = (data[0] & 1) == 0 ? RemoteWriteVersion::V1 : RemoteWriteVersion::V2;
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  static FuzzWorld world;
  static RemoteWriter writer(world.targets, {});
  world.store.seen.clear();
  const auto report = writer.write(kDefaultTenant, body, version);
  if (!report) {
    if (report.status().code() != Code::InvalidArgument || !world.store.seen.empty()) std::abort();
    return 0;
  }
  check(*report);
  std::map<std::pair<std::uint64_t, std::uint64_t>, Labels> by_key;
  for (const auto& seen : world.store.seen) {
    const auto [it, fresh] = by_key.try_emplace({seen.key.lo, seen.key.hi}, seen.series.labels);
    if (!fresh && it->second != seen.series.labels) std::abort();
  }
  const std::vector<FuzzStore::Seen> before = std::move(world.store.seen);
  world.store.seen.clear();
  const auto again = writer.write(kDefaultTenant, body, version);
  if (!again || again->stored != report->stored || world.store.seen.size() != before.size()) std::abort();
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (!(before[i].key == world.store.seen[i].key)) std::abort();
  }
  return 0;
}
