// Mail: a message as it goes to an SMTP server: RFC 5322 headers, MIME parts (RFC 2045 to 2047).
//
// Header texts with anything but printable ASCII become encoded words, so that a value can neither break a
// line nor add a header. Addresses are read and written again. Parts are quoted-printable UTF-8.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "alerting/rule_file.h"
#include "base/status.h"

namespace silverback::notify {

struct MailAddress {
  std::string name;     // may be empty
  std::string address;  // user@host
  friend bool operator==(const MailAddress&, const MailAddress&) = default;
};

/// `a@x.org, Ops <b@x.org>, "Night, shift" <c@x.org>`
/// @returns InvalidArgument with the one that is none, or when there is none at all
Result<std::vector<MailAddress>> parse_addresses(std::string_view text);

/// In alternatives, the last one the best; an empty part is left out.
struct Mail {
  alerting::TextPairs headers;  // values as UTF-8; those of To, From, Cc, Reply-To and Sender are addresses
  std::string text;
  std::string html;
};

/// With CRLF at the end of lines.
/// @param boundary  must not stand in the parts; quoted-printable never holds "=_"
std::string mail_text(const Mail& mail, std::string_view boundary);

/// "Tue, 02 Jan 2024 03:04:05 +0000"
std::string mail_date(std::int64_t time_ns);

}  // namespace silverback::notify
