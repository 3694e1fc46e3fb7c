// Session, the second half: from an answer to bytes, whole or in pieces, at the pace of the client.
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "api/gzip.h"
#include "api/response_head.h"
#include "api/session.h"

namespace silverback::api {
namespace {

constexpr std::size_t kPiece = 256 << 10;    // of a streamed answer
constexpr std::size_t kOneWrite = 16 << 10;  // head and body up to this leave in one buffer
constexpr auto kLinger = std::chrono::seconds(2);
constexpr std::size_t kLingerBytes = 64 << 20;
constexpr std::size_t kLingerOnce = 1 << 20;

}  // namespace

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
    const Gate::Place place(*gate);
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
