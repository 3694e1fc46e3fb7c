// /metrics, /-/healthy, /-/ready, /-/reload, /api/v1/admin/tsdb/flush, and the page at /.
#include "api/handlers.h"
#include "api/http_error.h"

namespace silverback::api::handlers {

void flush(Service& service, const HttpRequest&, HttpResponse& response) {
  if (!service.options.admin_api) {
    return answer_error(response, 403, "unavailable", "the admin API is switched off (web.enable-admin-api)");
  }
  if (Status flushed = service.context.storage.flush(); !flushed.ok()) return answer_error(response, flushed);
  begin_success(response.body);
  response.body += "{}";
  end_success(response.body);
}

void metrics(Service& service, const HttpRequest& request, HttpResponse& response) {
  const bool open_metrics =
      request.header("Accept").find("application/openmetrics-text") != std::string_view::npos;
  response.content_type = open_metrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                       : "text/plain; version=0.0.4; charset=utf-8";
  response.body = expose(service.context.metrics.collect(), open_metrics);
}

void healthy(Service&, const HttpRequest&, HttpResponse& response) {
  response.text(200, "Silverback is healthy.\n");
}

void ready(Service& service, const HttpRequest&, HttpResponse& response) {
  const bool stopping = service.stopping.load(std::memory_order_relaxed);
  response.headers.emplace_back("X-Prometheus-Stopping", stopping ? "true" : "false");
  if (stopping) return response.text(503, "Silverback is stopping.\n");
  if (const Status now = service.context.storage.ready(); !now.ok()) {
    response.text(503, "Silverback is not ready: ");
    response.body += now.message();
    response.body += '\n';
    return;
  }
  response.text(200, "Silverback is ready.\n");
}

void reload(Service& service, const HttpRequest&, HttpResponse& response) {
  if (!service.context.reload) {
    return answer_error(response, 403, "unavailable",
                        "reloading over HTTP is switched off (web.enable-lifecycle)");
  }
  if (Status done = service.context.reload(); !done.ok()) {
    return answer_error(response, 500, "internal",
                        "the configuration in force stays: " + std::string(done.message()));
  }
  response.text(200, "Configuration reloaded.\n");
}

void home(Service& service, const HttpRequest&, HttpResponse& response) {
  response.content_type = HttpResponse::kHtml;
  response.headers.emplace_back(
      "Content-Security-Policy",
      "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'");
  response.headers.emplace_back("Referrer-Policy", "no-referrer");
  response.body =
      "<!doctype html>\n<html lang=\"en\"><head><meta "
      "charset=\"utf-8\"><title>Silverback</title></head><body>\n"
      "<h1>Silverback ";
  response.body += service.context.build.version;
  response.body +=
      "</h1>\n<p>A time series database for metrics. It is queried over the Prometheus HTTP API: give "
      "Grafana the address "
      "of this page as the URL of a Prometheus data source.</p>\n<ul>\n"
      "<li>Prometheus: <code>remote_write: [{url: http://HOST:PORT/api/v1/write}]</code></li>\n"
      "<li>Telegraf: <code>[[outputs.influxdb]] urls = [\"http://HOST:PORT\"]</code></li>\n"
      "<li>curl: <code>curl --data-binary 'cpu,host=a usage=1.5' "
      "'http://HOST:PORT/write?db=test'</code></li>\n</ul>\n<ul>\n"
      "<li><a href=\"api/v1/query?query=silverback_up\">api/v1/query?query=silverback_up</a></li>\n"
      "<li><a href=\"api/v1/labels\">api/v1/labels</a></li>\n"
      "<li><a href=\"api/v1/status/tsdb\">api/v1/status/tsdb</a></li>\n"
      "<li><a href=\"api/v1/status/flags\">api/v1/status/flags</a></li>\n"
      "<li><a href=\"metrics\">metrics</a></li>\n<li><a "
      "href=\"-/ready\">-/ready</a></li>\n</ul>\n</body></html>\n";
}

}  // namespace silverback::api::handlers
