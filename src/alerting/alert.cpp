#include "alerting/alert.h"

#include <bit>

#include "base/bytes.h"

namespace silverback::alerting {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::uint64_t kMaxAnnotations = 10'000;

}  // namespace

std::string_view to_string(AlertState state) {
  switch (state) {
    case AlertState::Inactive: return "inactive";
    case AlertState::Pending: return "pending";
    case AlertState::Firing: return "firing";
  }
  return "";
}

std::string encode(const Alert& alert) {
  std::string out;
  put_fixed(out, kVersion);
  put_fixed(out, static_cast<std::uint8_t>(alert.state));
  put_fixed(out, std::bit_cast<std::uint64_t>(alert.value));
  for (const std::int64_t time : {alert.active_ms, alert.fired_ms, alert.resolved_ms, alert.keep_firing_ms,
                                  alert.last_sent_ms, alert.valid_until_ms}) {
    put_zigzag(out, time);
  }
  put_string(out, alert.labels.bytes());
  put_varint(out, alert.annotations.size());
  for (const auto& [name, text] : alert.annotations) {
    put_string(out, name);
    put_string(out, text);
  }
  return out;
}

Result<Alert> decode_alert(std::string_view bytes) {
  const Status damaged(Code::DataLoss, "the kept state of an alert is damaged");
  ByteReader in(bytes);
  const auto version = in.fixed<std::uint8_t>();
  if (in.ok() && version > kVersion) {
    return Status(Code::InvalidArgument, "the kept state of an alert has version " + std::to_string(version) +
                                             ", this program reads up to " + std::to_string(kVersion));
  }
  Alert alert;
  const auto state = in.fixed<std::uint8_t>();
  alert.value = std::bit_cast<double>(in.fixed<std::uint64_t>());
  for (std::int64_t* time : {&alert.active_ms, &alert.fired_ms, &alert.resolved_ms, &alert.keep_firing_ms,
                             &alert.last_sent_ms, &alert.valid_until_ms}) {
    *time = in.zigzag_varint();
  }
  const std::string_view labels = in.bytes(in.varint());
  const std::uint64_t annotations = in.varint();
  if (!in.ok() || version == 0 || state > static_cast<std::uint8_t>(AlertState::Firing) ||
      annotations > kMaxAnnotations) {
    return damaged;
  }
  for (std::uint64_t i = 0; i < annotations && in.ok(); ++i) {
    const std::string_view name = in.bytes(in.varint());
    const std::string_view text = in.bytes(in.varint());
    alert.annotations.emplace_back(name, text);
  }
  auto checked = Labels::from_bytes(std::string(labels));
  if (!in.ok() || !in.at_end() || !checked) return damaged;
  alert.state = static_cast<AlertState>(state);
  alert.labels = std::move(*checked);
  return alert;
}

}  // namespace silverback::alerting
