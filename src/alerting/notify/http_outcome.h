// What an HTTP answer, or the lack of one, means for a notification; common to all that is sent by HTTP.
//
// Threads: any.
#pragma once

#include <string_view>

#include "alerting/http_client.h"
#include "alerting/notify/egress.h"
#include "alerting/notify/integration.h"

namespace silverback::notify {

/// "Silverback/0.1.0"
std::string_view user_agent();

alerting::HttpClient::AddressCheck address_check(const Egress& egress);

/// 2xx is Delivered; 5xx and 429 (too many requests, which Alertmanager gives up on) are Retry, the latter
/// after the time that the receiver asks for; all others are Refused, a redirect with the place where it
/// leads.
Outcome outcome_of(const alerting::HttpReply& reply);
/// No answer: Retry, unless the address may not be reached or the URL or a template is wrong.
Outcome outcome_of(const Status& status);

}  // namespace silverback::notify
