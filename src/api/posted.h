// What is posted to Alertmanager's API v2, read: alerts and silences.
//
// Names and types are those of Alertmanager's OpenAPI document; unknown members are left out. What clients
// send there as "no time", nothing or the year 1, is read as 0; times before 1970 and from 2200 on are read
// as the first and the last that there is.
//
// Threads: any.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "alerting/notify/alert.h"
#include "alerting/notify/silences.h"
#include "base/status.h"

namespace silverback::api {

struct PostedAlerts {
  std::vector<notify::NotifiedAlert> good;
  std::size_t bad = 0;
  std::string problems;  // of the bad ones, the first few: "alert 3: it has no label; alert 7: ..."
};

/// The body of POST /api/v2/alerts. Alerts without a time have 0 there.
/// @returns InvalidArgument when it is no list of alerts; what is wrong with one alert costs only that one
Result<PostedAlerts> read_alerts(std::string_view body);

/// Why a body is no silence: the status of the answer, the code that Alertmanager's clients know (602
/// missing, 612 too few; 0 none), and the words.
struct Refused {
  int status = 400;
  int code = 0;
  std::string message;
};

/// The body of POST /api/v2/silences. @returns whether `silence` is one now; if not, `refused` says why
bool read_silence(std::string_view body, notify::Silence& silence, Refused& refused);

}  // namespace silverback::api
