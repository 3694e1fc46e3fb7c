// Session, the first half: from bytes to a request, with its limits and deadlines.
#include <boost/asio/buffer.hpp>

#include <algorithm>
#include <cstring>

#include "api/http_error.h"
#include "api/session.h"

namespace silverback::api {
namespace {

constexpr std::size_t kFirstBuffer = 4 << 10;
constexpr std::size_t kChunkWindow = 16 << 10;
constexpr std::size_t kOtherBodyBytes = 64 << 10;  // of a request whose body nobody reads

}  // namespace

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
    if (match_.route->max_body_bytes != 0) max_body_bytes_ = match_.route->max_body_bytes;
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

}  // namespace silverback::api
