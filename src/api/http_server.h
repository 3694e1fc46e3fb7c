// HttpServer: the door of api. One listener, HTTP/1.1 with keep-alive and pipelining, and behind it every
// endpoint of docs/api.md.
//
//   auto server = HttpServer::start(options, context);
//   if (!server) return server.status();             // "listen on 0.0.0.0:9428: address already in use"
//   ...
//   (*server)->stop(std::chrono::seconds(30));       // or the destructor, which waits 5 s
//
// Threads: a crew of threads shares one reactor. One of them leads: it waits for the sockets and moves
// bytes. When a request is whole, the leader wakes the thread that went idle last to lead in its place,
// and runs the handler itself: one wake per request, none of them on the request's path. Permits keep
// handlers fewer than threads, so somebody always leads (see crew.h, gate.h).
// start() and stop() belong to one thread; port() may be called by any.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include "api/api_context.h"
#include "api/http_options.h"
#include "base/status.h"

namespace silverback::api {

class HttpServer {
 public:
  /// Listens and serves. While context.storage.ready() is not OK, everything but the health, metrics and
  /// status pages answers 503.
  /// @returns InvalidArgument for an address that cannot be read, Unavailable when it cannot be listened on
  static Result<std::unique_ptr<HttpServer>> start(HttpOptions options, ApiContext context);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// The port in use, also when 0 was asked for.
  std::uint16_t port() const;

  /// Closes the listener, tells /-/ready and keep-alive clients, lets running requests finish for up to
  /// `grace`, then cancels queries and closes what is left. Idempotent.
  void stop(std::chrono::milliseconds grace);

 private:
  class Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace silverback::api
