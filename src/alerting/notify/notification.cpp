#include "alerting/notify/notification.h"

#include <algorithm>

#include "alerting/notify/codec.h"

namespace silverback::notify {

bool Notification::firing() const {
  return std::ranges::any_of(alerts, [](const NotifiedAlert& alert) { return alert.ends_ns == 0; });
}

std::string encode(const Notification& notification) {
  std::string out;
  put_fixed(out, kRecordVersion);
  put_zigzag(out, notification.time_ns);
  put_string(out, notification.group_key);
  put_string(out, notification.group_labels.bytes());
  put_string(out, notification.receiver);
  put_string(out, notification.integration);
  put_string(out, notification.reason);
  put_string(out, notification.idempotency_key);
  put_varint(out, notification.alerts.size());
  for (const NotifiedAlert& alert : notification.alerts) put_string(out, encode(alert));
  return out;
}

Result<Notification> decode_notification(std::string_view bytes) {
  ByteReader in(bytes);
  if (Status bad = check_version(in, "notification"); !bad.ok()) return bad;
  Notification notification;
  notification.time_ns = in.zigzag_varint();
  notification.group_key = std::string(in.string());
  auto labels = Labels::from_bytes(std::string(in.string()));
  for (std::string* text : {&notification.receiver, &notification.integration, &notification.reason,
                            &notification.idempotency_key}) {
    *text = in.string();
  }
  const std::uint64_t count = in.varint();
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    auto alert = decode_notified(in.string());
    if (!alert) return alert.status();
    notification.alerts.push_back(std::move(*alert));
  }
  if (!in.ok() || !in.at_end() || !labels) return damaged_record("notification");
  notification.group_labels = std::move(*labels);
  return notification;
}

}  // namespace silverback::notify
