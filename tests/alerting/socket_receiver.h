// SocketReceiver: a receiver that does what a test tells it to do, on a port of its own of 127.0.0.1.
//
// Each connection is handed to `serve` on a thread of its own.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.h"

namespace silverback::notify {

/// One accepted connection.
class Peer {
 public:
  explicit Peer(int fd) : fd_(fd) {}
  ~Peer() { ::close(fd_); }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  /// @returns whether the other side still listens
  bool write(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }
  /// Up to and including `end`; less when the other side leaves or says nothing for ten seconds.
  std::string read_until(std::string_view end) {
    while (buffer_.find(end) == buffer_.npos && fill()) {
    }
    return take(std::min(buffer_.find(end), buffer_.size() - std::min(buffer_.size(), end.size())) +
                end.size());
  }
  std::string read(std::size_t size) {
    while (buffer_.size() < size && fill()) {
    }
    return take(size);
  }
  void hang_up() const { ::shutdown(fd_, SHUT_RDWR); }
  bool wait_for_end() {
    while (fill()) buffer_.clear();
    return true;
  }

 private:
  bool fill() {
    pollfd ready{fd_, POLLIN, 0};
    char bytes[4096];
    if (::poll(&ready, 1, 10'000) <= 0) return false;
    const ssize_t n = ::recv(fd_, bytes, sizeof bytes, 0);
    if (n <= 0) return false;
    buffer_.append(bytes, static_cast<std::size_t>(n));
    return true;
  }
  std::string take(std::size_t size) {
    std::string out = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return out;
  }

  int fd_;
  std::string buffer_;
};

class SocketReceiver {
 public:
  using Serve = std::function<void(Peer&)>;

  explicit SocketReceiver(Serve serve) : serve_(std::move(serve)), fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(fd_, 16), 0);
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~SocketReceiver() {
    ::shutdown(fd_, SHUT_RDWR);
    thread_.join();
    for (Connection& connection : connections_) connection.peer->hang_up();
    for (Connection& connection : connections_) connection.thread.join();
    ::close(fd_);
  }
  SocketReceiver(const SocketReceiver&) = delete;
  SocketReceiver& operator=(const SocketReceiver&) = delete;

  int port() const { return port_; }
  std::string url(const std::string& path = "/") const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }

 private:
  void run() {
    for (int accepted; (accepted = ::accept(fd_, nullptr, nullptr)) >= 0;) {
      Connection& connection = connections_.emplace_back();
      connection.peer = std::make_unique<Peer>(accepted);
      connection.thread = std::thread([this, peer = connection.peer.get()] {
        serve_(*peer);
        peer->hang_up();
      });
    }
  }

  struct Connection {
    std::unique_ptr<Peer> peer;
    std::thread thread;
  };

  Serve serve_;
  int fd_;
  int port_ = 0;
  std::deque<Connection> connections_;  // of thread_ until it is joined
  std::thread thread_;
};

struct HttpRequest {
  std::string head;  // the lines before the body
  std::string body;
  std::string path() const { return head.substr(0, head.find('\r')); }
  /// Empty when there is none.
  std::string header(const std::string& name) const {
    const std::size_t at = head.find("\r\n" + name + ": ");
    if (at == head.npos) return {};
    const std::size_t begin = at + name.size() + 4;
    return head.substr(begin, head.find("\r\n", begin) - begin);
  }
};

/// Answers the n-th request with what `answer` returns for it, and keeps the requests.
class HttpReceiver {
 public:
  using Answer = std::function<std::string(const HttpRequest&)>;

  explicit HttpReceiver(Answer answer)
      : answer_(std::move(answer)), socket_([this](Peer& peer) { serve(peer); }) {}

  static std::string ok(std::string_view body = "") { return reply("200 OK", body); }
  static std::string reply(std::string_view status, std::string_view body = "",
                           std::string_view headers = "") {
    return "HTTP/1.1 " + std::string(status) + "\r\n" + std::string(headers) +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
  }

  std::string url(const std::string& path = "/") const { return socket_.url(path); }
  std::vector<HttpRequest> requests() const {
    const MutexLock lock(mutex_);
    return requests_;
  }

 private:
  void serve(Peer& peer) {
    for (;;) {
      HttpRequest request;
      request.head = peer.read_until("\r\n\r\n");
      if (!request.head.ends_with("\r\n\r\n")) return;
      const std::string size = request.header("Content-Length");
      request.body = peer.read(size.empty() ? 0 : std::stoul(size));
      {
        const MutexLock lock(mutex_);
        requests_.push_back(request);
      }
      if (!peer.write(answer_(request))) return;
    }
  }

  Answer answer_;
  mutable Mutex mutex_;
  std::vector<HttpRequest> requests_ GUARDED_BY(mutex_);
  SocketReceiver socket_;
};

}  // namespace silverback::notify
