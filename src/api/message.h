// HttpRequest and HttpResponse: what a handler sees and what it fills in.
//
// A handler is a plain function. It never touches a socket; limits on size and time have been kept
// before it runs, and the bytes it leaves behind are compressed and sent for it.
//
// Threads: values of one request, handed from thread to thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace silverback::api {

enum class Method : std::uint8_t { Get, Head, Post, Put, Delete, Options, Other };

struct HeaderField {
  std::string_view name;
  std::string_view value;
};

/// Views into the connection's buffers: valid until the handler returns.
struct HttpRequest {
  Method method = Method::Get;
  std::string_view path;   // as sent: percent escapes are not undone
  std::string_view query;  // what follows '?', as sent
  std::string_view body;
  std::span<const HeaderField> headers;
  std::string_view remote;  // address and port of the peer
  std::stop_token cancel;   // asked to stop when the peer leaves or the server shuts down

  /// The first with this name, in any case; empty when there is none.
  std::string_view header(std::string_view name) const;
};

/// A body made piece by piece, so that a large one never stands in memory as a whole.
class BodyStream {
 public:
  virtual ~BodyStream() = default;
  /// Appends the next piece, about `size` bytes. @returns false when it was the last
  virtual bool next(std::string& out, std::size_t size) = 0;
};

struct HttpResponse {
  int status = 200;
  std::string_view content_type = kJson;                          // static text
  std::vector<std::pair<std::string_view, std::string>> headers;  // more of them; names are static text
  std::string body;
  std::unique_ptr<BodyStream> stream;  // when set, follows `body`
  bool close = false;                  // no further request on this connection

  static constexpr std::string_view kJson = "application/json";
  static constexpr std::string_view kText = "text/plain; charset=utf-8";
  static constexpr std::string_view kHtml = "text/html; charset=utf-8";

  void clear();
  void text(int code, std::string_view what);
};

/// ASCII letters compare without case, as header names and tokens do.
bool equal_ignoring_case(std::string_view a, std::string_view b);

}  // namespace silverback::api
