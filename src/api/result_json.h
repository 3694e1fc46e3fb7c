// The answer to a query as JSON, made in pieces.
//
// The envelope of Prometheus' HTTP API, resultType before result, so that a reader need not buffer.
// Timestamps are the same for every row of a matrix: their text is made once and copied.
#pragma once

#include <memory>

#include "api/message.h"
#include "query/engine.h"

namespace silverback::api {

struct ResultFormat {
  std::int64_t time_ms = 0;     // of a scalar or a string
  bool stats = false;           // stats=1 or stats=all
  bool per_step_stats = false;  // stats=all
  std::size_t limit = 0;        // most series; 0 is all. A result that was cut says so in a warning
};

/// {"status":"success","data":{...},...}: takes the result along and frees it with the stream.
std::unique_ptr<BodyStream> stream_result(query::QueryResult result, const ResultFormat& format);

}  // namespace silverback::api
