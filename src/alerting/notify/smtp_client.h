// SmtpClient: hands one mail to an SMTP server. On libcurl.
//
// TLS: port 465 speaks it from the beginning; elsewhere STARTTLS is used when it is required, and a server
// that does not offer it gets nothing. Without TLS a password goes to this machine or as a challenge's answer
// (CRAM-MD5) only.
//
// Threads: send() one at a time, stop() any.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "alerting/http_client.h"
#include "alerting/notify/integration.h"

namespace silverback::notify {

class SmtpClient {
 public:
  SmtpClient(const EmailSpec& spec, alerting::HttpClient::AddressCheck allows);
  ~SmtpClient();
  SmtpClient(const SmtpClient&) = delete;
  SmtpClient& operator=(const SmtpClient&) = delete;

  /// @param mail  lines end with CRLF
  /// @returns Refused when the server answers 5xx to an address or to the mail; Retry for all else that
  /// fails,
  ///          a refused password included, since that can be mended
  Outcome send(const std::string& from, const std::vector<std::string>& to, const std::string& mail,
               std::int64_t timeout_ms);
  /// Ends a send() that is under way within a second.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace silverback::notify
