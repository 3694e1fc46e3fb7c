// E-mail: one mail to all addresses of a receiver, text and HTML.
// Source: https://prometheus.io/docs/alerting/latest/configuration/#email_config
#include <algorithm>
#include <cctype>
#include <utility>

#include "alerting/notify/http_outcome.h"
#include "alerting/notify/integrations.h"
#include "alerting/notify/mail.h"
#include "alerting/notify/smtp_client.h"
#include "alerting/notify/template_data.h"
#include "alerting/notify/templates.h"
#include "base/hash.h"

namespace silverback::notify {
namespace {

constexpr std::int64_t kTimeoutMs = 30'000;

bool has(const TextPairs& headers, std::string_view name) {
  return std::ranges::any_of(headers, [&](const auto& header) { return header.first == name; });
}

// The same for each attempt, so that a mail that arrives twice can be told to be one.
std::string message_id(const Notification& notification, std::string_view from) {
  std::string id;
  for (const char c : notification.idempotency_key) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '.') id += c;
  }
  return "<" + id + ".silverback@" + std::string(from.substr(from.find('@') + 1)) + ">";
}

class Email final : public Integration {
 public:
  Email(EmailSpec spec, const Surroundings& surroundings)
      : spec_(std::move(spec)),
        templates_(surroundings.templates),
        external_url_(surroundings.external_url),
        client_(spec_, address_check(surroundings.egress)) {}

  Outcome send(const Notification& notification) override {
    const auto letter = write_letter(spec_, *templates_, notification, external_url_);
    if (!letter) return outcome_of(letter.status());
    return client_.send(letter->from, letter->to, letter->mail, kTimeoutMs);
  }

  void stop() override { client_.stop(); }

 private:
  const EmailSpec spec_;
  const std::shared_ptr<const Templates> templates_;
  const std::string external_url_;
  SmtpClient client_;
};

}  // namespace

Result<Letter> write_letter(const EmailSpec& spec, const Templates& templates,
                            const Notification& notification, std::string_view external_url) {
  const gotemplate::Value data = template_data(notification, external_url);
  Status failed;
  const auto fill = [&](std::string_view field, const std::string& source, bool html = false) -> std::string {
    if (!failed.ok()) return {};
    auto text = html ? templates.html(field, source, data, notification.time_ns)
                     : templates.text(field, source, data, notification.time_ns);
    if (text) return std::move(*text);
    failed = text.status();
    return {};
  };
  const std::string from = fill("from", spec.from);
  const std::string to = fill("to", spec.to);
  Mail mail;
  for (const auto& [name, source] : spec.headers)
    mail.headers.emplace_back(name, fill("header " + name, source));
  if (!has(spec.headers, "From")) mail.headers.emplace_back("From", from);
  if (!has(spec.headers, "To")) mail.headers.emplace_back("To", to);
  if (!has(spec.headers, "Subject"))
    mail.headers.emplace_back("Subject", fill("subject", R"({{ template "email.default.subject" . }})"));
  mail.text = fill("text", spec.text);
  mail.html = fill("html", spec.html, true);
  if (!failed.ok()) return failed;
  const auto sender = parse_addresses(from);
  if (!sender) return sender.status().in("from");
  if (sender->size() != 1)
    return Status(Code::InvalidArgument,
                  "from: must be exactly one address, not " + std::to_string(sender->size()));
  const auto recipients = parse_addresses(to);
  if (!recipients) return recipients.status().in("to");
  Letter letter;
  letter.from = sender->front().address;
  for (const MailAddress& one : *recipients) letter.to.push_back(one.address);
  if (!has(spec.headers, "Message-Id"))
    mail.headers.emplace_back("Message-Id", message_id(notification, letter.from));
  if (!has(spec.headers, "Date")) mail.headers.emplace_back("Date", mail_date(notification.time_ns));
  letter.mail = mail_text(mail, "=_" + std::to_string(hash64(notification.idempotency_key)));
  return letter;
}

std::unique_ptr<Integration> make_email(const EmailSpec& spec, const Surroundings& surroundings) {
  return std::make_unique<Email>(spec, surroundings);
}

}  // namespace silverback::notify
