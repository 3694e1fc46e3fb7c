#include "api/request_parser.h"

#include <boost/beast/http/basic_parser.hpp>

namespace silverback::api {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

Method method_of(http::verb verb) {
  switch (verb) {
    case http::verb::get: return Method::Get;
    case http::verb::head: return Method::Head;
    case http::verb::post: return Method::Post;
    case http::verb::put: return Method::Put;
    case http::verb::delete_: return Method::Delete;
    case http::verb::options: return Method::Options;
    default: return Method::Other;
  }
}

}  // namespace

// Beast's events, kept as offsets: the connection's buffer may move while it grows.
class RequestParser::Parser final : public http::basic_parser<true> {
 public:
  explicit Parser(RequestParser& owner) : owner_(owner) {
    header_limit(static_cast<std::uint32_t>(owner.max_header_bytes_));
    body_limit(boost::none);  // limits differ by route and are the connection's
  }

  std::string_view head;  // where this call's bytes stand
  BodyBuffer* body = nullptr;
  std::size_t max_body_bytes = 0;

 private:
  void on_request_impl(http::verb verb, beast::string_view, beast::string_view target, int version,
                       beast::error_code&) override {
    owner_.method_ = method_of(verb);
    owner_.version_ = version;
    owner_.target_ = owner_.slice_of(view(target), head);
  }
  void on_response_impl(int, beast::string_view, int, beast::error_code&) override {}

  void on_field_impl(http::field field, beast::string_view name, beast::string_view value,
                     beast::error_code& error) override {
    if (is_header_done() || body != nullptr) return;  // trailers: nobody here reads them
    const std::string_view text = view(value);
    if (!text.empty() && (text.data() < head.data() || text.data() > head.data() + head.size())) {
      error = http::error::bad_obs_fold;  // a folded value was put together elsewhere
      return;
    }
    if (field == http::field::host) ++owner_.hosts_;
    if (field == http::field::transfer_encoding) owner_.transfer_encoding_ = true;
    if (field == http::field::content_length) owner_.content_length_ = true;
    if (field == http::field::expect) {
      const bool known = equal_ignoring_case(text, "100-continue");
      owner_.expects_continue_ = known;
      owner_.unknown_expectation_ = !known;
    }
    owner_.fields_.push_back({owner_.slice_of(view(name), head), owner_.slice_of(text, head)});
  }
  void on_header_impl(beast::error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, beast::error_code&) override {}
  std::size_t on_body_impl(beast::string_view bytes, beast::error_code&) override { return bytes.size(); }

  void on_chunk_header_impl(std::uint64_t size, beast::string_view, beast::error_code& error) override {
    if (body == nullptr || size > max_body_bytes - body->size()) error = http::error::body_limit;
  }
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view bytes, beast::error_code& error) override {
    if (!body->append(view(bytes))) {
      error = http::error::buffer_overflow;
      return 0;
    }
    return bytes.size();
  }
  void on_finish_impl(beast::error_code&) override {}

  RequestParser& owner_;
};

RequestParser::RequestParser(std::size_t max_header_bytes) : max_header_bytes_(max_header_bytes) { reset(); }
RequestParser::~RequestParser() = default;

void RequestParser::reset() {
  parser_ = std::make_unique<Parser>(*this);
  failure_ = {};
  fields_.clear();
  head_bytes_ = 0;
  hosts_ = 0;
  transfer_encoding_ = content_length_ = expects_continue_ = unknown_expectation_ = false;
}

RequestParser::Slice RequestParser::slice_of(std::string_view part, std::string_view whole) const {
  if (part.empty()) return {};
  return {static_cast<std::uint32_t>(part.data() - whole.data()), static_cast<std::uint32_t>(part.size())};
}

RequestParser::Outcome RequestParser::fail(int status, std::string message) {
  failure_ = {status, std::move(message)};
  return Outcome::Failed;
}

RequestParser::Outcome RequestParser::parse_head(std::string_view bytes) {
  parser_->head = bytes;
  const std::string_view fresh = bytes.substr(head_bytes_);
  beast::error_code error;
  head_bytes_ += parser_->put({fresh.data(), fresh.size()}, error);
  if (error == http::error::header_limit || head_bytes_ > max_header_bytes_ ||
      (error == http::error::need_more && bytes.size() >= max_header_bytes_)) {
    return fail(431, "request line and headers are larger than the limit of " +
                         std::to_string(max_header_bytes_) + " bytes; send long queries as a POST form");
  }
  if (error == http::error::need_more) return Outcome::NeedMore;
  if (error == http::error::bad_version) return fail(505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
  if (error) return fail(400, "malformed HTTP request: " + error.message());
  return finish_head(bytes);
}

RequestParser::Outcome RequestParser::finish_head(std::string_view bytes) {
  if (transfer_encoding_ && content_length_) return fail(400, "both Content-Length and Transfer-Encoding");
  if (transfer_encoding_ && !parser_->chunked())
    return fail(501, "the only transfer coding understood is chunked");
  if (transfer_encoding_ && version_ < 11) return fail(400, "Transfer-Encoding in an HTTP/1.0 request");
  if (transfer_encoding_) {
    for (const Field& field : fields_) {
      if (!equal_ignoring_case(bytes.substr(field.name.begin, field.name.size), "Transfer-Encoding"))
        continue;
      if (!equal_ignoring_case(bytes.substr(field.value.begin, field.value.size), "chunked")) {
        return fail(501, "the only transfer coding understood is chunked, once");
      }
    }
  }
  if (hosts_ > 1 || (hosts_ == 0 && version_ >= 11))
    return fail(400, "an HTTP/1.1 request has exactly one Host header");
  if (unknown_expectation_) return fail(417, "the only expectation understood is 100-continue");
  return Outcome::Complete;
}

bool RequestParser::keep_alive() const { return parser_->keep_alive(); }
bool RequestParser::chunked() const { return parser_->chunked(); }

std::optional<std::uint64_t> RequestParser::content_length() const {
  if (parser_->chunked()) return std::nullopt;
  const auto length = parser_->content_length();
  return length ? *length : 0;
}

void RequestParser::describe(std::string_view bytes, HttpRequest& out,
                             std::vector<HeaderField>& headers) const {
  const auto text = [bytes](Slice slice) { return bytes.substr(slice.begin, slice.size); };
  headers.clear();
  for (const Field& field : fields_) headers.push_back({text(field.name), text(field.value)});
  out.headers = headers;
  out.method = method_;
  std::string_view target = text(target_);
  // absolute-form, as a proxy sends it: the authority has done its work
  if (!target.starts_with('/')) {
    const auto scheme = target.find("://");
    if (scheme != std::string_view::npos) {
      const auto path = target.find_first_of("/?", scheme + 3);
      target = path == std::string_view::npos ? std::string_view("/") : target.substr(path);
    }
  }
  target = target.substr(0, target.find('#'));
  const auto question = std::min(target.find('?'), target.size());
  out.path = target.substr(0, question);
  out.query = target.substr(std::min(question + 1, target.size()));
}

RequestParser::Outcome RequestParser::parse_chunks(std::string_view bytes, std::size_t& used,
                                                   BodyBuffer& body, std::size_t max_body_bytes) {
  parser_->body = &body;
  parser_->max_body_bytes = max_body_bytes;
  parser_->eager(true);
  used = 0;
  while (used < bytes.size() && !parser_->is_done()) {
    const std::string_view fresh = bytes.substr(used);
    beast::error_code error;
    const std::size_t taken = parser_->put({fresh.data(), fresh.size()}, error);
    used += taken;
    if (error == http::error::need_more) break;
    if (error == http::error::body_limit) {
      return fail(413, "body is larger than the limit of " + std::to_string(max_body_bytes) + " bytes");
    }
    if (error == http::error::buffer_overflow) return fail(503, "too many request bodies in memory");
    if (error) return fail(400, "malformed chunked body: " + error.message());
  }
  return parser_->is_done() ? Outcome::Complete : Outcome::NeedMore;
}

}  // namespace silverback::api
