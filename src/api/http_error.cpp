#include "api/http_error.h"

#include "api/json.h"

namespace silverback::api {
namespace {

struct Kind {
  int status;
  std::string_view type;
};

Kind kind_of(Code code) {
  switch (code) {
    case Code::InvalidArgument: return {400, "bad_data"};
    case Code::OutOfBounds: return {400, "bad_data"};
    case Code::NotFound: return {404, "not_found"};
    case Code::Unprocessable: return {422, "execution"};
    case Code::ResourceExhausted: return {422, "execution"};
    case Code::DeadlineExceeded: return {503, "timeout"};
    case Code::Cancelled: return {499, "canceled"};
    case Code::Unavailable: return {503, "unavailable"};
    case Code::Unauthenticated: return {401, "unauthorized"};
    case Code::PermissionDenied: return {403, "forbidden"};
    case Code::Ok:
    case Code::Duplicate:
    case Code::DataLoss:
    case Code::Internal: break;
  }
  return {500, "internal"};
}

}  // namespace

void answer_error(HttpResponse& response, int status, std::string_view type, std::string_view message) {
  response.status = status;
  response.content_type = HttpResponse::kJson;
  response.stream.reset();
  response.body = R"({"status":"error","errorType":)";
  append_json_string(response.body, type);
  response.body += R"(,"error":)";
  append_json_string(response.body, message);
  response.body += "}\n";
}

void answer_error(HttpResponse& response, const Status& failure) {
  const Kind kind = kind_of(failure.code());
  answer_error(response, kind.status, kind.type, failure.message());
  add_retry_after(response, kind.status);
}

int write_status(Code code) {
  switch (code) {
    case Code::ResourceExhausted: return 429;
    case Code::OutOfBounds: return 413;
    default: return kind_of(code).status;
  }
}

void add_retry_after(HttpResponse& response, int status) {
  if (status == 429 || status == 503) response.headers.emplace_back("Retry-After", "1");
}

void begin_success(std::string& out) { out += R"({"status":"success","data":)"; }

void end_success(std::string& out, const std::vector<std::string>& warnings,
                 const std::vector<std::string>& infos) {
  if (!warnings.empty()) {
    out += R"(,"warnings":)";
    append_json_strings(out, warnings);
  }
  if (!infos.empty()) {
    out += R"(,"infos":)";
    append_json_strings(out, infos);
  }
  out += "}\n";
}

std::string_view reason(int status) {
  switch (status) {
    case 100: return "Continue";
    case 200: return "OK";
    case 204: return "No Content";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 411: return "Length Required";
    case 413: return "Request Entity Too Large";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 422: return "Unprocessable Entity";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 499: return "Client Closed Request";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    case 507: return "Insufficient Storage";
    default: return "Unknown";
  }
}

}  // namespace silverback::api
