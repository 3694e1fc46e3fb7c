// What templates of receivers see, and the functions they may call: Alertmanager's.
//
//   .Receiver .Status .Alerts .GroupLabels .CommonLabels .CommonAnnotations .ExternalURL
//   .Alerts.Firing .Alerts.Resolved, and of each: .Status .Labels .Annotations .StartsAt .EndsAt
//   .GeneratorURL .Fingerprint of all label sets: .SortedPairs .Names .Values .Remove; of pairs: .Names
//   .Values
//
// As Alertmanager has it, .Receiver is the name with the characters quoted that mean something in a regular
// expression, .EndsAt of an alert that fires is Go's zero time, and sorted pairs begin with alertname.
//
// Source: https://prometheus.io/docs/alerting/latest/notifications/
//
// Threads: any.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "alerting/gotemplate/functions.h"
#include "alerting/gotemplate/value.h"
#include "alerting/notify/notification.h"

namespace silverback::notify {

/// What the functions look at outside of the template.
class NotifyEnvironment final : public gotemplate::Environment {
 public:
  std::int64_t now_ns = 0;
};

/// @param alerts  those that are shown; the common labels are of these
gotemplate::Value template_data(const Notification& notification, std::span<const NotifiedAlert> alerts,
                                std::string_view external_url);
inline gotemplate::Value template_data(const Notification& notification, std::string_view external_url) {
  return template_data(notification, notification.alerts, external_url);
}

/// Go's and Alertmanager's. They need a NotifyEnvironment.
const gotemplate::Functions& text_template_functions();
/// The same for HTML, where safeHtml, safeUrl and html mark what they return.
const gotemplate::Functions& html_template_functions();

/// As Go's json.Marshal writes it, with Alertmanager's names for the fields of its data. Throws Failure.
void append_json(std::string& out, const gotemplate::Value& value);

}  // namespace silverback::notify
