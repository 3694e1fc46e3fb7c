// HttpClient: requests to the outside, for Alertmanagers and receivers. On libcurl.
//
// Connections are kept and used again. Redirects are not followed across hosts with credentials. Answers are
// read up to 64 KiB.
//
// Threads: none; one client per sending thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"

namespace silverback::alerting {

/// The common fields of Prometheus' http_config.
struct HttpSettings {
  std::string username;
  std::string password;
  std::string password_file;
  std::string authorization_type = "Bearer";
  std::string credentials;  // of the Authorization header
  std::string credentials_file;
  std::string ca_file;
  std::string cert_file;
  std::string key_file;
  std::string proxy_url;
  bool insecure_skip_verify = false;
  bool follow_redirects = true;
  friend bool operator==(const HttpSettings&, const HttpSettings&) = default;
};

struct HttpReply {
  int status = 0;
  std::string body;  // its first 64 KiB
};

class HttpClient {
 public:
  explicit HttpClient(HttpSettings settings);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  using Headers = std::vector<std::pair<std::string, std::string>>;
  /// @returns Unavailable when no answer came: connection, name, TLS; DeadlineExceeded after `timeout_ms`;
  ///          NotFound when a file with a secret cannot be read
  Result<HttpReply> post(const std::string& url, std::string_view body, const Headers& headers,
                         std::int64_t timeout_ms);
  /// Ends a post() that is under way on another thread within a second.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace silverback::alerting
