// /api/v2/silences, silence/<id>: Alertmanager's API v2, and the same below /alertmanager/.
#include <algorithm>
#include <utility>

#include "api/alertmanager_answer.h"
#include "api/alertmanager_json.h"
#include "api/alertmanager_query.h"
#include "api/handlers.h"
#include "api/json.h"
#include "api/posted.h"

namespace silverback::api::handlers {
namespace {

using notify::Notifier;
using notify::Silence;
using notify::SilenceState;

// Active ones first, the next to end first; then pending ones by their beginning; then those that are over,
// the last to end first.
bool comes_before(const Silence& a, const Silence& b, std::int64_t now_ns) {
  const auto rank = [&](const Silence& silence) {
    switch (silence.state_at(now_ns)) {
      case SilenceState::Active: return std::pair(0, silence.ends_ns);
      case SilenceState::Pending: return std::pair(1, silence.starts_ns);
      case SilenceState::Expired: return std::pair(2, -silence.ends_ns);
    }
    return std::pair(3, std::int64_t{0});
  };
  const auto left = rank(a), right = rank(b);
  return left == right ? a.id < b.id : left < right;
}

void get_silences(Service& service, const HttpRequest& request, HttpResponse& response, Notifier& notifier) {
  const auto wanted = SilenceQuery::from(request);
  if (!wanted) return answer_query_failure(response, wanted.status());
  const std::int64_t now_ns = service.context.clock.now_ns();
  auto silences = notifier.silences().all();
  std::erase_if(silences, [&](const auto& silence) { return !wanted->wants(*silence, now_ns); });
  std::ranges::sort(silences, [&](const auto& a, const auto& b) { return comes_before(*a, *b, now_ns); });
  answer_list(response, std::move(silences), [now_ns](std::string& out, const auto& silence) {
    append_silence_json(out, *silence, now_ns);
  });
}

void post_silence(Service& service, const HttpRequest& request, HttpResponse& response, Notifier& notifier) {
  if (!is_json(request, response)) return;
  Silence silence;
  Refused refused;
  if (!read_silence(request.body, silence, refused)) {
    if (refused.code == 0) return answer_failure(response, refused.status, refused.message);
    return answer_refused(response, refused.status, refused.code, refused.message);
  }
  if (silence.ends_ns <= silence.starts_ns)
    return answer_failure(response, 400, "failed to create silence: start time must be before end time");
  if (silence.ends_ns <= service.context.clock.now_ns())
    return answer_failure(response, 400, "failed to create silence: end time can't be in the past");
  const auto id = notifier.silences().set(std::move(silence));
  if (!id) return answer_failure(response, id.status());
  append_json_key(response.body += '{', "silenceID");
  append_json_string(response.body, *id);
  response.body += "}\n";
}

// 8-4-4-4-12 hexadecimal digits.
bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const char lower = static_cast<char>(text[i] | 0x20);
    const bool hex = (text[i] >= '0' && text[i] <= '9') || (lower >= 'a' && lower <= 'f');
    if (dash ? text[i] != '-' : !hex) return false;
  }
  return true;
}

}  // namespace

void alertmanager_silences(Service& service, const HttpRequest& request, HttpResponse& response) {
  const auto notifier = find_notifier(service, response);
  if (notifier == nullptr) return;
  if (request.method == Method::Post) return post_silence(service, request, response, *notifier);
  get_silences(service, request, response, *notifier);
}

void alertmanager_silence(Service& service, const HttpRequest& request, HttpResponse& response) {
  const auto notifier = find_notifier(service, response);
  if (notifier == nullptr) return;
  const std::string_view id = request.path.substr(request.path.rfind('/') + 1);
  if (!is_uuid(id)) {
    return answer_refused(response, 422, 601,
                          "silenceID in path must be of type uuid: \"" + std::string(id) + "\"");
  }
  if (request.method == Method::Delete) {
    const Status expired = notifier->silences().expire(id);
    // One that is over already is as it was asked to be.
    if (!expired.ok() && expired.code() != Code::InvalidArgument) answer_failure(response, expired);
    return;
  }
  const auto silence = notifier->silences().find(id);
  if (silence == nullptr) return answer_failure(response, 404, "silence " + std::string(id) + " not found");
  append_silence_json(response.body, *silence, service.context.clock.now_ns());
  response.body += '\n';
}

}  // namespace silverback::api::handlers
