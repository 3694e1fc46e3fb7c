// HttpClient: requests to the outside, for Alertmanagers and receivers. On libcurl.
//
// Connections are kept and used again. An answer is read up to 64 KiB; what comes behind it is thrown away,
// and after 1 MiB the connection is closed. An answer whose status has come counts, also when the rest of it
// does not come in time.
//
// Redirects: 307 and 308 are followed, ten of them, when they stay at the same scheme, host and port, or go
// from http to https of the same host at the usual ports. So neither credentials nor a signature nor the body
// reach a host that is not in the configuration. 301, 302 and 303 turn a POST into a GET in most clients,
// which would tell the receiver nothing: they are not followed and are an answer like any other.
//
// Errors name scheme, host and port alone, since the rest of a receiver's URL is often a secret.
//
// The environment's proxy variables are not looked at, only proxy_url.
//
// Threads: none; one client per sending thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"

struct sockaddr;

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

/// The value, or what stands in the file when one is named, without blanks and newlines at its end.
/// @returns NotFound with the name of the file
Result<std::string> read_secret(const std::string& value, const std::string& file);

struct HttpReply {
  int status = 0;
  std::string body;  // its first 64 KiB
  std::string content_type;
  std::string redirect;             // where a redirect that was not followed would have led
  std::int64_t retry_after_ms = 0;  // of its Retry-After, in seconds or as a date; 0: none
};

class HttpClient {
 public:
  /// May a connection to this address be opened?
  using AddressCheck = std::function<bool(const sockaddr&)>;

  explicit HttpClient(HttpSettings settings, AddressCheck allows = {});
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// Keeps so much of an answer instead of 64 KiB.
  void keep_up_to(std::size_t bytes);

  using Headers = std::vector<std::pair<std::string, std::string>>;
  /// @returns Unavailable when no answer came: connection, name, TLS; DeadlineExceeded after `timeout_ms`;
  ///          NotFound when a file with a secret cannot be read; PermissionDenied when all the addresses
  ///          tried are refused by the check; InvalidArgument when the URL is not one
  Result<HttpReply> post(const std::string& url, std::string_view body, const Headers& headers,
                         std::int64_t timeout_ms);
  /// Ends a post() that is under way on another thread within a second.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace silverback::alerting
