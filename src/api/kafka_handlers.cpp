// /api/v1/status/kafka, /api/v1/deadletters, /api/v1/deadletters/retry.
#include <set>
#include <span>

#include "api/dead_letter_jobs.h"
#include "api/handlers.h"
#include "api/http_error.h"
#include "api/kafka_json.h"
#include "api/params.h"
#include "kafka/kafka.h"

namespace silverback::api::handlers {
namespace {

// Null, and answered, when there is none.
kafka::Kafka* find_kafka(const Service& service, HttpResponse& response) {
  kafka::Kafka* found = service.context.kafka ? service.context.kafka() : nullptr;
  if (found == nullptr) {
    answer_error(response, 404, "not_found",
                 "Kafka is not set up: the configuration file has no section \"kafka\", or the server is "
                 "still starting");
  }
  return found;
}

// What they do cannot be undone.
bool may_change(const Service& service, HttpResponse& response) {
  if (service.options.admin_api) return true;
  answer_error(response, 403, "unavailable", "the admin API is switched off (web.enable-admin-api)");
  return false;
}

void list_letters(const kafka::DeadLetters& letters, const Params& params, HttpResponse& response) {
  constexpr std::size_t kUsual = 100;
  constexpr std::size_t kMost = 1'000;
  const auto limit = limit_param(params);
  if (!limit) return answer_error(response, limit.status());
  if (*limit > kMost) {
    return answer_error(response, invalid_param("limit", {Code::InvalidArgument,
                                                          "must not exceed " + std::to_string(kMost)}));
  }
  begin_success(response.body);
  if (Status listed = append_letter_page(response.body, letters, params.get("consumer"), params.get("after"),
                                         *limit == 0 ? kUsual : *limit);
      !listed.ok()) {
    return answer_error(response, listed);
  }
  end_success(response.body);
}

void show_letter(const kafka::DeadLetters& letters, std::string_view id, HttpResponse& response) {
  const auto letter = letters.get(id);
  if (!letter) return answer_error(response, letter.status());
  begin_success(response.body);
  append_dead_letter(response.body, *letter, LetterShape::Whole);
  end_success(response.body);
}

void drop(kafka::DeadLetters& letters, const Params& params, const HttpRequest& request,
          HttpResponse& response) {
  const auto choice = LetterChoice::from(params);
  if (!choice) return answer_error(response, choice.status());
  const auto dropped = drop_letters(letters, *choice, request.cancel);
  if (!dropped) return answer_error(response, dropped.status());
  begin_success(response.body);
  response.body += R"({"dropped":)" + std::to_string(*dropped) + '}';
  end_success(response.body);
}

}  // namespace

void kafka_status(Service& service, const HttpRequest&, HttpResponse& response) {
  const kafka::Kafka* kafka = service.context.kafka ? service.context.kafka() : nullptr;
  begin_success(response.body);
  append_kafka_status(response.body, kafka == nullptr ? kafka::KafkaStatus() : kafka->status());
  end_success(response.body);
}

void dead_letters(Service& service, const HttpRequest& request, HttpResponse& response) {
  const bool dropping = request.method == Method::Delete;
  if (dropping && !may_change(service, response)) return;
  kafka::Kafka* const kafka = find_kafka(service, response);
  if (kafka == nullptr) return;
  const auto params = Params::of(request);
  if (!params) return answer_error(response, params.status());
  if (dropping) return drop(kafka->dead_letters(), *params, request, response);
  if (params->has("id")) return show_letter(kafka->dead_letters(), params->get("id"), response);
  list_letters(kafka->dead_letters(), *params, response);
}

void retry_dead_letters(Service& service, const HttpRequest& request, HttpResponse& response) {
  if (!may_change(service, response)) return;
  kafka::Kafka* const kafka = find_kafka(service, response);
  if (kafka == nullptr) return;
  const auto params = Params::of(request);
  if (!params) return answer_error(response, params.status());
  const auto choice = LetterChoice::from(*params);
  if (!choice) return answer_error(response, choice.status());
  Names consumers;
  for (const kafka::ConsumerStatus& consumer : kafka->status().consumers) consumers.insert(consumer.name);
  const RetryLetter retry = [kafka](const std::string& id) { return kafka->retry(id); };
  const auto retried = retry_letters(kafka->dead_letters(), *choice, consumers, retry, request.cancel);
  if (!retried) return answer_error(response, retried.status());
  begin_success(response.body);
  response.body += R"({"stored":)" + std::to_string(retried->stored);
  response.body += R"(,"failed":)" + std::to_string(retried->failed) + '}';
  end_success(response.body);
}

}  // namespace silverback::api::handlers
