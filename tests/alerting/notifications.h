// Notifications that tests of receivers send: the two alerts for which Alertmanager's own messages were
// recorded.
#pragma once

#include <gtest/gtest.h>

#include <string_view>

#include "alerting/notify/integration.h"
#include "alerting/notify/notification.h"
#include "base/number.h"

namespace silverback::notify {

inline constexpr std::string_view kExternalUrl = "http://am.example.org/am";

inline Notification two_firing() {
  const auto time = [](std::string_view text) { return *parse_rfc3339_ns(text); };
  NotifiedAlert a;
  a.labels = {{"alertname", "Disk <full>"}, {"instance", "a:1"}, {"job", "node"}, {"severity", "page"}};
  a.annotations = {{"a", "x"}};
  a.starts_ns = time("2024-01-02T03:04:05+02:00");
  NotifiedAlert b = a;
  b.labels = {{"alertname", "Disk <full>"}, {"instance", "b:1"}, {"job", "node"}, {"severity", "page"}};
  b.annotations = {{"a", "x"}, {"summary", "S & \"q\" é +"}};
  b.starts_ns = time("2024-01-02T03:04:05.120Z");
  b.generator_url = "http://p/graph?g0.expr=a%3E1&g0.tab=1";
  Notification made;
  made.group_key = "{}:{alertname=\"Disk <full>\"}";
  made.group_labels = {{"alertname", "Disk <full>"}};
  made.receiver = "ops.team";
  made.integration = "webhook[0]";
  made.idempotency_key = "key-1";
  made.time_ns = time("2024-01-02T04:00:00Z");
  made.alerts = {a, b};
  return made;
}

inline Notification two_resolved() {
  Notification made = two_firing();
  made.alerts[0].ends_ns = *parse_rfc3339_ns("2024-01-02T03:14:05.000000001Z");
  made.alerts[1].ends_ns = *parse_rfc3339_ns("2024-01-02T03:14:05.5Z");
  made.alerts[1].annotations.clear();
  return made;
}

inline Surroundings surroundings(const Egress& egress = {}) {
  const auto templates = load_templates({});
  EXPECT_TRUE(templates) << templates.status().message();
  return {*templates, std::string(kExternalUrl), egress};
}

}  // namespace silverback::notify
