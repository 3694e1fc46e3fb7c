// How Alertmanager's API v2 answers: bare values. A failure is a JSON string; where Alertmanager's framework
// refuses a request before Alertmanager itself sees it, {"code":..., "message":...}.
//
// Threads: any.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "alerting/notify/notifier.h"
#include "api/service.h"

namespace silverback::api {

void answer_failure(HttpResponse& response, int status, std::string_view message);
/// A limit is 429, "not now" 503, both with Retry-After.
void answer_failure(HttpResponse& response, const Status& failure);
void answer_refused(HttpResponse& response, int status, int code, std::string_view message);
/// Of parameters: Unprocessable is a truth that is none, 422; the others are 400.
void answer_query_failure(HttpResponse& response, const Status& failure);

/// Null, and answered, when no notifications are configured.
std::shared_ptr<notify::Notifier> find_notifier(Service& service, HttpResponse& response);

/// Answers with 415 when it is not: of JSON's content type, so that no web page can send it without being
/// asked first whether it may.
bool is_json(const HttpRequest& request, HttpResponse& response);

/// [a,b,c], written while it is sent.
template <typename T>
class ListStream final : public BodyStream {
 public:
  using Append = std::function<void(std::string&, const T&)>;
  ListStream(std::vector<T> items, Append append) : items_(std::move(items)), append_(std::move(append)) {}

  bool next(std::string& out, std::size_t size) override {
    const std::size_t end = out.size() + size;
    if (at_ == 0) out += '[';
    for (; at_ < items_.size() && out.size() < end; ++at_) {
      if (at_ != 0) out += ',';
      append_(out, items_[at_]);
    }
    if (at_ < items_.size()) return true;
    out += "]\n";
    return false;
  }

 private:
  const std::vector<T> items_;
  const Append append_;
  std::size_t at_ = 0;
};

/// Each item by append(out, item).
template <typename T, typename Append>
void answer_list(HttpResponse& response, std::vector<T> items, Append append) {
  response.stream = std::make_unique<ListStream<T>>(std::move(items), append);
}

}  // namespace silverback::api
