#include "api/session.h"

#include <boost/asio/post.hpp>

#include <algorithm>

#include "api/gzip.h"
#include "api/http_error.h"
#include "base/log.h"

namespace silverback::api {
namespace {

constexpr std::size_t kGzipFrom = 1 << 10;
constexpr std::size_t kFirstPiece = 1 << 20;  // an answer up to this is sent whole, with its length

std::size_t places(std::size_t asked, std::size_t least) {
  if (asked != 0) return asked;
  return std::max<std::size_t>(least, 2 * std::max(1U, std::thread::hardware_concurrency()));
}

}  // namespace

Shared::Shared(Service& the_service)
    : service(the_service),
      bodies(the_service.options.max_body_memory_bytes),
      admin(2, 64),
      queries(places(the_service.options.max_concurrent_queries, 8), the_service.options.max_queued_queries),
      // Writes wait for the log together, so more of them than processors make larger groups.
      writes(places(the_service.options.max_concurrent_writes, 16), the_service.options.max_queued_writes),
      timeouts(the_service.context.metrics.counter("silverback_http_timeouts_total",
                                                   "Connections closed because the client was too slow.")),
      refused_busy(the_service.context.metrics.counter(
          "silverback_http_refused_busy_total", "Requests answered 503 because too many were in progress.")),
      received_bytes(the_service.context.metrics.counter(
          "silverback_http_request_body_bytes_total", "Bytes of request bodies received, as on the wire.")) {}

Gate* Shared::gate(Work work) {
  switch (work) {
    case Work::Instant: return nullptr;
    case Work::Admin: return &admin;
    case Work::Query: return &queries;
    case Work::Write: return &writes;
  }
  return nullptr;
}

Session::Session(Shared& shared, Socket socket, std::string remote)
    : shared_(shared),
      service_(shared.service),
      socket_(std::move(socket)),
      watched_(socket_.native_handle()),
      remote_(std::move(remote)),
      parser_(shared.service.options.max_header_bytes) {
  shared_.watch.add(watched_);
}

Session::~Session() { shared_.watch.remove(watched_); }  // then the socket closes

Task<void> Session::serve() {
  for (;;) {
    response_.clear();
    Got got = co_await read_head();
    if (got == Got::Request) got = co_await read_body();
    if (got == Got::Nothing) co_return;
    watched_.never_expires();
    if (got == Got::Request) {
      co_await respond();
    } else {
      keep_alive_ = false;
    }
    const bool sent = co_await send_answer();
    body_.release();
    if (!sent || !keep_alive_) break;
    begin_ += request_bytes_;
    if (begin_ == end_) begin_ = end_ = 0;
  }
  if (undrained_) co_await linger();
}

Task<bool> Session::enter(Gate& gate) {
  if (gate.try_enter()) co_return true;
  const std::int64_t deadline = after(service_.options.queue_timeout);
  constexpr net::use_awaitable_t<Executor> token;
  co_return co_await net::async_initiate<const net::use_awaitable_t<Executor>, void(bool)>(
      [&gate, deadline, executor = socket_.get_executor()](auto handler) {
        // std::function wants copies; there is only ever one call.
        const auto kept = std::make_shared<decltype(handler)>(std::move(handler));
        const auto told = [kept, executor](bool entered) {
          net::post(executor, [kept, entered] { std::move (*kept)(entered); });
        };
        if (!gate.wait(deadline, told)) told(false);
      },
      token);
}

Task<void> Session::respond() {
  request_.remote = remote_;
  Gate* const gate =
      match_.route != nullptr && match_.method_allowed ? shared_.gate(match_.route->work) : nullptr;
  if (gate == nullptr) {
    handle();
    co_return;
  }
  if (!co_await enter(*gate)) {
    shared_.refused_busy.add();
    refuse(503, "unavailable",
           "the server is busy: too many requests of this kind are in progress; try again");
    match_.metrics->count(503, static_cast<double>(steady_now_ns() - started_ns_) * 1e-9, 0);
    co_return;
  }
  const Gate::Place place(*gate);
  shared_.crew->step_down();
  if (match_.route->work == Work::Query) request_.cancel = watched_.begin_work(steady_now_ns());
  handle();
  if (match_.route->work == Work::Query) watched_.end_work();
}

void Session::handle() {
  try {
    service_.handle(match_, request_, response_);
    finish_body();
  } catch (const std::bad_alloc&) {
    response_.clear();
    refuse(503, "unavailable", "out of memory while answering");
  } catch (const std::exception& thrown) {
    log(LogLevel::Error, "handler failed", {{"path", request_.path}, {"error", thrown.what()}});
    response_.clear();
    refuse(500, "internal", thrown.what());
  }
  if (match_.metrics != nullptr) {
    match_.metrics->count(response_.status, static_cast<double>(steady_now_ns() - started_ns_) * 1e-9,
                          response_.body.size());
  }
}

// The first piece of a stream, and compression: with the handler, behind the same gate.
void Session::finish_body() {
  if (response_.stream != nullptr && !response_.stream->next(response_.body, kFirstPiece))
    response_.stream.reset();
  gzip_ = service_.options.gzip && (response_.stream != nullptr || response_.body.size() > kGzipFrom) &&
          accepts_gzip(request_.header("Accept-Encoding"));
  if (!gzip_ || response_.stream != nullptr) return;
  gzip_ = gzip_in_place(response_.body);
}

}  // namespace silverback::api
