#include "alerting/http_client.h"

#include <curl/curl.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <iterator>
#include <memory>

namespace silverback::alerting {
namespace {

constexpr std::size_t kMaxReply = 64 << 10;
constexpr std::size_t kMaxRead = 1 << 20;
constexpr int kMaxRedirects = 10;
constexpr std::int64_t kMaxRetryAfterS = 86'400;

// Once in the process, before threads use the library.
void initialise() {
  static const CURLcode once = curl_global_init(CURL_GLOBAL_DEFAULT);
  (void)once;
}

struct HeaderList {
  ~HeaderList() { curl_slist_free_all(list); }
  void add(const std::string& line) {
    if (curl_slist* longer = curl_slist_append(list, line.c_str()); longer != nullptr) list = longer;
  }
  curl_slist* list = nullptr;
};

struct CurlFree {
  void operator()(char* text) const { curl_free(text); }
};

// A URL in its parts, as libcurl reads it.
class Url {
 public:
  explicit Url(const std::string& text) : handle_(curl_url()) {
    valid_ = handle_ != nullptr && curl_url_set(handle_, CURLUPART_URL, text.c_str(), 0) == CURLUE_OK;
  }
  ~Url() { curl_url_cleanup(handle_); }
  Url(const Url&) = delete;
  Url& operator=(const Url&) = delete;

  bool valid() const { return valid_; }
  std::string part(CURLUPart what) const {
    char* text = nullptr;
    if (!valid_ || curl_url_get(handle_, what, &text, CURLU_DEFAULT_PORT) != CURLUE_OK) return {};
    const std::unique_ptr<char, CurlFree> owner(text);
    return text;
  }

 private:
  CURLU* handle_;
  bool valid_ = false;
};

// For messages: the rest of a URL is often a secret.
std::string origin(const Url& url) {
  if (!url.valid()) return "the URL";
  return url.part(CURLUPART_SCHEME) + "://" + url.part(CURLUPART_HOST) + ":" + url.part(CURLUPART_PORT);
}

// Is the second a place to which all that was meant for the first may go?
bool same_place(const std::string& from, const std::string& to) {
  const Url a(from);
  const Url b(to);
  if (!a.valid() || !b.valid() ||
      !curl_strequal(a.part(CURLUPART_HOST).c_str(), b.part(CURLUPART_HOST).c_str()))
    return false;
  const std::string a_place = a.part(CURLUPART_SCHEME) + ":" + a.part(CURLUPART_PORT);
  const std::string b_place = b.part(CURLUPART_SCHEME) + ":" + b.part(CURLUPART_PORT);
  return a_place == b_place || (a_place == "http:80" && b_place == "https:443");
}

}  // namespace

Result<std::string> read_secret(const std::string& value, const std::string& file) {
  if (file.empty()) return value;
  std::ifstream in(file, std::ios::binary);
  if (!in) return Status(Code::NotFound, "the file with a secret cannot be read: " + file);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
  return text;
}

struct HttpClient::Impl {
  HttpSettings settings;
  AddressCheck allows;
  CURL* easy = nullptr;
  std::size_t max_reply = kMaxReply;
  std::atomic<bool> stopping{false};  // looked at by the progress callback; orders nothing

  // Of the request under way.
  std::string body;
  std::size_t read = 0;  // bytes of the answer
  int opened = 0;
  int refused = 0;  // addresses

  ~Impl() {
    if (easy != nullptr) curl_easy_cleanup(easy);
  }

  // What is behind the first 64 KiB is forgotten, so that the connection can be used again; but not without
  // end.
  static std::size_t on_body(char* bytes, std::size_t size, std::size_t count, void* self) {
    auto& impl = *static_cast<Impl*>(self);
    const std::size_t all = size * count;
    impl.body.append(bytes, std::min(all, impl.max_reply - impl.body.size()));
    impl.read += all;
    return impl.read > std::max(kMaxRead, impl.max_reply) ? 0 : all;
  }
  static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<Impl*>(self)->stopping.load(std::memory_order_relaxed) ? 1 : 0;
  }
  static curl_socket_t on_socket(void* self, curlsocktype, curl_sockaddr* address) {
    auto& impl = *static_cast<Impl*>(self);
    if (impl.allows && !impl.allows(address->addr)) {
      ++impl.refused;
      return CURL_SOCKET_BAD;
    }
    ++impl.opened;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  }
  void set_text(CURLoption option, const std::string& value) const {
    if (!value.empty()) curl_easy_setopt(easy, option, value.c_str());
  }

  Status prepare(HeaderList& list, const Headers& headers) const;
  void set_options(char* problem);
  Result<HttpReply> perform(const std::string& url, std::int64_t timeout_ms);
};

// Header lines and credentials; secrets are read from their files each time.
Status HttpClient::Impl::prepare(HeaderList& list, const Headers& headers) const {
  for (const auto& [name, value] : headers) list.add(name + ": " + value);
  list.add("Expect:");
  if (!settings.username.empty()) {
    const auto password = read_secret(settings.password, settings.password_file);
    if (!password) return password.status();
    curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
    curl_easy_setopt(easy, CURLOPT_USERNAME, settings.username.c_str());
    curl_easy_setopt(easy, CURLOPT_PASSWORD, password->c_str());
  }
  if (!settings.credentials.empty() || !settings.credentials_file.empty()) {
    const auto credentials = read_secret(settings.credentials, settings.credentials_file);
    if (!credentials) return credentials.status();
    list.add("Authorization: " + settings.authorization_type + " " + *credentials);
  }
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, list.list);
  return {};
}

void HttpClient::Impl::set_options(char* problem) {
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);  // post() does
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, settings.insecure_skip_verify ? 0L : 1L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, settings.insecure_skip_verify ? 0L : 2L);
  set_text(CURLOPT_CAINFO, settings.ca_file);
  set_text(CURLOPT_SSLCERT, settings.cert_file);
  set_text(CURLOPT_SSLKEY, settings.key_file);
  curl_easy_setopt(easy, CURLOPT_PROXY,
                   settings.proxy_url.c_str());  // empty: none, whatever the environment says
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_socket);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, this);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, problem);
  curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
  curl_easy_setopt(easy, CURLOPT_XFERINFODATA, this);
}

Result<HttpReply> HttpClient::Impl::perform(const std::string& url, std::int64_t timeout_ms) {
  const Url parsed(url);
  if (const std::string scheme = parsed.part(CURLUPART_SCHEME); scheme != "http" && scheme != "https")
    return Status(Code::InvalidArgument, origin(parsed) + " is not one of HTTP or HTTPS");
  body.clear();
  read = 0;
  opened = refused = 0;
  char problem[CURL_ERROR_SIZE] = "";
  set_options(problem);
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(timeout_ms));
  const CURLcode code = curl_easy_perform(easy);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, nullptr);
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  const bool cut = code == CURLE_WRITE_ERROR || code == CURLE_OPERATION_TIMEDOUT ||
                   code == CURLE_PARTIAL_FILE || code == CURLE_RECV_ERROR;
  if (code != CURLE_OK && !(cut && status >= 200)) {
    if (opened == 0 && refused > 0) {
      return Status(Code::PermissionDenied,
                    origin(parsed) + ": its address is not one that notifications may go to (egress)");
    }
    const std::string text = problem[0] != '\0' ? problem : curl_easy_strerror(code);
    return Status(code == CURLE_OPERATION_TIMEDOUT ? Code::DeadlineExceeded : Code::Unavailable,
                  origin(parsed) + ": " + text);
  }
  HttpReply reply;
  reply.status = static_cast<int>(status);
  reply.body = std::move(body);
  if (const char* to = nullptr;
      curl_easy_getinfo(easy, CURLINFO_REDIRECT_URL, &to) == CURLE_OK && to != nullptr)
    reply.redirect = to;
  if (const char* type = nullptr;
      curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &type) == CURLE_OK && type != nullptr)
    reply.content_type = type;
  curl_off_t seconds = 0;
  curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &seconds);
  reply.retry_after_ms = std::clamp<std::int64_t>(seconds, 0, kMaxRetryAfterS) * 1000;
  return reply;
}

HttpClient::HttpClient(HttpSettings settings, AddressCheck allows) : impl_(std::make_unique<Impl>()) {
  initialise();
  impl_->settings = std::move(settings);
  impl_->allows = std::move(allows);
  impl_->easy = curl_easy_init();
}
HttpClient::~HttpClient() = default;

void HttpClient::keep_up_to(std::size_t bytes) { impl_->max_reply = bytes; }

void HttpClient::stop() { impl_->stopping.store(true, std::memory_order_relaxed); }

Result<HttpReply> HttpClient::post(const std::string& url, std::string_view body, const Headers& headers,
                                   std::int64_t timeout_ms) {
  using std::chrono::steady_clock;
  CURL* easy = impl_->easy;
  if (easy == nullptr) return Status(Code::Unavailable, "no HTTP client could be made: out of memory");
  curl_easy_reset(easy);  // settings; connections stay
  HeaderList list;
  if (Status prepared = impl_->prepare(list, headers); !prepared.ok()) return prepared;
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.data());
  curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  const auto deadline = steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  std::string at = url;
  for (int redirects = 0;; ++redirects) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now()).count();
    auto reply = impl_->perform(at, std::max<std::int64_t>(left, 1));
    const bool follow = reply && (reply->status == 307 || reply->status == 308) &&
                        impl_->settings.follow_redirects && redirects < kMaxRedirects &&
                        same_place(at, reply->redirect);
    if (!follow) return reply;
    at = reply->redirect;
  }
}

}  // namespace silverback::alerting
