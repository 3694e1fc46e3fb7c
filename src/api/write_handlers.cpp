// POST /api/v1/write, /write, /api/v2/write, /api/v1/import/prometheus.
//
// Each protocol has its own way of saying what went wrong; what went wrong is said by ingest.
#include "api/handlers.h"
#include "api/http_error.h"
#include "api/json.h"
#include "api/params.h"

namespace silverback::api::handlers {
namespace {

using ingest::WriteReport;

constexpr std::string_view kInfluxVersion = "1.8.10";

/// The body after its Content-Encoding, or a status of its own for what is not understood.
struct Decoded {
  std::string_view bytes;
  int status = 200;
  std::string message;
};

Decoded decode(Service& service, const HttpRequest& request, std::string_view encoding, std::string& buffer) {
  const auto parsed = ingest::parse_content_encoding(encoding);
  if (!parsed) return {{}, 415, std::string(parsed.status().message())};
  const auto body =
      ingest::decode_body(*parsed, request.body, service.options.max_decompressed_bytes, buffer);
  if (!body) return {{}, write_status(body.status().code()), std::string(body.status().message())};
  return {*body, 200, {}};
}

void answer_write_error(HttpResponse& response, int status, std::string_view message) {
  const std::string_view type = status == 429 || status == 503 ? "unavailable"
                                : status >= 500                ? "internal"
                                                               : "bad_data";
  answer_error(response, status, type, message);
  add_retry_after(response, status);
}

}  // namespace

// ---- remote write ---------------------------------------------------------------------------------

namespace {

void add_written_headers(HttpResponse& response, const WriteReport& report) {
  response.headers.emplace_back("X-Prometheus-Remote-Write-Samples-Written", std::to_string(report.stored));
  response.headers.emplace_back("X-Prometheus-Remote-Write-Histograms-Written",
                                std::to_string(report.histograms));
  response.headers.emplace_back("X-Prometheus-Remote-Write-Exemplars-Written",
                                std::to_string(report.exemplars));
}

}  // namespace

void remote_write(Service& service, const HttpRequest& request, HttpResponse& response) {
  const auto version = ingest::remote_write_version(request.header("Content-Type"));
  if (!version) return answer_write_error(response, 415, version.status().message());
  const bool v2 = *version == ingest::RemoteWriteVersion::V2;
  if (v2) add_written_headers(response, {});  // a sender without an answer's headers must take it for 1.0
  std::string_view encoding = request.header("Content-Encoding");
  if (encoding.empty()) encoding = "snappy";  // some senders leave it out
  // Both protocols know snappy only. Zstd is what VictoriaMetrics' agent tries first; on 415 it would fall
  // back.
  const auto known = ingest::parse_content_encoding(encoding);
  if (!known || (*known != ingest::ContentEncoding::Snappy && *known != ingest::ContentEncoding::Zstd)) {
    return answer_write_error(
        response, 415,
        "Content-Encoding \"" + std::string(encoding) + "\" is not one of remote write; send snappy");
  }

  const auto writers = service.writers.borrow();
  const Decoded body = decode(service, request, encoding, writers->decoded);
  if (body.status != 200) return answer_write_error(response, body.status, body.message);
  const auto report = writers->remote.write(kDefaultTenant, body.bytes, *version);
  if (!report) {
    return answer_write_error(response, write_status(report.status().code()), report.status().message());
  }
  if (v2) {
    response.headers.clear();
    add_written_headers(response, *report);
  }
  if (!report->complete()) return answer_write_error(response, 400, report->message);
  response.status = 204;
}

// ---- line protocol --------------------------------------------------------------------------------

namespace {

using Influx = ingest::InfluxApi;

void answer_influx_error(HttpResponse& response, Influx version, int status, std::string_view message) {
  response.status = status;
  response.body = version == Influx::V1 ? R"({"error":)" : R"({"code":)";
  if (version == Influx::V2) {
    const std::string_view code = status == 413   ? "request too large"
                                  : status == 404 ? "not found"
                                  : status == 429 ? "too many requests"
                                  : status == 503 ? "unavailable"
                                  : status >= 500 ? "internal error"
                                                  : "invalid";
    append_json_string(response.body, code);
    response.body += R"(,"message":)";
  }
  append_json_string(response.body, message);
  response.body += "}\n";
  constexpr std::size_t kMostOfHeader = 1024;
  response.headers.emplace_back("X-Influxdb-Error", std::string(message.substr(0, kMostOfHeader)));
  add_retry_after(response, status);
}

constexpr std::string_view kDefaultDatabase = "default";  // of line protocol that names none

void write_lines(Service& service, const HttpRequest& request, HttpResponse& response, Influx version,
                 const ingest::LineOptions& where) {
  const auto writers = service.writers.borrow();
  const Decoded body = decode(service, request, request.header("Content-Encoding"), writers->decoded);
  if (body.status != 200) return answer_influx_error(response, version, body.status, body.message);
  const auto report = writers->lines.write(kDefaultTenant, body.bytes, where);
  if (!report) {
    return answer_influx_error(response, version, write_status(report.status().code()),
                               report.status().message());
  }
  if (!report->complete()) return answer_influx_error(response, version, 400, report->message);
  response.status = 204;
}

void write_influx(Service& service, const HttpRequest& request, HttpResponse& response, Influx version) {
  response.headers.emplace_back("X-Influxdb-Build", "OSS");
  response.headers.emplace_back("X-Influxdb-Version", kInfluxVersion);
  const auto params = Params::of(request.query);
  if (!params) return answer_influx_error(response, version, 400, params.status().message());
  const auto precision = ingest::parse_precision(params->get("precision"), version);
  if (!precision) return answer_influx_error(response, version, 400, precision.status().message());

  ingest::LineOptions where;
  where.precision = *precision;
  where.create_database = service.context.create_databases;
  if (version == Influx::V1) {
    where.database = params->get("db");
    where.retention_policy = params->get("rp");
  } else {
    // "database/policy", or a database alone, as InfluxDB 1.8 reads a bucket.
    const std::string_view bucket = params->get("bucket");
    const auto slash = std::min(bucket.find('/'), bucket.size());
    where.database = bucket.substr(0, slash);
    where.retention_policy = bucket.substr(std::min(slash + 1, bucket.size()));
  }
  if (where.database.empty()) {
    // InfluxDB insists on a name; a first push by hand should just work.
    if (!where.create_database) return answer_influx_error(response, version, 400, "database is required");
    where.database = kDefaultDatabase;
  }
  write_lines(service, request, response, version, where);
}

}  // namespace

void influx_write_v1(Service& service, const HttpRequest& request, HttpResponse& response) {
  write_influx(service, request, response, Influx::V1);
}

void influx_write_v2(Service& service, const HttpRequest& request, HttpResponse& response) {
  write_influx(service, request, response, Influx::V2);
}

// ---- text exposition ------------------------------------------------------------------------------

void import_text(Service& service, const HttpRequest& request, HttpResponse& response) {
  const auto params = Params::of(request.query);
  if (!params) return answer_write_error(response, 400, params.status().message());
  std::vector<std::pair<std::string, std::string>> extra_labels;
  for (const std::string& label : params->all("extra_label")) {
    const auto equals = label.find('=');
    if (equals == std::string::npos || equals == 0) {
      return answer_write_error(response, 400, "invalid parameter \"extra_label\": expected name=value");
    }
    extra_labels.emplace_back(label.substr(0, equals), label.substr(equals + 1));
  }
  const auto writers = service.writers.borrow();
  const Decoded body = decode(service, request, request.header("Content-Encoding"), writers->decoded);
  if (body.status != 200) return answer_write_error(response, body.status, body.message);
  const ingest::TextOptions how{ingest::text_format(request.header("Content-Type")), extra_labels};
  const auto report = writers->text.write(kDefaultTenant, body.bytes, how);
  if (!report) {
    return answer_write_error(response, write_status(report.status().code()), report.status().message());
  }
  if (!report->complete()) return answer_write_error(response, 400, report->message);
  response.status = 204;
}

}  // namespace silverback::api::handlers
