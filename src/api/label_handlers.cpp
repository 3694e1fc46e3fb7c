// GET and POST /api/v1/labels, label/<name>/values, series, metadata.
#include "api/handlers.h"
#include "api/http_error.h"
#include "api/json.h"
#include "api/params.h"
#include "api/selection.h"

namespace silverback::api::handlers {
namespace {

std::vector<std::string> warnings_of(bool truncated) {
  return truncated ? std::vector<std::string>{kTruncatedWarning} : std::vector<std::string>{};
}

void answer_values(HttpResponse& response, const Result<LabelAnswer>& answer) {
  if (!answer) return answer_error(response, answer.status());
  begin_success(response.body);
  append_json_strings(response.body, answer->values);
  end_success(response.body, warnings_of(answer->truncated));
}

/// <name> of /api/v1/label/<name>/values.
Result<std::string> label_name(std::string_view path) {
  constexpr std::string_view kBefore = "/label/";
  constexpr std::string_view kBehind = "/values";
  const auto begin = path.rfind(kBefore) + kBefore.size();
  const auto decoded = percent_decode(path.substr(begin, path.size() - kBehind.size() - begin), false);
  if (!decoded) return decoded.status();
  std::string name = unescape_label_name(*decoded);
  // What does not survive as a JSON string is not UTF-8.
  std::string quoted;
  append_json_string(quoted, name);
  if (name.empty() || quoted.find("\xef\xbf\xbd") != std::string::npos) {
    return Status(Code::InvalidArgument, "invalid label name: " + quoted);
  }
  return name;
}

class SeriesStream final : public BodyStream {
 public:
  SeriesStream(std::vector<Labels> series, bool truncated)
      : series_(std::move(series)), truncated_(truncated) {}

  bool next(std::string& out, std::size_t size) override {
    const std::size_t full = out.size() + size;
    if (at_ == 0) {
      begin_success(out);
      out += '[';
    }
    for (; at_ < series_.size() && out.size() < full; ++at_) {
      if (at_ != 0) out += ',';
      append_json_labels(out, series_[at_]);
    }
    if (at_ < series_.size()) return true;
    out += ']';
    end_success(out, warnings_of(truncated_));
    return false;
  }

 private:
  const std::vector<Labels> series_;
  const bool truncated_;
  std::size_t at_ = 0;
};

}  // namespace

void labels(Service& service, const HttpRequest& request, HttpResponse& response) {
  const auto params = Params::of(request);
  if (!params) return answer_error(response, params.status());
  const auto selection = read_selection(service, *params);
  if (!selection) return answer_error(response, selection.status());
  if (selection->empty_range) return answer_values(response, LabelAnswer{});
  const auto querier = service.context.queryable.querier(kDefaultTenant, selection->range);
  answer_values(response, querier->label_names(selection->query()));
}

void label_values(Service& service, const HttpRequest& request, HttpResponse& response) {
  const auto name = label_name(service.without_prefix(request.path));
  if (!name) return answer_error(response, name.status());
  const auto params = Params::of(request);
  if (!params) return answer_error(response, params.status());
  const auto selection = read_selection(service, *params);
  if (!selection) return answer_error(response, selection.status());
  if (selection->empty_range || is_hidden_label(*name)) return answer_values(response, LabelAnswer{});
  const auto querier = service.context.queryable.querier(kDefaultTenant, selection->range);
  answer_values(response, querier->label_values(*name, selection->query()));
}

void series(Service& service, const HttpRequest& request, HttpResponse& response) {
  const auto params = Params::of(request);
  if (!params) return answer_error(response, params.status());
  if (!params->has("match[]")) {
    return answer_error(response, 400, "bad_data", "no match[] parameter provided");
  }
  const auto selection = read_selection(service, *params);
  if (!selection) return answer_error(response, selection.status());
  bool truncated = false;
  std::vector<Labels> found;
  if (!selection->empty_range) {
    const auto querier = service.context.queryable.querier(kDefaultTenant, selection->range);
    auto answer = querier->series(selection->query(), truncated);
    if (!answer) return answer_error(response, answer.status());
    found = std::move(*answer);
  }
  response.stream = std::make_unique<SeriesStream>(std::move(found), truncated);
}

void metadata(Service& service, const HttpRequest& request, HttpResponse& response) {
  const auto params = Params::of(request);
  if (!params) return answer_error(response, params.status());
  const auto limit = limit_param(*params);
  if (!limit) return answer_error(response, limit.status());
  const auto entries = service.context.metadata.get(kDefaultTenant, params->get("metric"), *limit);
  std::string& out = response.body;
  begin_success(out);
  out += '{';
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Metadata& entry = entries[i];
    const bool first = i == 0 || entries[i - 1].metric != entry.metric;
    if (first) {
      if (i != 0) out += "],";
      append_json_key(out, entry.metric);
      out += '[';
    } else {
      out += ',';
    }
    out += R"({"type":)";
    append_json_string(out, entry.type.empty() ? "unknown" : entry.type);
    out += R"(,"help":)";
    append_json_string(out, entry.help);
    out += R"(,"unit":)";
    append_json_string(out, entry.unit);
    out += '}';
  }
  out += entries.empty() ? "}" : "]}";
  end_success(out);
}

}  // namespace silverback::api::handlers
