#include "alerting/notify/http_outcome.h"

#include "base/utf8.h"

namespace silverback::notify {

std::string_view user_agent() { return "Silverback/" SILVERBACK_VERSION; }

alerting::HttpClient::AddressCheck address_check(const Egress& egress) {
  return [egress](const sockaddr& address) { return egress.allows(address); };
}

Outcome outcome_of(const alerting::HttpReply& reply) {
  using Kind = Outcome::Kind;
  if (reply.status / 100 == 2) return {};
  std::string error = "the receiver answered " + std::to_string(reply.status);
  if (!reply.redirect.empty()) {
    error +=
        ", a redirect to " + reply.redirect +
        " that is not followed: with 301, 302 and 303 the message would be lost, and no other host is told; "
        "configure the address itself";
  } else if (!reply.body.empty()) {
    error += ": " + to_valid_utf8(std::string_view(reply.body).substr(0, 200));
  }
  const bool retry = reply.status / 100 == 5 || reply.status == 429;
  return {retry ? Kind::Retry : Kind::Refused, std::move(error), retry ? reply.retry_after_ms : 0};
}

Outcome outcome_of(const Status& status) {
  using Kind = Outcome::Kind;
  const bool final = status.code() == Code::PermissionDenied || status.code() == Code::InvalidArgument ||
                     status.code() == Code::Unprocessable;
  return {final ? Kind::Refused : Kind::Retry, std::string(status.message())};
}

}  // namespace silverback::notify
