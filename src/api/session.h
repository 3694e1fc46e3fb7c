// Session: one connection, as a loop that reads like its protocol.
//
//   session_receive.cpp: bytes to a request     session.cpp: the loop, the gates     session_send.cpp: answer
//   to bytes
//
// Heavy: only these and http_server.cpp include this.
//
// Threads: one coroutine per connection, resumed by whichever thread leads the crew.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <memory>
#include <string>
#include <vector>

#include "api/body_buffer.h"
#include "api/crew.h"
#include "api/gate.h"
#include "api/request_parser.h"
#include "api/service.h"
#include "api/watch.h"

namespace silverback::api {

namespace net = boost::asio;

// The executor's own type instead of any_io_executor: no virtual call per operation.
using Executor = net::io_context::executor_type;
using Socket = net::basic_stream_socket<net::ip::tcp, Executor>;
template <typename T>
using Task = net::awaitable<T, Executor>;
inline constexpr auto as_result =
    net::as_tuple(net::use_awaitable_t<Executor>());  // error codes, not exceptions

/// The steady clock in so much time, ns.
inline std::int64_t after(std::chrono::milliseconds time) {
  return steady_now_ns() + std::chrono::duration_cast<std::chrono::nanoseconds>(time).count();
}

/// What all sessions of a server share. Outlives them.
struct Shared {
  explicit Shared(Service& the_service);

  Gate* gate(Work work);

  Service& service;
  BodyPool bodies;
  Gate admin;
  Gate queries;
  Gate writes;
  Watch watch;
  Crew* crew = nullptr;  // set before the first connection
  Counter& timeouts;
  Counter& refused_busy;
  Counter& received_bytes;
};

class Session {
 public:
  Session(Shared& shared, Socket socket, std::string remote);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Until the peer leaves, misbehaves or the server stops.
  Task<void> serve();

 private:
  enum class Got : std::uint8_t { Request, Refusal, Nothing };

  Task<Got> read_head();
  Task<Got> read_body();
  Task<Got> read_sized_body(std::size_t size);
  Task<Got> read_chunked_body();
  /// @returns bytes received, 0 when the peer is gone or its time is up
  Task<std::size_t> receive(std::span<char> room);

  Got admit();
  Got refuse(int status, std::string_view type, std::string_view message);
  Got refuse_late();

  Task<void> respond();
  Task<bool> enter(Gate& gate);
  void handle();
  void finish_body();

  Task<bool> send_answer();
  Task<bool> send_stream();
  /// Both parts, or false when the peer does not take them in time.
  Task<bool> send(std::string_view head, std::string_view body);
  std::int64_t send_deadline();
  Task<void> linger();

  std::string_view unread() const { return {in_.get() + begin_, end_ - begin_}; }
  bool make_room(std::size_t least);

  Shared& shared_;
  Service& service_;
  Socket socket_;
  Watched watched_;
  const std::string remote_;

  // Received: the current request begins at begin_; its head stays in place until it is answered.
  std::unique_ptr<char[]> in_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t request_bytes_ = 0;  // of the current request, within in_

  RequestParser parser_;
  BodyBuffer body_;
  HttpRequest request_;
  std::vector<HeaderField> headers_;
  HttpResponse response_;
  Service::Match match_;
  std::size_t max_body_bytes_ = 0;
  bool keep_alive_ = false;
  bool head_only_ = false;
  bool gzip_ = false;       // the answer's stream is compressed
  bool undrained_ = false;  // bytes of a refused request may still be on their way
  std::int64_t started_ns_ = 0;
  std::int64_t answer_began_ns_ = 0;
  std::int64_t piece_began_ns_ = 0;  // when the client was last behind by less than a piece
  std::size_t piece_sent_ = 0;       // since then
  std::string out_;
};

}  // namespace silverback::api
