// Any bytes give samples or named lines; twice the same; a key stands for one label set; and labels that were
// read, written out again as text, are read as the same labels.
#include <map>

#include "ingest/fuzz_store.h"

namespace {

std::string quoted_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return out + "\"";
}

std::string line_of(const silverback::Labels& labels) {
  std::string out = "{";
  for (const auto& label : labels) {
    if (label.name == silverback::kMetricName) {
      out.insert(1, quoted_text(label.value) + (out.size() > 1 ? "," : ""));
    } else {
      out += (out.size() > 1 ? "," : "") + quoted_text(label.name) + "=" + quoted_text(label.value);
    }
  }
  return out + "} 1 1\n";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace silverback;
  using namespace silverback::ingest;
  if (size == 0) return 0;
  const TextOptions options{.format = (data[0] & 1) == 0 ? TextFormat::Prometheus : TextFormat::OpenMetrics};
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  static FuzzWorld world;
  static TextWriter writer(world.targets, {});
  world.store.seen.clear();
  const auto report = writer.write(kDefaultTenant, body, options);
  if (!report) std::abort();
  check(*report);
  std::map<std::pair<std::uint64_t, std::uint64_t>, Labels> by_key;
  std::string text;
  for (const auto& seen : world.store.seen) {
    const auto [it, fresh] = by_key.try_emplace({seen.key.lo, seen.key.hi}, seen.series.labels);
    if (!fresh && it->second != seen.series.labels) std::abort();
    text += line_of(seen.series.labels);
  }
  const std::vector<FuzzStore::Seen> before = std::move(world.store.seen);
  world.store.seen.clear();
  const auto again = writer.write(kDefaultTenant, text, {});
  if (!again || !again->complete() || world.store.seen.size() != before.size()) std::abort();
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (before[i].series.labels != world.store.seen[i].series.labels) std::abort();
  }
  return 0;
}
