// A webhook: Alertmanager's payload, version 4, with headers of ours. docs/format/notify.md
// Source: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <chrono>
#include <utility>

#include "alerting/notify/http_outcome.h"
#include "alerting/notify/integrations.h"
#include "alerting/notify/template_data.h"
#include "alerting/notify/templates.h"
#include "base/hex.h"
#include "base/json.h"

namespace silverback::notify {

std::string webhook_payload(const Notification& notification, std::uint64_t max_alerts,
                            std::string_view external_url) {
  std::span<const NotifiedAlert> shown = notification.alerts;
  if (max_alerts != 0 && shown.size() > max_alerts) shown = shown.first(max_alerts);
  std::string out;
  append_json(out, template_data(notification, shown, external_url));
  out.back() = ',';  // of the closing brace; more fields follow
  append_json_key(out, "version");
  out += "\"4\",";
  append_json_key(out, "groupKey");
  append_json_string(out, notification.group_key);
  out += ",\"truncatedAlerts\":" + std::to_string(notification.alerts.size() - shown.size());
  if (!notification.reason.empty()) {
    out += ",\"notification_reason\":";
    append_json_string(out, notification.reason);
  }
  return out + "}\n";
}

std::string signature(std::string_view secret, std::int64_t time_s, std::string_view body) {
  const std::string time = std::to_string(time_s);
  const std::string signed_text = time + "." + std::string(body);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(signed_text.data()), signed_text.size(), digest.data(), &size);
  return "t=" + time + ",v1=" + to_hex({reinterpret_cast<const char*>(digest.data()), size});
}

namespace {

constexpr std::int64_t kDefaultTimeoutMs = 10'000;

std::int64_t unix_seconds() {
  using std::chrono::system_clock;
  return std::chrono::duration_cast<std::chrono::seconds>(system_clock::now().time_since_epoch()).count();
}

class Webhook final : public Integration {
 public:
  Webhook(WebhookSpec spec, const Surroundings& surroundings)
      : spec_(std::move(spec)),
        templates_(surroundings.templates),
        external_url_(surroundings.external_url),
        client_(spec_.http, address_check(surroundings.egress)) {}

  Outcome send(const Notification& notification) override {
    const auto url = target(notification);
    if (!url) return outcome_of(url.status());
    const std::string body = webhook_payload(notification, spec_.max_alerts, external_url_);
    alerting::HttpClient::Headers headers = {{"Content-Type", "application/json"},
                                             {"User-Agent", std::string(user_agent())},
                                             {"Idempotency-Key", notification.idempotency_key}};
    const auto secret = alerting::read_secret(spec_.signature_secret, spec_.signature_secret_file);
    if (!secret) return outcome_of(secret.status());
    if (!secret->empty())
      headers.emplace_back(spec_.signature_header, signature(*secret, unix_seconds(), body));
    const auto reply =
        client_.post(*url, body, headers, spec_.timeout_ms == 0 ? kDefaultTimeoutMs : spec_.timeout_ms);
    return reply ? outcome_of(*reply) : outcome_of(reply.status());
  }

  void stop() override { client_.stop(); }

 private:
  Result<std::string> target(const Notification& notification) const {
    const auto url = alerting::read_secret(spec_.url, spec_.url_file);
    if (!url || !spec_.url_file.empty()) return url;
    return templates_->text("url", *url, template_data(notification, external_url_), notification.time_ns);
  }

  const WebhookSpec spec_;
  const std::shared_ptr<const Templates> templates_;
  const std::string external_url_;
  alerting::HttpClient client_;
};

}  // namespace

std::unique_ptr<Integration> make_webhook(const WebhookSpec& spec, const Surroundings& surroundings) {
  return std::make_unique<Webhook>(spec, surroundings);
}

}  // namespace silverback::notify
