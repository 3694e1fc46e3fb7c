// What the fuzz targets of the message formats share: any bytes, cut into messages with headers of all kinds,
// are taken in as one run and one by one, with the same samples stored and the same messages bad. The
// position is kept where nothing is bad, and only there.
//
// The first byte is the number of messages; of each then a byte for its header and one for its share of the
// rest.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <utility>
#include <vector>

#include "ingest/fuzz_store.h"
#include "kafka/intake.h"

namespace silverback::kafka {

/// Of a consumer of this format in a world of its own.
struct FuzzedIntake {
  explicit FuzzedIntake(Format format) {
    world.store.remembers = true;
    config.format = format;
    config.database = "db";
    config.labels = {{"source", "kafka"}};
  }
  // All messages, in spans of `step` at once; the indices of the bad ones.
  std::vector<std::size_t> take(std::span<const Message> messages, std::size_t step) {
    std::vector<std::size_t> bad;
    for (std::size_t begin = 0; begin < messages.size();) {
      const auto taken = intake.take(messages.subspan(begin, std::min(step, messages.size() - begin)), "s");
      if (!taken || taken->messages == 0) std::abort();  // this store takes everything
      for (const BadMessage& one : taken->bad) {
        if (one.index >= taken->messages || one.code.empty() || !valid_utf8(one.text)) std::abort();
        if (!bad.empty() && bad.back() == begin + one.index) continue;
        bad.push_back(begin + one.index);
      }
      const bool kept = std::exchange(world.store.progress, 0) == 1;
      if (kept != taken->bad.empty()) std::abort();
      begin += taken->messages;
    }
    return bad;
  }

  ingest::FuzzWorld world;
  ConsumerConfig config;
  Intake intake{config, {.store = world.targets}};
};

inline void fuzz_messages(Format format, const std::uint8_t* data, std::size_t size) {
  static constexpr Header kHeaders[] = {
      {"format", "influx"},
      {"format", "json"},
      {"format", "prometheus-text"},
      {"format", "prometheus-remote-write"},
      {"precision", "s"},
      {"precision", "parsecs"},
      {"database", "other"},
      {"database", ""},
      {"content-encoding", "gzip"},
      {"content-encoding", "snappy"},
      {"content-encoding", "brotli"},
      {"content-type", "application/openmetrics-text"},
      {"content-type", "application/x-protobuf;proto=io.prometheus.write.v2.Request"}};
  constexpr std::size_t kMost = 8;
  if (size == 0) return;
  const std::size_t count = 1 + data[0] % kMost;
  if (size < 1 + 2 * count) return;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1 + 2 * count, size - 1 - 2 * count);
  std::vector<Message> messages(count);
  std::string_view rest = bytes;
  for (std::size_t i = 0; i < count; ++i) {
    Message& message = messages[i];
    const std::uint8_t header = data[1 + 2 * i];
    const std::size_t share = i + 1 == count ? rest.size() : data[2 + 2 * i] * (rest.size() + 1) / 256;
    message.topic = "t";
    message.offset = static_cast<std::int64_t>(i);
    message.time_ms = static_cast<std::int64_t>(i) * 1000 - 1000;
    message.value = rest.substr(0, share);
    message.tombstone = header == 255;
    if (header < std::size(kHeaders)) message.headers = std::span(kHeaders + header, 1);
    rest.remove_prefix(share);
  }
  FuzzedIntake together(format);
  FuzzedIntake alone(format);
  if (together.take(messages, count) != alone.take(messages, 1)) std::abort();
  const auto same = [](const ingest::FuzzStore::Seen& a, const ingest::FuzzStore::Seen& b) {
    return a.series.labels == b.series.labels && a.series.type == b.series.type && a.samples == b.samples;
  };
  if (!std::ranges::equal(together.world.store.seen, alone.world.store.seen, same)) std::abort();
}

}  // namespace silverback::kafka
