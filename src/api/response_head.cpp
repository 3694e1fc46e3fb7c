#include "api/response_head.h"

#include <ctime>

#include "api/http_error.h"

namespace silverback::api {
namespace {

void append_header(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  out += ": ";
  for (const char c : value) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  out += "\r\n";
}

/// IMF-fixdate (RFC 9110, section 5.6.7), made once a second and thread.
std::string_view date() {
  thread_local std::time_t made = 0;
  thread_local char text[32];
  const std::time_t now = std::time(nullptr);
  if (now != made) {
    std::tm utc{};
    gmtime_r(&now, &utc);
    std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &utc);
    made = now;
  }
  return text;
}

void append_cors(std::string& out, const HttpOptions& server, const HttpRequest& request) {
  if (server.cors_origin.empty()) return;
  append_header(out, "Access-Control-Allow-Origin", server.cors_origin);
  if (server.cors_origin != "*") append_header(out, "Vary", "Origin");
  append_header(out, "Access-Control-Expose-Headers", "Date, Retry-After");
  if (request.method != Method::Options) return;
  append_header(out, "Access-Control-Allow-Methods", "GET, POST, DELETE, OPTIONS");
  append_header(out, "Access-Control-Allow-Headers", "Accept, Authorization, Content-Type, Origin");
  append_header(out, "Access-Control-Max-Age", "86400");
}

}  // namespace

void append_response_head(std::string& out, const HttpOptions& server, const HttpResponse& response,
                          const HeadOptions& options, const HttpRequest& request) {
  out += options.http_1_1 ? "HTTP/1.1 " : "HTTP/1.0 ";
  out += std::to_string(response.status);
  out += ' ';
  out += reason(response.status);
  out += "\r\n";
  if (response.status != 204) append_header(out, "Content-Type", response.content_type);
  for (const auto& [name, value] : response.headers) append_header(out, name, value);
  if (options.gzip) append_header(out, "Content-Encoding", "gzip");
  if (options.gzip) append_header(out, "Vary", "Accept-Encoding");
  append_cors(out, server, request);
  append_header(out, "X-Content-Type-Options", "nosniff");
  append_header(out, "Date", date());
  if (options.length == HeadOptions::kChunked) {
    append_header(out, "Transfer-Encoding", "chunked");
  } else if (options.length != HeadOptions::kUnknown && response.status != 204) {
    append_header(
        out, "Content-Length",
        std::to_string(options.length == HeadOptions::kOfBody ? response.body.size() : options.length));
  }
  if (!options.keep_alive) append_header(out, "Connection", "close");
  if (options.keep_alive && !options.http_1_1) append_header(out, "Connection", "keep-alive");
  out += "\r\n";
}

}  // namespace silverback::api
