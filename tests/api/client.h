// Client: a raw socket that speaks as much HTTP as a test wants, and no more.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace silverback::api {

struct Answer {
  int status = 0;  // 0: the connection ended or nothing came in time
  std::string head;
  std::map<std::string, std::string> headers;  // lower-case names
  std::string body;                            // with chunks put together
  bool chunked = false;

  std::string header(const std::string& name) const {
    const auto it = headers.find(name);
    return it == headers.end() ? "" : it->second;
  }
};

class Client {
 public:
  explicit Client(std::uint16_t port, int receive_buffer = 0) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    if (receive_buffer != 0)
      ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  ~Client() { close(); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void close() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
  }
  void half_close() { ::shutdown(socket_, SHUT_WR); }

  /// @returns false when the server does not take it
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  Answer get(const std::string& target, const std::string& headers = "") {
    send("GET " + target + " HTTP/1.1\r\nHost: t\r\n" + headers + "\r\n");
    return read();
  }
  Answer post(const std::string& target, const std::string& body, const std::string& headers = "") {
    send("POST " + target + " HTTP/1.1\r\nHost: t\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n" + headers + "\r\n" + body);
    return read();
  }
  Answer form(const std::string& target, const std::string& body) {
    return post(target, body, "Content-Type: application/x-www-form-urlencoded\r\n");
  }

  /// The next answer on the connection.
  Answer read(bool to_head = false, std::chrono::milliseconds timeout = std::chrono::seconds(10)) {
    Answer answer;
    end_ = std::chrono::steady_clock::now() + timeout;
    std::size_t head_end = 0;
    while ((head_end = received_.find("\r\n\r\n")) == std::string::npos) {
      if (!receive()) return answer;
    }
    answer.head = received_.substr(0, head_end + 2);
    received_.erase(0, head_end + 4);
    parse_head(answer);
    if (to_head || answer.status == 204 || answer.status == 100) return answer;
    read_body(answer);
    return answer;
  }
  /// Has the server closed the connection (or does so soon)?
  bool closed(std::chrono::milliseconds timeout = std::chrono::seconds(5)) {
    end_ = std::chrono::steady_clock::now() + timeout;
    while (receive()) {
    }
    return std::chrono::steady_clock::now() < end_;
  }
  bool connected() const { return connected_; }
  std::size_t unread() const { return received_.size(); }

 private:
  bool receive() {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(end_ - std::chrono::steady_clock::now());
    pollfd ready{socket_, POLLIN, 0};
    if (::poll(&ready, 1, static_cast<int>(std::max<std::int64_t>(0, left.count()))) <= 0) return false;
    char bytes[65536];
    const ssize_t n = ::recv(socket_, bytes, sizeof bytes, 0);
    if (n <= 0) return false;
    received_.append(bytes, static_cast<std::size_t>(n));
    return true;
  }

  void parse_head(Answer& answer) {
    std::from_chars(answer.head.data() + 9, answer.head.data() + answer.head.size(), answer.status);
    for (std::size_t at = answer.head.find("\r\n") + 2; at < answer.head.size();) {
      const auto end = answer.head.find("\r\n", at);
      const auto colon = answer.head.find(": ", at);
      std::string name = answer.head.substr(at, colon - at);
      for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      answer.headers[name] = answer.head.substr(colon + 2, end - colon - 2);
      at = end + 2;
    }
  }

  std::optional<std::string> take(std::size_t n) {
    while (received_.size() < n) {
      if (!receive()) return std::nullopt;
    }
    std::string out = received_.substr(0, n);
    received_.erase(0, n);
    return out;
  }

  void read_body(Answer& answer) {
    answer.chunked = answer.header("transfer-encoding") == "chunked";
    if (!answer.chunked) {
      const std::string length = answer.header("content-length");
      if (length.empty()) {  // to the end of the connection
        while (receive()) {
        }
        answer.body.swap(received_);
      } else if (auto body = take(std::stoull(length))) {
        answer.body = std::move(*body);
      } else {
        answer.status = 0;
      }
      return;
    }
    for (;;) {
      while (received_.find("\r\n") == std::string::npos) {
        if (!receive()) {
          answer.status = 0;
          return;
        }
      }
      const auto line = received_.find("\r\n");
      const std::size_t size = std::stoull(received_.substr(0, line), nullptr, 16);
      received_.erase(0, line + 2);
      const auto chunk = take(size + 2);
      if (!chunk) {
        answer.status = 0;
        return;
      }
      answer.body.append(*chunk, 0, size);
      if (size == 0) return;
    }
  }

  int socket_;
  bool connected_ = false;
  std::string received_;
  std::chrono::steady_clock::time_point end_;
};

}  // namespace silverback::api
