// The status line and headers of an answer.
//
// Threads: any.
#pragma once

#include <cstddef>
#include <string>

#include "api/http_options.h"
#include "api/message.h"

namespace silverback::api {

struct HeadOptions {
  static constexpr std::size_t kOfBody = static_cast<std::size_t>(-1);   // Content-Length of response.body
  static constexpr std::size_t kChunked = static_cast<std::size_t>(-2);  // Transfer-Encoding: chunked
  static constexpr std::size_t kUnknown = static_cast<std::size_t>(-3);  // neither

  bool keep_alive = true;
  bool http_1_1 = true;
  bool gzip = false;
  std::size_t length = kOfBody;
};

/// Values of headers are cleaned of line ends, so that nothing that came from a client can start a header.
void append_response_head(std::string& out, const HttpOptions& server, const HttpResponse& response,
                          const HeadOptions& options, const HttpRequest& request);

}  // namespace silverback::api
