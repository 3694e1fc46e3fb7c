#include "server/options.h"

#include <algorithm>

#include "server/listen_address.h"
#include "server/process.h"

namespace silverback::server {
namespace {

bool enabled(const Settings& settings, std::string_view feature) {
  return std::ranges::find(settings.features, feature) != settings.features.end();
}

}  // namespace

storage::TsdbOptions tsdb_options(const Settings& settings) {
  storage::TsdbOptions out;
  out.path = settings.storage_path;
  out.wal_sync = settings.wal_sync == "write"    ? storage::WalSync::Write
                 : settings.wal_sync == "always" ? storage::WalSync::Always
                                                 : storage::WalSync::Interval;
  out.wal_sync_interval = settings.wal_sync_interval;
  out.salvage_wal = settings.salvage_wal;
  out.grace = settings.window_grace;
  out.retention = settings.retention;
  out.checkpoint_interval = settings.checkpoint_interval;
  out.checkpoint_wal_bytes = settings.checkpoint_wal_size.bytes;
  out.head_memory_bytes = settings.head_memory.bytes;
  out.max_series = settings.max_series;
  out.block_cache_bytes = settings.block_cache.bytes;
  return out;
}

query::EngineOptions engine_options(const Settings& settings) {
  query::EngineOptions out;
  out.lookback_ms = settings.lookback_delta.count();
  out.timeout = settings.query_timeout;
  out.limits.max_samples = settings.query_max_samples;
  out.limits.max_bytes = settings.query_max_memory.bytes;
  out.max_total_bytes = settings.query_max_total_memory.bytes;
  if (out.max_total_bytes == 0)
    out.max_total_bytes = std::min<std::uint64_t>(machine_memory() / 4, 512ULL << 20);
  out.max_concurrent = settings.query_max_concurrency;
  out.queue_timeout = settings.queue_timeout;
  out.max_waiting = settings.query_max_queued;
  out.delayed_name_removal = enabled(settings, "promql-delayed-name-removal");
  // The first of these names stands for all that is experimental, as it did before the others had their own.
  out.experimental_functions = enabled(settings, "promql-experimental-functions");
  out.duration_expressions = out.experimental_functions || enabled(settings, "promql-duration-expr");
  out.extended_range_selectors =
      out.experimental_functions || enabled(settings, "promql-extended-range-selectors");
  out.fill_modifiers = out.experimental_functions || enabled(settings, "promql-binop-fill-modifiers");
  return out;
}

query::promql::ParserOptions rule_expressions(const Settings& settings) {
  const query::EngineOptions engine = engine_options(settings);
  query::promql::ParserOptions out;
  out.experimental_functions = engine.experimental_functions;
  out.duration_expressions = engine.duration_expressions;
  out.extended_range_selectors = engine.extended_range_selectors;
  out.fill_modifiers = engine.fill_modifiers;
  return out;
}

query::EngineOptions rule_engine_options(const Settings& settings) {
  query::EngineOptions out = engine_options(settings);
  out.gauges = false;
  out.max_concurrent = 4;  // there are fewer threads that evaluate rules
  return out;
}

ingest::WriteLimits write_limits(const Settings& settings) {
  ingest::WriteLimits out;
  out.max_decompressed_bytes = settings.max_decompressed_size.bytes;
  out.max_labels = static_cast<std::uint32_t>(settings.max_labels);
  out.max_future_ns = std::chrono::nanoseconds(settings.max_future).count();
  return out;
}

api::HttpOptions http_options(const Settings& settings) {
  api::HttpOptions out;
  out.listen_address = settings.listen_address;
  out.route_prefix = settings.route_prefix;
  out.cors_origin = settings.cors_origin;
  out.max_concurrent_writes = settings.max_concurrent_writes;
  out.max_concurrent_queries = query::Engine::threads(engine_options(settings));
  out.max_queued_queries = settings.query_max_queued;
  out.queue_timeout = settings.queue_timeout;
  out.max_connections = settings.max_connections;
  out.max_header_bytes = settings.max_header_size.bytes;
  out.max_body_bytes = settings.max_body_size.bytes;
  out.max_decompressed_bytes = settings.max_decompressed_size.bytes;
  out.max_form_bytes = settings.max_form_size.bytes;
  out.max_body_memory_bytes = settings.max_body_memory.bytes;
  out.header_timeout = settings.header_timeout;
  out.body_timeout = settings.body_timeout;
  out.idle_timeout = settings.idle_timeout;
  out.write_timeout = settings.write_timeout;
  out.response_timeout = settings.response_timeout;
  out.query_timeout = settings.query_timeout;
  out.lookback_delta = settings.lookback_delta;
  out.slow_query_log = settings.slow_query;
  out.max_points_per_series = settings.query_max_points;
  out.admin_api = settings.enable_admin_api;
  return out;
}

LogLevel log_level(const Settings& settings) {
  if (settings.log_level == "debug") return LogLevel::Debug;
  if (settings.log_level == "warn") return LogLevel::Warn;
  return settings.log_level == "error" ? LogLevel::Error : LogLevel::Info;
}

LogFormat log_format(const Settings& settings) {
  return settings.log_format == "json" ? LogFormat::Json : LogFormat::Logfmt;
}

}  // namespace silverback::server
