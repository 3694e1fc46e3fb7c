// Failures as answers: the one place that turns a Code into an HTTP status and an error type.
//
//   InvalidArgument    bad_data     400      Unprocessable, ResourceExhausted  execution  422
//   NotFound           not_found    404      DeadlineExceeded                  timeout    503
//   Cancelled          canceled     499      Unavailable                       unavailable 503
//   the rest           internal     500
//
// Grafana reads the JSON of 2xx, 400, 422 and 503 alone, so queries answer with nothing else by choice.
#pragma once

#include <string>
#include <string_view>

#include "api/message.h"
#include "base/status.h"

namespace silverback::api {

/// {"status":"error","errorType":"bad_data","error":"..."} with the code that fits.
void answer_error(HttpResponse& response, const Status& failure);
/// The same with words of one's own.
void answer_error(HttpResponse& response, int status, std::string_view type, std::string_view message);

/// Of a write: a limit is 429 and Unavailable 503, both with Retry-After; OutOfBounds is 413.
int write_status(Code code);
void add_retry_after(HttpResponse& response, int status);

/// {"status":"success","data":
void begin_success(std::string& out);
/// The warnings, if any, and the closing brace.
void end_success(std::string& out, const std::vector<std::string>& warnings = {},
                 const std::vector<std::string>& infos = {});

/// Reason phrase of a status code.
std::string_view reason(int status);

}  // namespace silverback::api
