#include "alerting/notify/smtp_client.h"

#include <curl/curl.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <string_view>

#include "alerting/notify/http_outcome.h"

namespace silverback::notify {
namespace {

bool this_machine(std::string_view smarthost) {
  const std::string_view host = smarthost.substr(0, smarthost.rfind(':'));
  return host == "localhost" || host == "127.0.0.1" || host == "[::1]";
}

struct AddressList {
  ~AddressList() { curl_slist_free_all(list); }
  curl_slist* list = nullptr;
};

}  // namespace

struct SmtpClient::Impl {
  EmailSpec spec;
  alerting::HttpClient::AddressCheck allows;
  std::atomic<bool> stopping{false};  // looked at by the progress callback; orders nothing

  // Of the mail under way.
  std::string_view rest;
  bool began = false;  // the server asked for the mail
  bool opened = false;
  bool refused = false;  // an address

  static std::size_t on_read(char* out, std::size_t size, std::size_t count, void* self) {
    auto& impl = *static_cast<Impl*>(self);
    impl.began = true;
    const std::size_t n = std::min(size * count, impl.rest.size());
    std::memcpy(out, impl.rest.data(), n);
    impl.rest.remove_prefix(n);
    return n;
  }
  static std::size_t on_body(char*, std::size_t size, std::size_t count, void*) { return size * count; }
  static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<Impl*>(self)->stopping.load(std::memory_order_relaxed) ? 1 : 0;
  }
  static curl_socket_t on_socket(void* self, curlsocktype, curl_sockaddr* address) {
    auto& impl = *static_cast<Impl*>(self);
    if (impl.allows && !impl.allows(address->addr)) {
      impl.refused = true;
      return CURL_SOCKET_BAD;
    }
    impl.opened = true;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  }

  bool implicit_tls() const { return spec.smarthost.ends_with(":465"); }
  Status set_login(CURL* easy) const;
  void set_connection(CURL* easy) const;
  void set_callbacks(CURL* easy);
  Outcome outcome(CURL* easy, CURLcode code, std::string_view problem) const;
};

Status SmtpClient::Impl::set_login(CURL* easy) const {
  if (spec.auth_username.empty()) return {};
  const auto password = alerting::read_secret(spec.auth_password, spec.auth_password_file);
  if (!password) return password.status();
  curl_easy_setopt(easy, CURLOPT_USERNAME, spec.auth_username.c_str());
  curl_easy_setopt(easy, CURLOPT_PASSWORD, password->c_str());
  curl_easy_setopt(easy, CURLOPT_SASL_IR, 1L);  // the first answer with the command, as Go's client does
  if (!spec.auth_identity.empty()) curl_easy_setopt(easy, CURLOPT_SASL_AUTHZID, spec.auth_identity.c_str());
  if (!spec.require_tls && !implicit_tls() && !this_machine(spec.smarthost))
    curl_easy_setopt(easy, CURLOPT_LOGIN_OPTIONS, "AUTH=CRAM-MD5");
  return {};
}

void SmtpClient::Impl::set_connection(CURL* easy) const {
  char* hello = curl_easy_escape(easy, spec.hello.empty() ? "localhost" : spec.hello.c_str(), 0);
  const std::string url =
      (implicit_tls() ? "smtps://" : "smtp://") + spec.smarthost + "/" + (hello == nullptr ? "" : hello);
  curl_free(hello);
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_USE_SSL,
                   static_cast<long>(spec.require_tls || implicit_tls() ? CURLUSESSL_ALL : CURLUSESSL_NONE));
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, spec.insecure_skip_verify ? 0L : 1L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, spec.insecure_skip_verify ? 0L : 2L);
  if (!spec.ca_file.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, spec.ca_file.c_str());
  if (!spec.cert_file.empty()) curl_easy_setopt(easy, CURLOPT_SSLCERT, spec.cert_file.c_str());
  if (!spec.key_file.empty()) curl_easy_setopt(easy, CURLOPT_SSLKEY, spec.key_file.c_str());
}

void SmtpClient::Impl::set_callbacks(CURL* easy) {
  curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
  curl_easy_setopt(easy, CURLOPT_READDATA, this);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_socket);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, this);
  curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
  curl_easy_setopt(easy, CURLOPT_XFERINFODATA, this);
}

Outcome SmtpClient::Impl::outcome(CURL* easy, CURLcode code, std::string_view problem) const {
  if (code == CURLE_OK) return {};
  if (refused && !opened) {
    return {Outcome::Kind::Refused,
            spec.smarthost + ": its address is not one that notifications may go to (egress)"};
  }
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  std::string error =
      spec.smarthost + ": " + std::string(problem.empty() ? curl_easy_strerror(code) : problem);
  if (status / 100 >= 4 && error.find(std::to_string(status)) == error.npos)
    error += ": the server answered " + std::to_string(status);
  // libcurl says SEND_ERROR of MAIL and RCPT.
  const bool of_the_mail = code == CURLE_SEND_ERROR || began;
  return {status / 100 == 5 && of_the_mail ? Outcome::Kind::Refused : Outcome::Kind::Retry, std::move(error)};
}

SmtpClient::SmtpClient(const EmailSpec& spec, alerting::HttpClient::AddressCheck allows)
    : impl_(std::make_unique<Impl>()) {
  curl_global_init(CURL_GLOBAL_DEFAULT);  // counted, and safe from several threads
  impl_->spec = spec;
  impl_->allows = std::move(allows);
}
SmtpClient::~SmtpClient() = default;

void SmtpClient::stop() { impl_->stopping.store(true, std::memory_order_relaxed); }

Outcome SmtpClient::send(const std::string& from, const std::vector<std::string>& to, const std::string& mail,
                         std::int64_t timeout_ms) {
  const std::unique_ptr<CURL, void (*)(CURL*)> easy(curl_easy_init(), curl_easy_cleanup);
  if (easy == nullptr) return {Outcome::Kind::Retry, "no SMTP client could be made: out of memory"};
  impl_->set_connection(easy.get());
  impl_->set_callbacks(easy.get());
  if (const Status login = impl_->set_login(easy.get()); !login.ok()) return outcome_of(login);
  impl_->rest = mail;
  impl_->began = impl_->opened = impl_->refused = false;
  AddressList recipients;
  for (const std::string& address : to) {
    curl_slist* longer = curl_slist_append(recipients.list, address.c_str());
    if (longer == nullptr) return {Outcome::Kind::Retry, "out of memory"};
    recipients.list = longer;
  }
  char problem[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(easy.get(), CURLOPT_MAIL_FROM, from.c_str());
  curl_easy_setopt(easy.get(), CURLOPT_MAIL_RCPT, recipients.list);
  curl_easy_setopt(easy.get(), CURLOPT_TIMEOUT_MS, static_cast<long>(timeout_ms));
  curl_easy_setopt(easy.get(), CURLOPT_ERRORBUFFER, problem);
  const CURLcode code = curl_easy_perform(easy.get());
  return impl_->outcome(easy.get(), code, problem);
}

}  // namespace silverback::notify
