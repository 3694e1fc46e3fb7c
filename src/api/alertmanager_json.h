// Alerts, groups and silences as JSON of Alertmanager's API v2: written. posted.h reads them.
//
// Names and shapes are those of Alertmanager's OpenAPI document (api/v2/openapi.yaml); times are in UTC
// with three decimals.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <string>

#include "alerting/notify/notifier.h"

namespace silverback::api {

/// "2026-01-02T15:04:05.000Z", with the quotes.
void append_json_time(std::string& out, std::int64_t time_ns);
void append_alert_json(std::string& out, const notify::AlertView& view);
void append_group_json(std::string& out, const notify::GroupView& group);
void append_silence_json(std::string& out, const notify::Silence& silence, std::int64_t now_ns);

}  // namespace silverback::api
