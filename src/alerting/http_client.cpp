#include "alerting/http_client.h"

#include <curl/curl.h>

#include <atomic>
#include <fstream>
#include <iterator>

namespace silverback::alerting {
namespace {

constexpr std::size_t kMaxReply = 64 << 10;

// Once in the process, before threads use the library.
void initialise() {
  static const CURLcode once = curl_global_init(CURL_GLOBAL_DEFAULT);
  (void)once;
}

std::size_t take(char* bytes, std::size_t size, std::size_t count, void* out) {
  auto& body = *static_cast<std::string*>(out);
  const std::size_t all = size * count;
  if (body.size() < kMaxReply) body.append(bytes, std::min(all, kMaxReply - body.size()));
  return all;  // the rest is read and forgotten, so that the connection can be used again
}

Result<std::string> secret(const std::string& value, const std::string& file) {
  if (file.empty()) return value;
  std::ifstream in(file, std::ios::binary);
  if (!in) return Status(Code::NotFound, "the file with a secret cannot be read: " + file);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
  return text;
}

struct HeaderList {
  ~HeaderList() { curl_slist_free_all(list); }
  void add(const std::string& line) {
    if (curl_slist* longer = curl_slist_append(list, line.c_str()); longer != nullptr) list = longer;
  }
  curl_slist* list = nullptr;
};

}  // namespace

struct HttpClient::Impl {
  HttpSettings settings;
  CURL* easy = nullptr;
  std::atomic<bool> stopping{false};  // looked at by the progress callback; orders nothing

  ~Impl() {
    if (easy != nullptr) curl_easy_cleanup(easy);
  }
  static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<Impl*>(self)->stopping.load(std::memory_order_relaxed) ? 1 : 0;
  }
  void set_text(CURLoption option, const std::string& value) const {
    if (!value.empty()) curl_easy_setopt(easy, option, value.c_str());
  }
};

HttpClient::HttpClient(HttpSettings settings) : impl_(std::make_unique<Impl>()) {
  initialise();
  impl_->settings = std::move(settings);
  impl_->easy = curl_easy_init();
}
HttpClient::~HttpClient() = default;

void HttpClient::stop() { impl_->stopping.store(true, std::memory_order_relaxed); }

Result<HttpReply> HttpClient::post(const std::string& url, std::string_view body, const Headers& headers,
                                   std::int64_t timeout_ms) {
  CURL* easy = impl_->easy;
  if (easy == nullptr) return Status(Code::Unavailable, "no HTTP client could be made: out of memory");
  const HttpSettings& settings = impl_->settings;
  curl_easy_reset(easy);  // settings; connections stay
  HeaderList list;
  for (const auto& [name, value] : headers) list.add(name + ": " + value);
  list.add("Expect:");
  if (!settings.username.empty()) {
    const auto password = secret(settings.password, settings.password_file);
    if (!password) return password.status();
    curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
    curl_easy_setopt(easy, CURLOPT_USERNAME, settings.username.c_str());
    curl_easy_setopt(easy, CURLOPT_PASSWORD, password->c_str());
  }
  if (!settings.credentials.empty() || !settings.credentials_file.empty()) {
    const auto credentials = secret(settings.credentials, settings.credentials_file);
    if (!credentials) return credentials.status();
    list.add("Authorization: " + settings.authorization_type + " " + *credentials);
  }
  HttpReply reply;
  char problem[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.data());
  curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, list.list);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(timeout_ms));
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, settings.follow_redirects ? 1L : 0L);
  curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_MAXREDIRS, 10L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, settings.insecure_skip_verify ? 0L : 1L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, settings.insecure_skip_verify ? 0L : 2L);
  impl_->set_text(CURLOPT_CAINFO, settings.ca_file);
  impl_->set_text(CURLOPT_SSLCERT, settings.cert_file);
  impl_->set_text(CURLOPT_SSLKEY, settings.key_file);
  impl_->set_text(CURLOPT_PROXY, settings.proxy_url);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &reply.body);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, problem);
  curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, Impl::on_progress);
  curl_easy_setopt(easy, CURLOPT_XFERINFODATA, impl_.get());
  const CURLcode code = curl_easy_perform(easy);
  if (code != CURLE_OK) {
    const std::string text = problem[0] != '\0' ? problem : curl_easy_strerror(code);
    return Status(code == CURLE_OPERATION_TIMEDOUT ? Code::DeadlineExceeded : Code::Unavailable,
                  url + ": " + text);
  }
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  reply.status = static_cast<int>(status);
  return reply;
}

}  // namespace silverback::alerting
