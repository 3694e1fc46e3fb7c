// Any bytes give points or InfluxDB's words. A body parses the same with a writer that knows its shapes and
// with a new one, and a line that is good alone is good between others. A key stands for one series.
#include <map>

#include "ingest/fuzz_store.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace silverback;
  using namespace silverback::ingest;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const auto write = [](LineWriter& writer, std::string_view bytes) {
    const auto report = writer.write(kDefaultTenant, bytes, {.database = "db"});
    if (!report) std::abort();
    check(*report);
    return *report;
  };
  static FuzzWorld world;
  LineWriter writer(world.targets, {});
  world.store.seen.clear();
  const WriteReport first = write(writer, body);
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::pair<Labels, ValueType>> by_key;
  for (const auto& seen : world.store.seen) {
    const std::pair<Labels, ValueType> series{seen.series.labels, seen.series.type};
    const auto [it, fresh] = by_key.try_emplace({seen.key.lo, seen.key.hi}, series);
    if (!fresh && it->second != series) std::abort();
  }
  const std::size_t runs = world.store.seen.size();

  world.store.seen.clear();
  const WriteReport again = write(writer, body);
  // The store does not keep types, so a writer that has learned some sees fewer conflicts inside one body.
  const bool conflict = first.refused_because(RefusedBecause::TypeConflict) > 0;
  if (!conflict && (again.stored != first.stored || world.store.seen.size() != runs)) std::abort();

  // A good body stays good between other lines, and with room behind it for whole-word reads.
  if (first.complete() && !body.ends_with('\\')) {
    const std::string framed = "a,b=c d=1 2\n" + std::string(body) + "\nzzzz,yyyy=xxxx wwww=1 3\n";
    const WriteReport more = write(writer, framed);
    // Types may conflict with the lines around; otherwise there are two more.
    if (more.complete() && more.stored != first.stored + 2) std::abort();
  }
  return 0;
}
