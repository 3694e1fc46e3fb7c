// Any bytes give samples or named refusals, and twice the same. What JsonReader, which has another parser,
// reads to its end is read here too, and each sample in it is stored or refused. A key stands for one label
// set.
#include <map>
#include <optional>

#include "base/json_reader.h"
#include "ingest/fuzz_store.h"

namespace {

using namespace silverback;
using namespace silverback::ingest;

// An object with a list in it may hold any number of samples.
Status find_list(JsonValue& value, bool& found) {
  found |= value.type() == JsonType::Array;
  if (value.type() != JsonType::Object) return {};
  return value.members([&](std::string_view, JsonValue& member) { return find_list(member, found); });
}

struct Expected {
  std::uint64_t samples = 0;
  bool exactly = true;  // else at least
};

// None when it is not one JSON text.
std::optional<Expected> expected_of(std::string_view body) {
  static JsonReader reader;
  Expected expected;
  const auto count = [&](JsonValue& sample) -> Status {
    ++expected.samples;
    bool list = false;
    if (sample.type() != JsonType::Object) return {};
    Status walked = find_list(sample, list);
    expected.exactly &= !list;
    return walked;
  };
  const Status read = reader.read(body, [&](JsonValue& root) -> Status {
    if (root.type() != JsonType::Array) return count(root);
    return root.elements([&](std::size_t, JsonValue& element) { return count(element); });
  });
  if (!read.ok()) return std::nullopt;
  return expected;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  const JsonOptions options{.time_unit = static_cast<JsonTimeUnit>(data[0] % 5)};
  static FuzzWorld world;
  static JsonWriter writer(world.targets, {});
  world.store.seen.clear();
  const auto report = writer.write(kDefaultTenant, body, options);
  const auto expected = expected_of(body);
  if (!report) {
    if (expected || report.status().code() != Code::InvalidArgument) std::abort();
    return 0;
  }
  check(*report);
  if (expected && expected->exactly && report->stored + report->refused_samples() != expected->samples) {
    std::abort();
  }
  std::map<std::pair<std::uint64_t, std::uint64_t>, Labels> by_key;
  for (const auto& seen : world.store.seen) {
    const auto [it, fresh] = by_key.try_emplace({seen.key.lo, seen.key.hi}, seen.series.labels);
    if (!fresh && it->second != seen.series.labels) std::abort();
  }
  const std::size_t series = world.store.seen.size();

  world.store.seen.clear();
  const auto again = writer.write(kDefaultTenant, body, options);
  if (!again || again->stored != report->stored || again->message != report->message ||
      again->refused_samples() != report->refused_samples() || world.store.seen.size() != series) {
    std::abort();
  }
  return 0;
}
