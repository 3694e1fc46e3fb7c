#include "base/bytes.h"
#include "storage/store_db.h"
#include "storage/window.h"

namespace silverback::storage {
namespace {

constexpr std::uint8_t kMarkVersion = 1;

/// Whole seconds from the window's beginning; far ends of time are cut off rather than wrapped.
std::uint64_t seconds_from(std::int32_t window, std::int64_t time_ns, bool up) {
  const std::int64_t begin = window_range(window).min_ns;
  const std::uint64_t ns = static_cast<std::uint64_t>(time_ns) - static_cast<std::uint64_t>(begin);
  return ns / kNsPerSecond + (up && ns % kNsPerSecond != 0 ? 1 : 0);
}

std::int64_t time_at(std::int32_t window, std::uint64_t seconds) {
  const std::int64_t begin = window_range(window).min_ns;
  const auto room = (static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) -
                     static_cast<std::uint64_t>(begin)) /
                    kNsPerSecond;
  if (seconds > room) return std::numeric_limits<std::int64_t>::max();
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(begin) + seconds * kNsPerSecond);
}

}  // namespace

std::string MarkRecord::encode() const {
  std::string out;
  out.push_back(static_cast<char>(kMarkVersion));
  put_varint(out, mark.before.segment);
  put_varint(out, mark.before.offset);
  put_zigzag(out, mark.first);
  put_varint(out, static_cast<std::uint64_t>(static_cast<std::int64_t>(mark.last) - mark.first));
  put_varint(out, windows.size());
  std::int64_t previous = mark.first;
  for (const WindowInfo& info : windows) {
    put_varint(out, static_cast<std::uint64_t>(info.window - previous));
    put_varint(out, seconds_from(info.window, info.min_ns, false));
    put_varint(out, seconds_from(info.window, info.max_ns, true));
    put_varint(out, info.series);
    put_varint(out, info.samples);
    previous = info.window;
  }
  return out;
}

Result<MarkRecord> MarkRecord::decode(std::string_view bytes) {
  ByteReader in(bytes);
  const auto version = in.fixed<std::uint8_t>();
  if (in.ok() && version > kMarkVersion) {
    return Status(Code::InvalidArgument, "window mark of version " + std::to_string(version) +
                                             " was written by a newer version of this program");
  }
  MarkRecord record;
  record.mark.before.segment = in.varint();
  record.mark.before.offset = in.varint();
  record.mark.first = static_cast<std::int32_t>(in.zigzag_varint());
  record.mark.last = static_cast<std::int32_t>(record.mark.first + static_cast<std::int64_t>(in.varint()));
  const std::uint64_t count = in.varint();
  std::int64_t previous = record.mark.first;
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    WindowInfo info;
    previous += static_cast<std::int64_t>(in.varint());
    info.window = static_cast<std::int32_t>(previous);
    info.min_ns = time_at(info.window, in.varint());
    info.max_ns = time_at(info.window, in.varint());
    info.series = static_cast<std::uint32_t>(in.varint());
    info.samples = in.varint();
    record.windows.push_back(std::move(info));
  }
  if (!in.ok() || !in.at_end()) return Status(Code::DataLoss, "a window mark in the chunk store is damaged");
  return record;
}

std::string encode_runs(const std::vector<std::pair<std::uint32_t, std::uint32_t>>& runs) {
  std::string out;
  std::uint32_t end = 0;
  for (const auto& [first, count] : runs) {
    put_varint(out, first - end);
    put_varint(out, count);
    end = first + count;
  }
  return out;
}

Status decode_runs(std::string_view bytes, std::vector<std::pair<std::uint32_t, std::uint32_t>>& runs) {
  ByteReader in(bytes);
  std::uint64_t end = 0;
  while (in.ok() && !in.at_end()) {
    const std::uint64_t first = end + in.varint();
    const std::uint64_t count = in.varint();
    if (!in.ok() || first > 0xffff'ffff || count > 0xffff'ffff - first) {
      return Status(Code::DataLoss, "a live-series record in the chunk store is damaged");
    }
    runs.emplace_back(static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(count));
    end = first + count;
  }
  return {};
}

}  // namespace silverback::storage
