#include "storage/head_reader.h"

namespace silverback::storage {

Status read_open(const SeriesSnapshot& snapshot, SampleColumn& out) {
  out.clear();
  const std::size_t n = snapshot.stream_count;
  const bool strings = snapshot.type == ValueType::String;
  out.times_ns.resize(n + snapshot.tail.size());
  if (!strings) out.bits.resize(n + snapshot.tail.size());
  if (n > 0) {
    Status bad = gorilla_decode(snapshot.stream, gorilla_uses_delta(snapshot.type), n, out.times_ns.data(),
                                out.bits.data());
    if (!bad.ok()) return bad;
  }
  for (std::size_t i = 0; i < snapshot.tail.size(); ++i) {
    out.times_ns[n + i] = snapshot.tail[i].time_ns;
    if (strings) {
      out.strings.push_back(snapshot.strings[snapshot.tail[i].bits]);
    } else {
      out.bits[n + i] = snapshot.tail[i].bits;
    }
  }
  return {};
}

}  // namespace silverback::storage
