#include "api/session.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "api/gzip.h"
#include "api/http_error.h"
#include "api/response_head.h"
#include "base/log.h"

namespace silverback::api {
namespace {

constexpr auto as_result = net::as_tuple(net::use_awaitable_t<Executor>());  // error codes, not exceptions

constexpr std::size_t kFirstBuffer = 4 << 10;
constexpr std::size_t kChunkWindow = 16 << 10;
constexpr std::size_t kGzipFrom = 1 << 10;
constexpr std::size_t kPiece = 256 << 10;          // of a streamed answer
constexpr std::size_t kFirstPiece = 1 << 20;       // an answer up to this is sent whole, with its length
constexpr std::size_t kOneWrite = 16 << 10;        // head and body up to this leave in one buffer
constexpr std::size_t kOtherBodyBytes = 64 << 10;  // of a request whose body nobody reads
constexpr auto kLinger = std::chrono::seconds(2);
constexpr std::size_t kLingerBytes = 64 << 20;
constexpr std::size_t kLingerOnce = 1 << 20;

std::int64_t after(std::chrono::milliseconds time) {
  return steady_now_ns() + std::chrono::duration_cast<std::chrono::nanoseconds>(time).count();
}

// A place behind a gate, held.
class Place {
 public:
  explicit Place(Gate& gate) : gate_(gate) {}
  ~Place() { gate_.leave(); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

 private:
  Gate& gate_;
};

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

// ---- receiving ------------------------------------------------------------------------------------

bool Session::make_room(std::size_t least) {
  if (capacity_ - end_ >= least) return true;
  if (begin_ > 0) {
    std::memmove(in_.get(), in_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (capacity_ - end_ >= least) return true;
  const std::size_t grown = std::max({kFirstBuffer, capacity_ * 2, end_ + least});
  auto moved = std::make_unique_for_overwrite<char[]>(grown);
  if (end_ > 0) std::memcpy(moved.get(), in_.get(), end_);
  in_ = std::move(moved);
  capacity_ = grown;
  return true;
}

Task<std::size_t> Session::receive(std::span<char> room) {
  const auto [error, n] = co_await socket_.async_read_some(net::buffer(room.data(), room.size()), as_result);
  co_return error ? 0 : n;
}

Task<Session::Got> Session::read_head() {
  const HttpOptions& options = service_.options;
  parser_.reset();
  request_ = {};
  match_ = {};
  keep_alive_ = head_only_ = false;
  watched_.set_idle(begin_ == end_);
  watched_.expires_at(after(begin_ == end_ ? options.idle_timeout : options.header_timeout));
  for (;;) {
    // A line end after a body is no request: some old clients send one (RFC 9112, section 2.2).
    while (parser_.head_bytes() == 0 && begin_ != end_ && (in_[begin_] == '\r' || in_[begin_] == '\n'))
      ++begin_;
    if (begin_ != end_) {
      const auto outcome = parser_.parse_head(unread());
      if (outcome == RequestParser::Outcome::Complete) co_return admit();
      if (outcome == RequestParser::Outcome::Failed) {
        undrained_ = true;
        co_return refuse(parser_.failure().status, "bad_data", parser_.failure().message);
      }
    }
    make_room(1);
    const std::size_t n = co_await receive({in_.get() + end_, capacity_ - end_});
    if (n == 0) co_return watched_.expired() && begin_ != end_ ? refuse_late() : Got::Nothing;
    if (begin_ == end_) {
      watched_.set_idle(false);
      watched_.expires_at(after(options.header_timeout));
    }
    end_ += n;
  }
}

Session::Got Session::refuse(int status, std::string_view type, std::string_view message) {
  answer_error(response_, status, type, message);
  if (status == 503) add_retry_after(response_, status);
  return Got::Refusal;
}

Session::Got Session::refuse_late() {
  shared_.timeouts.add();
  return refuse(408, "timeout", "the request did not arrive in time");
}

// Everything that can be said of a request before its body is read.
Session::Got Session::admit() {
  started_ns_ = steady_now_ns();
  request_bytes_ = parser_.head_bytes();
  parser_.describe(unread(), request_, headers_);
  keep_alive_ = parser_.keep_alive();
  head_only_ = request_.method == Method::Head;
  match_ = service_.find(request_.path, request_.method);
  max_body_bytes_ = kOtherBodyBytes;
  if (match_.route != nullptr && match_.method_allowed) {
    if (match_.route->work == Work::Write) max_body_bytes_ = service_.options.max_body_bytes;
    if (match_.route->work == Work::Query) max_body_bytes_ = service_.options.max_form_bytes;
  }
  const auto length = parser_.content_length();
  if (length && *length > max_body_bytes_) {
    undrained_ = true;
    return refuse(413, "bad_data",
                  "body of " + std::to_string(*length) + " bytes is larger than the limit of " +
                      std::to_string(max_body_bytes_) + " bytes; send smaller batches");
  }
  return Got::Request;
}

Task<Session::Got> Session::read_body() {
  const auto length = parser_.content_length();
  if (length && *length == 0) co_return Got::Request;
  watched_.expires_at(after(service_.options.body_timeout));
  if (parser_.expects_continue() && parser_.http_1_1() && unread().size() == request_bytes_) {
    answer_began_ns_ = steady_now_ns();
    if (!co_await send("HTTP/1.1 100 Continue\r\n\r\n", {})) co_return Got::Nothing;
    watched_.expires_at(after(service_.options.body_timeout));
  }
  // g++ 12 evaluates a co_await in a branch of ?:, && and || even when it must not; hence the plain ifs here
  // and below.
  Got got = Got::Nothing;
  if (length) {
    got = co_await read_sized_body(static_cast<std::size_t>(*length));
  } else {
    got = co_await read_chunked_body();
  }
  if (got == Got::Refusal) undrained_ = true;
  if (got == Got::Request) shared_.received_bytes.add(request_.body.size());
  co_return got;
}

Task<Session::Got> Session::read_sized_body(std::size_t size) {
  const std::string_view here = unread().substr(request_bytes_, size);
  if (here.size() == size) {  // all of it came with the head: no copy
    request_bytes_ += size;
    request_.body = here;
    co_return Got::Request;
  }
  body_ = shared_.bodies.take();
  if (!body_.append(here)) co_return refuse(503, "unavailable", "too many request bodies in memory");
  end_ = begin_ + request_bytes_;
  while (body_.size() < size) {
    const auto room = body_.room(size);
    if (room.empty()) co_return refuse(503, "unavailable", "too many request bodies in memory");
    const std::size_t n = co_await receive(room);
    if (n == 0) co_return watched_.expired() ? refuse_late() : Got::Nothing;
    body_.filled(n);
  }
  request_.body = body_.view();
  co_return Got::Request;
}

Task<Session::Got> Session::read_chunked_body() {
  body_ = shared_.bodies.take();
  if (capacity_ - end_ < kChunkWindow) {
    make_room(kChunkWindow);  // moves the head
    const auto body = request_.body;
    parser_.describe(unread(), request_, headers_);
    request_.body = body;
  }
  const std::size_t window = begin_ + request_bytes_;
  for (;;) {
    std::size_t used = 0;
    const auto outcome =
        parser_.parse_chunks({in_.get() + window, end_ - window}, used, body_, max_body_bytes_);
    // What is left moves to the front of the window; the head stays where it is.
    std::memmove(in_.get() + window, in_.get() + window + used, end_ - window - used);
    end_ -= used;
    if (outcome == RequestParser::Outcome::Complete) break;
    if (outcome == RequestParser::Outcome::Failed) {
      co_return refuse(parser_.failure().status, "bad_data", parser_.failure().message);
    }
    if (end_ == capacity_) co_return refuse(400, "bad_data", "chunk header or trailer is too long");
    const std::size_t n = co_await receive({in_.get() + end_, capacity_ - end_});
    if (n == 0) co_return watched_.expired() ? refuse_late() : Got::Nothing;
    end_ += n;
  }
  request_.body = body_.view();
  co_return Got::Request;
}

// ---- handling -------------------------------------------------------------------------------------

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
  const Place place(*gate);
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

// ---- sending --------------------------------------------------------------------------------------

Task<bool> Session::send_answer() {
  if (response_.close) keep_alive_ = false;
  if (service_.stopping.load(std::memory_order_relaxed)) keep_alive_ = false;
  piece_sent_ = 0;
  piece_began_ns_ = 0;
  answer_began_ns_ = steady_now_ns();
  if (response_.stream != nullptr && !head_only_) co_return co_await send_stream();
  out_.clear();
  HeadOptions options{.keep_alive = keep_alive_, .http_1_1 = parser_.http_1_1(), .gzip = gzip_};
  if (response_.stream != nullptr) options.length = HeadOptions::kUnknown;
  append_response_head(out_, service_.options, response_, options, request_);
  if (head_only_) co_return co_await send(out_, {});
  if (response_.body.size() > kOneWrite) co_return co_await send(out_, response_.body);
  out_ += response_.body;
  co_return co_await send(out_, {});
}

Task<bool> Session::send_stream() {
  const bool chunked = parser_.http_1_1();
  if (!chunked) keep_alive_ = false;  // the end of the body is the end of the connection
  out_.clear();
  append_response_head(out_, service_.options, response_,
                       {.keep_alive = keep_alive_,
                        .http_1_1 = chunked,
                        .gzip = gzip_,
                        .length = chunked ? HeadOptions::kChunked : HeadOptions::kUnknown},
                       request_);
  if (!co_await send(out_, {})) co_return false;
  std::unique_ptr<GzipStream> gzip = gzip_ ? std::make_unique<GzipStream>() : nullptr;
  Gate* const gate = shared_.gate(match_.route->work);
  std::string packed;
  for (bool more = true;;) {
    if (gzip != nullptr) {
      packed.clear();
      gzip->add(response_.body, !more, packed);
    }
    std::string& piece = gzip != nullptr ? packed : response_.body;
    if (!piece.empty()) {
      char size[24];
      char* digits = size;
      if (chunked) {
        digits = std::to_chars(size, size + 16, piece.size(), 16).ptr;
        *digits++ = '\r';
        *digits++ = '\n';
        piece += "\r\n";
      }
      if (!co_await send({size, static_cast<std::size_t>(digits - size)}, piece)) co_return false;
    }
    if (!more) break;
    // A slow reader holds the result but no place at the gate.
    while (!co_await enter(*gate)) {
      if (service_.stopping.load(std::memory_order_relaxed)) co_return false;
    }
    const Place place(*gate);
    shared_.crew->step_down();
    response_.body.clear();
    more = response_.stream->next(response_.body, kPiece);
  }
  response_.stream.reset();
  if (!chunked) co_return true;
  co_return co_await send("0\r\n\r\n", {});
}

// A client has write_timeout for each piece, not for each byte; credit does not add up.
std::int64_t Session::send_deadline() {
  if (piece_sent_ >= kPiece || piece_began_ns_ == 0) {
    piece_began_ns_ = steady_now_ns();
    piece_sent_ = 0;
  }
  const HttpOptions& options = service_.options;
  const auto ns = [](std::chrono::milliseconds time) { return std::chrono::nanoseconds(time).count(); };
  return std::min(piece_began_ns_ + ns(options.write_timeout),
                  answer_began_ns_ + ns(options.response_timeout));
}

Task<bool> Session::send(std::string_view head, std::string_view body) {
  while (!head.empty() || !body.empty()) {
    iovec parts[2] = {{const_cast<char*>(head.data()), head.size()},
                      {const_cast<char*>(body.data()), body.size()}};
    msghdr message{};
    message.msg_iov = head.empty() ? parts + 1 : parts;
    message.msg_iovlen = head.empty() || body.empty() ? 1 : 2;
    const ssize_t n = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0) {
      const std::size_t of_head = std::min(head.size(), static_cast<std::size_t>(n));
      head.remove_prefix(of_head);
      body.remove_prefix(static_cast<std::size_t>(n) - of_head);
      piece_sent_ += static_cast<std::size_t>(n);
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) co_return false;
    watched_.expires_at(send_deadline(), /*both=*/true);
    const auto [error] = co_await socket_.async_wait(Socket::wait_write, as_result);
    if (error || watched_.expired()) {
      if (watched_.expired()) shared_.timeouts.add();
      co_return false;
    }
  }
  watched_.never_expires();
  co_return true;
}

// Closing with bytes unread would reset the connection and could take the answer with it.
Task<void> Session::linger() {
  ::shutdown(socket_.native_handle(), SHUT_WR);
  watched_.expires_at(after(kLinger), /*both=*/true);
  for (std::size_t drained = 0; drained < kLingerBytes;) {
    const ssize_t n = ::recv(socket_.native_handle(), nullptr, kLingerOnce, MSG_TRUNC | MSG_DONTWAIT);
    if (n > 0) {
      drained += static_cast<std::size_t>(n);
      continue;
    }
    if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) co_return;
    const auto [error] = co_await socket_.async_wait(Socket::wait_read, as_result);
    if (error || watched_.expired()) co_return;
  }
}

}  // namespace silverback::api
